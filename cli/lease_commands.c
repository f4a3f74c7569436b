#include "cli/commands.h"
#include "cli/talk.h"

#define COUNT_OF(table) (sizeof(table) / sizeof((table)[0]))

int
run_requests(const struct invocation *invocation)
{
    static const struct column columns[] = {
        {"request", "REQUEST", NULL}, {"state", "STATE", NULL},
        {"count", "CARDS", NULL},     {"ask_max_uusd_per_hour", "HIGHEST ASK", NULL},
        {"until_s", "UNTIL", NULL},
    };
    struct answer answer = {NULL, 0, 0};
    const struct control_plain question = {0};
    int code = talk_once(invocation, CONTROL_REQUESTS, &question, &answer);
    if (code == EXIT_DONE) {
        code = talk_list(invocation, &answer, ROW_REQUEST, columns, COUNT_OF(columns));
    }
    answer_clear(&answer);
    return code;
}

int
run_cancel(const struct invocation *invocation)
{
    const struct control_lease_end question = {bytes_of_text(invocation->operands[0])};
    return talk_order(invocation, CONTROL_REQUEST_CANCEL, &question);
}

static bool
is_any_in_gang(const struct answer *answer)
{
    union row_view view;
    size_t place = 0;
    while (answer_next(answer, ROW_LEASE, &place, &view)) {
        if (!record_id_is_zero(&view.lease.gang)) {
            return true;
        }
    }
    return false;
}

int
run_leases(const struct invocation *invocation)
{
    static const struct column columns[] = {
        {"lease", "LEASE", NULL},
        {"role", "ROLE", NULL},
        {"peer", "WITH", "peer_label"},
        {"model", "MODEL", NULL},
        {"slots", "CARDS", NULL},
        {"state", "STATE", NULL},
        {"ask_uusd_per_hour", "PRICE", NULL},
        {"run_ms", "RAN", NULL},
        {"charged_uusd", "CHARGED", NULL},
        {"reason", "ENDED", NULL},
        {"exit_code", "EXIT", NULL},
        {"gang", "GANG", NULL}, /* the last one, as mostly there is none */
    };
    struct answer answer = {NULL, 0, 0};
    const struct control_leases question = {.all = option_is_given(invocation, "all")};
    int code = talk_once(invocation, CONTROL_LEASES, &question, &answer);
    if (code == EXIT_DONE) {
        const size_t shown = COUNT_OF(columns) - (is_any_in_gang(&answer) ? 0 : 1);
        code = talk_list(invocation, &answer, ROW_LEASE, columns, shown);
    }
    answer_clear(&answer);
    return code;
}

int
run_lease_show(const struct invocation *invocation)
{
    struct answer answer = {NULL, 0, 0};
    const struct control_leases question = {.all = true,
                                            .prefix = bytes_of_text(invocation->operands[0])};
    int code = talk_once(invocation, CONTROL_LEASES, &question, &answer);
    const size_t count = answer_count(&answer, ROW_LEASE);
    if (code == EXIT_DONE && count != 1) {
        talk_say(count == 0 ? "there is no lease %s; see: gpulet leases --all"
                            : "%s fits several leases; give more digits",
                 invocation->operands[0]);
        code = EXIT_REFUSED;
    }
    if (code == EXIT_DONE) {
        code = talk_single(invocation, &answer, ROW_LEASE);
    }
    answer_clear(&answer);
    return code;
}

int
run_lease_extend(const struct invocation *invocation)
{
    const struct control_lease_extend question = {
        .prefix = bytes_of_text(invocation->operands[0]),
        .by_s = option_seconds(invocation, "by", 0),
        .dry_run = option_is_given(invocation, "dry-run"),
    };
    if (question.by_s == 0) {
        talk_say("say by how long: gpulet lease extend %s --by 30m", invocation->operands[0]);
        return EXIT_USAGE;
    }
    return talk_order(invocation, CONTROL_LEASE_EXTEND, &question);
}

int
run_lease_end(const struct invocation *invocation)
{
    const struct control_lease_end question = {bytes_of_text(invocation->operands[0])};
    return talk_order(invocation, CONTROL_LEASE_END, &question);
}
