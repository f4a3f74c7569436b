#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/peer_name.h"
#include "cli/place.h"
#include "cli/talk.h"
#include "protocol/id.h"
#include "protocol/version.h"

#define COUNT_OF(table) (sizeof(table) / sizeof((table)[0]))

int
run_status(const struct invocation *invocation)
{
    struct answer answer = {NULL, 0, 0};
    const struct control_plain question = {0};
    int code = talk_once(invocation, CONTROL_STATUS, &question, &answer);
    if (code == EXIT_DONE) {
        code = talk_single(invocation, &answer, ROW_STATUS);
    }
    answer_clear(&answer);
    return code;
}

int
run_version(const struct invocation *invocation)
{
    if (option_is_given(invocation, "json")) {
        json_t *document = json_pack("{s:s}", "version", GPULET_VERSION);
        return talk_document(document);
    }
    printf("gpulet %s\n", GPULET_VERSION);
    return talk_flush();
}

/* The doctor is the daemon's own look at the machine; it needs no running daemon. */
int
run_doctor(const struct invocation *invocation)
{
    char program[PLACE_SIZE];
    char data[PLACE_SIZE];
    char memory[CELL_SIZE];
    struct buffer why;
    buffer_init(&why, memory, sizeof memory);
    if (place_daemon(program) != STATUS_OK) {
        talk_say("gpuletd is neither beside gpulet nor in PATH; install both");
        return EXIT_REFUSED;
    }
    if (place_data(invocation, data, &why) != STATUS_OK) {
        return talk_refuse(EXIT_REFUSED, &why);
    }
    const bool is_json = option_is_given(invocation, "json");
    execl(program, program, "--data", data, "--check", is_json ? "--json" : (char *)NULL,
          (char *)NULL);
    talk_say("cannot run %s", program);
    return EXIT_REFUSED;
}

int
run_gpus(const struct invocation *invocation)
{
    static const struct column columns[] = {
        {"gpu", "GPU", NULL},
        {"model", "MODEL", NULL},
        {"gpu_class", "CLASS", NULL},
        {"vram_mib", "VRAM", NULL},
        {"driver", "DRIVER", NULL},
        {"state", "STATE", NULL},
        {"simulated", "SIMULATED", NULL},
        {"suggested_ask_uusd_per_hour", "SUGGESTED ASK", NULL},
    };
    struct answer answer = {NULL, 0, 0};
    const struct control_plain question = {0};
    int code = talk_once(invocation, CONTROL_GPUS, &question, &answer);
    if (code == EXIT_DONE) {
        code = talk_list(invocation, &answer, ROW_GPU, columns, COUNT_OF(columns));
    }
    answer_clear(&answer);
    return code;
}

int
run_peers(const struct invocation *invocation)
{
    static const struct column columns[] = {
        {"peer", "PEER", NULL},         {"label", "NAME", NULL},
        {"address", "ADDRESS", NULL},   {"connected", "CONNECTED", NULL},
        {"outbound", "DIALLED", NULL},  {"records", "RECORDS", NULL},
        {"standing", "STANDING", NULL}, {"last_seen_s", "LAST SEEN", NULL},
    };
    struct answer answer = {NULL, 0, 0};
    const struct control_plain question = {0};
    int code = talk_once(invocation, CONTROL_PEERS, &question, &answer);
    if (code == EXIT_DONE) {
        code = talk_list(invocation, &answer, ROW_PEER, columns, COUNT_OF(columns));
    }
    answer_clear(&answer);
    return code;
}

int
run_peer_add(const struct invocation *invocation)
{
    const struct control_peer_add question = {bytes_of_text(invocation->operands[0])};
    return talk_order(invocation, CONTROL_PEER_ADD, &question);
}

static int
set_standing(const struct invocation *invocation, uint8_t standing)
{
    struct connection *connection;
    char hex[ID_HEX_SIZE];
    int code = talk_open(invocation, &connection);
    if (code != EXIT_DONE) {
        return code;
    }
    code = peer_name_find(connection, invocation->operands[0], hex);
    connection_close(connection);
    if (code != EXIT_DONE) {
        return code;
    }
    const struct control_standing question = {bytes_of_text(hex), standing};
    return talk_order(invocation, CONTROL_STANDING, &question);
}

int
run_allow(const struct invocation *invocation)
{
    return set_standing(invocation, 1);
}

int
run_deny(const struct invocation *invocation)
{
    return set_standing(invocation, 2);
}

static int
ask_settings(const struct invocation *invocation, const struct control_setting *question,
             struct answer *answer)
{
    return talk_once(invocation, CONTROL_SETTING, question, answer);
}

int
run_config_show(const struct invocation *invocation)
{
    static const struct column columns[] = {
        {"name", "SETTING", NULL},
        {"value", "VALUE", NULL},
        {"from", "FROM", NULL},
    };
    struct answer answer = {NULL, 0, 0};
    const struct control_setting question = {.set = false};
    int code = ask_settings(invocation, &question, &answer);
    if (code == EXIT_DONE) {
        code = talk_list(invocation, &answer, ROW_SETTING, columns, COUNT_OF(columns));
    }
    answer_clear(&answer);
    return code;
}

int
run_config_explain(const struct invocation *invocation)
{
    static const struct column columns[] = {
        {"name", "SETTING", NULL},
        {"value", "VALUE", NULL},
        {"help", "MEANING", NULL},
    };
    struct answer answer = {NULL, 0, 0};
    const char *name = invocation->operand_count > 0 ? invocation->operands[0] : "";
    const struct control_setting question = {.name = bytes_of_text(name)};
    int code = ask_settings(invocation, &question, &answer);
    if (code == EXIT_DONE) {
        code = talk_list(invocation, &answer, ROW_SETTING, columns, COUNT_OF(columns));
    }
    answer_clear(&answer);
    return code;
}

int
run_config_get(const struct invocation *invocation)
{
    struct answer answer = {NULL, 0, 0};
    union row_view view;
    const struct control_setting question = {.name = bytes_of_text(invocation->operands[0])};
    int code = ask_settings(invocation, &question, &answer);
    if (code == EXIT_DONE && option_is_given(invocation, "json")) {
        code = talk_single(invocation, &answer, ROW_SETTING);
    } else if (code == EXIT_DONE && answer_row(&answer, ROW_SETTING, 0, &view) == STATUS_OK) {
        char memory[CELL_SIZE * 4];
        struct buffer text;
        buffer_init(&text, memory, sizeof memory);
        output_field(&text, schema_field(control_row_schema(ROW_SETTING), "value"), &view, true);
        printf("%.*s\n", (int)text.length, memory);
        code = talk_flush();
    }
    answer_clear(&answer);
    return code;
}

int
run_config_set(const struct invocation *invocation)
{
    const struct control_setting question = {.name = bytes_of_text(invocation->operands[0]),
                                             .value = bytes_of_text(invocation->operands[1]),
                                             .set = true};
    return talk_order(invocation, CONTROL_SETTING, &question);
}
