#include "cli/talk.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/place.h"
#include "protocol/codec.h"

enum { WAIT_MS = 1000 };

void
talk_say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("gpulet: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

int
talk_refuse(enum exit_code code, const struct buffer *why)
{
    talk_say("%.*s", (int)why->length, (const char *)why->data);
    return (int)code;
}

int
talk_open_data(const char *data, struct connection **ret_connection)
{
    char path[PLACE_SIZE];
    enum status status = place_socket(data, path);
    if (status == STATUS_OK) {
        status = connection_open(path, ret_connection);
    }
    if (status == STATUS_OK) {
        return EXIT_DONE;
    }
    if (status == STATUS_PERMISSION) {
        talk_say("the gpuletd on %s belongs to somebody else; use --data DIR for your own", data);
        return EXIT_NO_DAEMON;
    }
    if (status == STATUS_DISCONNECTED) {
        talk_say("no gpuletd runs on %s; start it with: gpulet up", data);
        return EXIT_NO_DAEMON;
    }
    talk_say("cannot reach gpuletd at %s: %s", path, status_text(status));
    return EXIT_REFUSED;
}

int
talk_open(const struct invocation *invocation, struct connection **ret_connection)
{
    char data[PLACE_SIZE];
    char memory[CELL_SIZE];
    struct buffer why;
    buffer_init(&why, memory, sizeof memory);
    enum status status = place_data(invocation, data, &why);
    if (status != STATUS_OK) {
        return talk_refuse(status == STATUS_BAD_INPUT ? EXIT_USAGE : EXIT_REFUSED, &why);
    }
    const int code = talk_open_data(data, ret_connection);
    if (code == EXIT_NO_DAEMON && option_is_given(invocation, "node")) {
        talk_say("a node of a test network starts with: gpulet testnet restart %s",
                 option_value(invocation, "node"));
    }
    return code;
}

static void
print_clean(FILE *file, const char *before, struct bytes text, const char *after)
{
    char memory[2048];
    struct buffer clean;
    buffer_init(&clean, memory, sizeof memory);
    output_clean(&clean, text);
    fprintf(file, "%s%.*s%s", before, (int)clean.length, memory, after);
}

void
talk_note(const struct control_note *note)
{
    if (note->level == NOTE_PROGRESS && !output_is_terminal(stderr)) {
        return;
    }
    print_clean(stderr, note->level == NOTE_WARNING ? "gpulet: warning: " : "gpulet: ", note->text,
                "\n");
}

int
talk_done(const struct control_done *done)
{
    if (done->status == STATUS_OK) {
        return EXIT_DONE;
    }
    if (done->text.length > 0) {
        print_clean(stderr, "gpulet: ", done->text, "\n");
    } else {
        talk_say("%s", status_text((enum status)done->status));
    }
    return done->status == STATUS_BAD_INPUT ? EXIT_USAGE : EXIT_REFUSED;
}

/* What one frame of an answer was. */
enum frame_kind { FRAME_MORE, FRAME_END, FRAME_BAD };

static enum frame_kind
take_frame(struct bytes frame, struct answer *answer, struct control_done *ret_done)
{
    uint8_t type;
    struct control_row row;
    struct control_note note;
    if (message_type(frame, &type) != STATUS_OK) {
        return FRAME_BAD;
    }
    switch (type) {
    case CONTROL_ROW:
        return message_decode(control_schema(type), frame, &row) == STATUS_OK &&
                       answer_keep(answer, row.row, row.value) == STATUS_OK
                   ? FRAME_MORE
                   : FRAME_BAD;
    case CONTROL_NOTE:
        if (message_decode(control_schema(type), frame, &note) != STATUS_OK) {
            return FRAME_BAD;
        }
        talk_note(&note);
        return FRAME_MORE;
    case CONTROL_DONE:
        return message_decode(control_schema(type), frame, ret_done) == STATUS_OK ? FRAME_END
                                                                                  : FRAME_BAD;
    default:
        return FRAME_MORE;
    }
}

static int
say_broken(enum status status)
{
    if (status == STATUS_DISCONNECTED) {
        talk_say("gpuletd went silent; see what happened with: gpulet status");
        return EXIT_NO_DAEMON;
    }
    talk_say("the conversation with gpuletd failed: %s", status_text(status));
    return EXIT_REFUSED;
}

static void
keep_text(const struct control_done *done, char *ret_done)
{
    struct buffer text;
    if (ret_done == NULL) {
        return;
    }
    buffer_init(&text, ret_done, CELL_SIZE - 1);
    output_clean(&text, done->text);
    ret_done[text.length] = '\0';
}

int
talk_ask(struct connection *connection, uint8_t question, const void *value, struct answer *answer,
         char *ret_done)
{
    struct bytes frame;
    struct control_done done;
    enum status status = connection_send(connection, control_schema(question), value);
    while (status == STATUS_OK || status == STATUS_NOT_NOW) {
        if (status == STATUS_NOT_NOW) {
            status = connection_wait(connection, NULL, 0, WAIT_MS);
        }
        if (status == STATUS_OK) {
            status = connection_receive(connection, &frame);
        }
        if (status != STATUS_OK) {
            continue;
        }
        const enum frame_kind kind = take_frame(frame, answer, &done);
        if (kind == FRAME_END) {
            keep_text(&done, ret_done);
            return talk_done(&done);
        }
        status = kind == FRAME_BAD ? STATUS_CORRUPT : STATUS_OK;
    }
    return say_broken(status);
}

int
talk_once(const struct invocation *invocation, uint8_t question, const void *value,
          struct answer *answer)
{
    struct connection *connection;
    int code = talk_open(invocation, &connection);
    if (code == EXIT_DONE) {
        code = talk_ask(connection, question, value, answer, NULL);
        connection_close(connection);
    }
    return code;
}

int
talk_flush(void)
{
    if (fflush(stdout) != 0 || ferror(stdout) != 0) {
        talk_say("standard output did not take everything");
        return EXIT_REFUSED;
    }
    return EXIT_DONE;
}

int
talk_document(json_t *document)
{
    const enum status status = output_document(stdout, document);
    if (status == STATUS_NO_MEMORY) {
        talk_say("%s", status_text(status));
        return EXIT_REFUSED;
    }
    return talk_flush();
}

int
talk_list(const struct invocation *invocation, const struct answer *answer, uint8_t row,
          const struct column *columns, size_t count)
{
    if (option_is_given(invocation, "json")) {
        json_t *document = json_object();
        if (document != NULL) {
            json_object_set_new(document, invocation->command->noun, output_array(answer, row));
        }
        return talk_document(document);
    }
    if (answer_count(answer, row) == 0) {
        talk_say("no %s", invocation->command->noun);
        return EXIT_DONE;
    }
    output_table(stdout, answer, row, columns, count);
    return talk_flush();
}

int
talk_single(const struct invocation *invocation, const struct answer *answer, uint8_t row)
{
    union row_view view;
    if (answer_row(answer, row, 0, &view) != STATUS_OK) {
        talk_say("gpuletd gave no answer to this");
        return EXIT_REFUSED;
    }
    if (option_is_given(invocation, "json")) {
        return talk_document(output_object(control_row_schema(row), &view));
    }
    output_fields(stdout, control_row_schema(row), &view);
    return talk_flush();
}

int
talk_order(const struct invocation *invocation, uint8_t question, const void *value)
{
    struct answer answer = {NULL, 0, 0};
    struct connection *connection;
    char text[CELL_SIZE] = "";
    int code = talk_open(invocation, &connection);
    if (code != EXIT_DONE) {
        return code;
    }
    code = talk_ask(connection, question, value, &answer, text);
    connection_close(connection);
    answer_clear(&answer);
    if (code == EXIT_DONE && option_is_given(invocation, "json")) {
        json_t *document = json_pack("{s:b, s:s}", "done", 1, "text", text);
        return talk_document(document);
    }
    if (code == EXIT_DONE && text[0] != '\0') {
        talk_say("%s", text);
    }
    return code;
}
