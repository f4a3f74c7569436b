#include "cli/clear_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/place.h"
#include "cli/talk.h"
#include "protocol/limits.h"

int
clear_list(const struct invocation *invocation)
{
    static const struct column columns[] = {
        {"clearing", "CLEARING", NULL},
        {"auctioneer", "AUCTIONEER", "auctioneer_label"},
        {"closed_at_s", "CLOSED", NULL},
        {"work", "WORK", NULL},
        {"region", "REGION", NULL},
        {"bids", "BIDS", NULL},
        {"listings", "LISTINGS", NULL},
        {"fills", "FILLS", NULL},
        {"price_uusd_per_hour", "H100", NULL},
    };
    struct answer answer = {NULL, 0, 0};
    const struct control_clearing question = {.prefix = bytes_of_text("")};
    int code = talk_once(invocation, CONTROL_CLEARING, &question, &answer);
    if (code == EXIT_DONE) {
        code = talk_list(invocation, &answer, ROW_CLEARING, columns,
                         sizeof columns / sizeof columns[0]);
    }
    answer_clear(&answer);
    return code;
}

/* One piece of the file after what the buffer holds; `ret_total` gets the length of all. */
static int
fetch_piece(struct connection *connection, const char *id, struct buffer *buffer,
            uint32_t *ret_total)
{
    struct answer answer = {NULL, 0, 0};
    union row_view view;
    const struct control_clearing question = {.prefix = bytes_of_text(id),
                                              .offset = (uint32_t)buffer->length};
    int code = talk_ask(connection, CONTROL_CLEARING, &question, &answer, NULL);
    const size_t count = answer_count(&answer, ROW_CLEARING);
    if (code == EXIT_DONE && count != 1) {
        talk_say(count == 0 ? "there is no clearing %s; see: gpulet clear"
                            : "%s fits several clearings; give more digits",
                 id);
        code = EXIT_REFUSED;
    }
    if (code == EXIT_DONE &&
        (answer_row(&answer, ROW_CLEARING, 0, &view) != STATUS_OK ||
         view.clearing.offset != buffer->length || view.clearing.data.length == 0)) {
        talk_say("gpuletd's clearing cannot be read");
        code = EXIT_REFUSED;
    }
    if (code == EXIT_DONE) {
        buffer_append(buffer, view.clearing.data.data, view.clearing.data.length);
        *ret_total = view.clearing.total;
    }
    answer_clear(&answer);
    return code;
}

static int
fetch(const struct invocation *invocation, const char *id, struct buffer *buffer)
{
    struct connection *connection;
    uint32_t total = 1;
    int code = talk_open(invocation, &connection);
    if (code != EXIT_DONE) {
        return code;
    }
    while (code == EXIT_DONE && buffer->length < total) {
        code = fetch_piece(connection, id, buffer, &total);
    }
    connection_close(connection);
    if (code == EXIT_DONE && (buffer->overflowed || buffer->length != total)) {
        talk_say("gpuletd's clearing has another length than it says");
        code = EXIT_REFUSED;
    }
    return code;
}

int
clear_export(const struct invocation *invocation, const char *id)
{
    const char *path = option_value(invocation, "output");
    uint8_t *memory = malloc(CLEARING_BYTES_MAX);
    struct buffer buffer;
    if (memory == NULL) {
        talk_say("%s", status_text(STATUS_NO_MEMORY));
        return EXIT_REFUSED;
    }
    buffer_init(&buffer, memory, CLEARING_BYTES_MAX);
    int code = EXIT_DONE;
    if (path == NULL && output_is_terminal(stdout)) {
        talk_say("a clearing is no text; write it into a file with: --output FILE");
        code = EXIT_USAGE;
    }
    code = code == EXIT_DONE ? fetch(invocation, id, &buffer) : code;
    if (code == EXIT_DONE && path != NULL &&
        place_write(path, buffer_bytes(&buffer)) != STATUS_OK) {
        talk_say("cannot write %s", path);
        code = EXIT_REFUSED;
    }
    if (code == EXIT_DONE && path == NULL) {
        fwrite(buffer.data, 1, buffer.length, stdout);
        code = talk_flush();
    }
    free(memory);
    return code;
}
