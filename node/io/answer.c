#include "node/io/answer.h"

#include "node/io/log.h"
#include "protocol/codec.h"
#include "protocol/limits.h"

static void
send_frame(struct control *control, struct client client, const struct schema *schema,
           const void *value)
{
    uint8_t memory[FRAME_BYTES_MAX];
    struct buffer buffer;
    buffer_init(&buffer, memory, sizeof memory);
    enum status status = message_encode(schema, value, &buffer);
    if (status == STATUS_OK) {
        status = control_send(control, client, buffer_bytes(&buffer));
    }
    if (status != STATUS_OK) {
        log_line(LOG_DEBUG, "an answer could not be given: %s", status_text(status));
    }
}

void
answer_row(struct control *control, struct client client, uint8_t type, const void *view)
{
    uint8_t memory[FRAME_BYTES_MAX - 64];
    struct buffer buffer;
    buffer_init(&buffer, memory, sizeof memory);
    if (codec_encode(control_row_schema(type), view, &buffer) != STATUS_OK) {
        log_line(LOG_ERROR, "a row is out of its limits; it is not shown");
        return;
    }
    const struct control_row row = {.row = type, .value = buffer_bytes(&buffer)};
    send_frame(control, client, control_schema(CONTROL_ROW), &row);
}

void
answer_note(struct control *control, struct client client, enum note_level level, const char *text)
{
    const struct control_note note = {.level = (uint8_t)level, .text = bytes_of_text(text)};
    send_frame(control, client, control_schema(CONTROL_NOTE), &note);
}

void
answer_done(struct control *control, struct client client, enum status status, const char *text)
{
    const struct control_done done = {.status = (uint8_t)status, .text = bytes_of_text(text)};
    send_frame(control, client, control_schema(CONTROL_DONE), &done);
}
