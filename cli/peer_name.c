#include "cli/peer_name.h"

#include <string.h>

#include "cli/talk.h"

static bool
is_meant(const struct peer_view *peer, const char *text)
{
    return bytes_are_text(peer->label, text) || id_has_prefix(peer->peer.bytes, text, strlen(text));
}

int
peer_name_find(struct connection *connection, const char *text, char ret_hex[ID_HEX_SIZE])
{
    struct answer answer = {NULL, 0, 0};
    const struct control_plain question = {0};
    union row_view view;
    struct peer_id id;
    size_t count = 0;
    if (id_from_hex(text, id.bytes) == STATUS_OK) {
        id_to_hex(id.bytes, ret_hex);
        return EXIT_DONE;
    }
    int code = talk_ask(connection, CONTROL_PEERS, &question, &answer, NULL);
    for (size_t place = 0; answer_next(&answer, ROW_PEER, &place, &view);) {
        if (is_meant(&view.peer, text)) {
            id_to_hex(view.peer.peer.bytes, ret_hex);
            count++;
        }
    }
    answer_clear(&answer);
    if (code == EXIT_DONE && count != 1) {
        talk_say(count == 0 ? "no peer is called %s; see: gpulet peers"
                            : "%s fits several peers; give more digits of the id",
                 text);
        code = EXIT_REFUSED;
    }
    return code;
}
