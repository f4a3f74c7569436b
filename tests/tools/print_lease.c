/* Prints docs/lease.md: the life of a lease, from the table that both sides run. */
#include <stdio.h>

#include "protocol/lease_state.h"
#include "protocol/limits.h"
#include "protocol/message.h"
#include "protocol/record.h"

static const char *const state_help[LEASE_STATE_COUNT] = {
    [LEASE_ASKED] = "The renter has sent HOLD and waits. It holds nothing yet.",
    [LEASE_HELD] = "The host keeps the slots until the deadline; both sides know the full terms.",
    [LEASE_CONFIRMED] = "The renter has signed the terms and waits for the host's signature.",
    [LEASE_LEASED] = "Both signatures exist. Nothing is owed until the job starts.",
    [LEASE_STARTING] = "The start is durable, and the job is being started: at most once.",
    [LEASE_ACTIVE] = "The job runs and the meter ticks.",
    [LEASE_FROZEN] = "The job stands still, unpaid. A voucher thaws it.",
    [LEASE_DRAINING] = "Reclaimed: the meter stands, the notice runs, the job may save its work.",
    [LEASE_ENDING] = "The job is being killed.",
    [LEASE_SETTLING] = "Nothing runs, the slots are free; the final amount waits for the renter.",
    [LEASE_CLOSED] = "Both signatures stand under the final amount: a receipt.",
    [LEASE_VOID] = "Never started; nobody owes anything.",
};

static const char *const event_help[LEASE_EVENT_COUNT] = {
    [LEASE_EVENT_HELD] = "the host promises the slots",
    [LEASE_EVENT_REFUSED] = "the host refuses, or is busy",
    [LEASE_EVENT_CONFIRM] = "the renter signs the terms",
    [LEASE_EVENT_LEASE] = "the host signs them too",
    [LEASE_EVENT_CANCEL] = "the renter no longer wants the slots",
    [LEASE_EVENT_LAPSE] = "the deadline of a hold, or of the start, has passed",
    [LEASE_EVENT_START] = "the renter orders the start, with the first voucher",
    [LEASE_EVENT_STARTED] = "the job runs",
    [LEASE_EVENT_EXITED] = "the job has ended, by itself or killed",
    [LEASE_EVENT_LOST] = "the job is gone without an end: the host's failure",
    [LEASE_EVENT_UNPAID] = "the paid run time is used up",
    [LEASE_EVENT_PAID] = "a voucher covers more",
    [LEASE_EVENT_END] = "a side ends the lease, or its time or patience is over",
    [LEASE_EVENT_RECLAIM] = "the owner wants the card back",
    [LEASE_EVENT_NOTICE_OVER] = "the notice of a reclaim has passed",
    [LEASE_EVENT_FINAL] = "the host states the final amount",
    [LEASE_EVENT_RECEIPT] = "the renter signs it",
    [LEASE_EVENT_SILENCE] = "the renter has waited a day in vain for the final amount",
};

static const char *const action_help[LEASE_ACTION_COUNT] = {
    [LEASE_ACTION_IMPOSSIBLE] = "a mistake of the other side: answered, and nothing changes",
    [LEASE_ACTION_IGNORE] = "late or repeated, and harmless: the stored answer is repeated",
    [LEASE_ACTION_KEEP] = "noted; the state stays",
    [LEASE_ACTION_MOVE] = "just the next state",
    [LEASE_ACTION_FREE] = "the slots are free again, and nothing is owed",
    [LEASE_ACTION_START_JOB] = "the job is started",
    [LEASE_ACTION_FREEZE_JOB] = "the job is frozen",
    [LEASE_ACTION_THAW_JOB] = "the job goes on",
    [LEASE_ACTION_WARN_JOB] = "SIGTERM to the job, and the notice runs",
    [LEASE_ACTION_KILL_JOB] = "the job is killed",
    [LEASE_ACTION_SETTLE] = "the final amount is stated, the slots are free",
    [LEASE_ACTION_CLOSE] = "both signatures are there: the lease is done",
};

static const char drawing[] =
    "```\n"
    "           HOLD      HELD        CONFIRM           LEASE            START\n"
    "  (none) ------> ASKED ---> HELD -------> CONFIRMED -----> LEASED -------> STARTING\n"
    "                   |          |               |               |               |\n"
    "                   +----------+-------+-------+---------------+               | STARTED\n"
    "                                      |                                       v\n"
    "             refused, cancel, lapse,  |                  +--------------- ACTIVE\n"
    "             end, reclaim             v                  |      unpaid  |   |   ^\n"
    "                                    VOID                 |              v   |   | paid\n"
    "                                                         | reclaim   FROZEN-|---+\n"
    "                                                         |              |   |\n"
    "                                                         |   reclaim    |   |\n"
    "                                                         +<-------------+   | end\n"
    "                                                         v              |   |\n"
    "        RECEIPT            exited, lost              DRAINING       end |   |\n"
    "CLOSED <-------- SETTLING <----------------------------- |              |   |\n"
    "                     ^                                   | notice over  |   |\n"
    "                     |     exited, lost                  v              |   |\n"
    "                     +------------------------------- ENDING <----------+---+\n"
    "```\n";

static void
print_list(const struct name_table *names, const char *const *help)
{
    for (size_t i = 0; i < names->count; i++) {
        printf("| %s | %s |\n", names->names[i], help[i]);
    }
    printf("\n");
}

static void
print_states(void)
{
    printf("## States\n\n| state | what it means | holds the slots |\n|---|---|---|\n");
    for (size_t i = 0; i < LEASE_STATE_COUNT; i++) {
        printf("| %s | %s | %s |\n", lease_state_names.names[i], state_help[i],
               lease_state_holds_slots((enum lease_state)i) ? "yes" : "no");
    }
    printf("\n## Events\n\n| event | what happens |\n|---|---|\n");
    print_list(&lease_event_names, event_help);
    printf("## Actions\n\n| action | what a node does |\n|---|---|\n");
    print_list(&lease_action_names, action_help);
}

static bool
row_is_empty(enum lease_event event, enum lease_actor actor)
{
    for (unsigned state = 0; state < LEASE_STATE_COUNT; state++) {
        if (lease_step((enum lease_state)state, event, actor).action != LEASE_ACTION_IMPOSSIBLE) {
            return false;
        }
    }
    return true;
}

static void
print_cell(enum lease_state state, enum lease_event event, enum lease_actor actor)
{
    const struct lease_step step = lease_step(state, event, actor);
    if (step.action == LEASE_ACTION_IMPOSSIBLE) {
        printf(" - |");
    } else if (step.action == LEASE_ACTION_IGNORE) {
        printf(" ignore |");
    } else if (step.action == LEASE_ACTION_MOVE) {
        printf(" **%s** |", lease_state_names.names[step.next]);
    } else if (step.action == LEASE_ACTION_KEEP) {
        printf(" keep |");
    } else {
        printf(" **%s**, %s |", lease_state_names.names[step.next],
               lease_action_names.names[step.action]);
    }
}

static void
print_table(void)
{
    printf(
        "## The whole table\n\n"
        "A cell is the next state in bold and the action. `-` is impossible: no rule names it, so "
        "it is a mistake or a lie\nof the other side. A pair of event and actor without a row is "
        "impossible in every state.\n\n| event, by |");
    for (size_t i = 0; i < LEASE_STATE_COUNT; i++) {
        printf(" %s |", lease_state_names.names[i]);
    }
    printf("\n|---|");
    for (size_t i = 0; i < LEASE_STATE_COUNT; i++) {
        printf("---|");
    }
    printf("\n");
    for (unsigned event = 0; event < LEASE_EVENT_COUNT; event++) {
        for (unsigned actor = 0; actor < LEASE_ACTOR_COUNT; actor++) {
            if (row_is_empty((enum lease_event)event, (enum lease_actor)actor)) {
                continue;
            }
            printf("| %s, %s |", lease_event_names.names[event], lease_actor_names.names[actor]);
            for (unsigned state = 0; state < LEASE_STATE_COUNT; state++) {
                print_cell((enum lease_state)state, (enum lease_event)event,
                           (enum lease_actor)actor);
            }
            printf("\n");
        }
    }
    printf("\n");
}

static void
print_times(void)
{
    printf("## Times\n\n| what | how long |\n|---|---|\n");
    printf("| a hold, from HELD to CONFIRM | %u ms |\n", HOLD_TTL_MS);
    printf("| the latest start, after LEASE | %u s |\n", LATEST_START_S);
    printf("| one interval, paid by one voucher | %u s (%u s on test networks) |\n", INTERVAL_S,
           TEST_INTERVAL_S);
    printf("| between two METERs | %u s (%u s on test networks) |\n", METER_S, TEST_METER_S);
    printf("| an attached lease without its reader | %u s |\n", MISSED_CONTACT_S);
    printf(
        "| a renter's wait for the final amount, then it closes by the last meter and voucher | %u "
        "h |\n",
        FINAL_WAIT_S / 3600);
    printf("| the wait after a lapsed hold, doubled by each | %u ms to %u ms |\n",
           HOLD_LAPSE_WAIT_MS_MIN, HOLD_LAPSE_WAIT_MS_MAX);
    printf("\nDeadlines run by the boot clock, which counts sleep and never jumps, and are stored "
           "with "
           "the boot's id. After a\nreboot every hold is free, and a job is gone: its lease is "
           "settled "
           "as the host's failure.\n\n");
}

static void
print_words(void)
{
    printf("## Why a lease ended\n\n| number | reason |\n|---|---|\n");
    for (size_t i = 0; i < END_REASON_COUNT; i++) {
        printf("| %zu | %s |\n", i, end_reason_names.names[i]);
    }
    printf("\n## Why a host refuses\n\n| number | reason |\n|---|---|\n");
    for (size_t i = 0; i < REFUSAL_COUNT; i++) {
        printf("| %zu | %s |\n", i, refusal_names.names[i]);
    }
}

int
main(void)
{
    printf(
        "# The life of a lease\n\n"
        "Printed by `make docs` from `protocol/lease_state.c`, `protocol/limits.h` and the tables "
        "of names; do not edit.\n\n"
        "A match is a hint; the host's signature is the truth. Only the host can prevent a card "
        "from being let twice, and\nthat is enough: it writes each step down before it says it. "
        "Both sides run the same table, and every event has an\nactor: the host, the renter, or "
        "the clock.\n\n%s\n"
        "Not drawn: END and CANCEL lead from STARTING, too, to ENDING, and RECLAIM to DRAINING; "
        "a renter that missed\nmessages closes from any later state when FINAL comes.\n\n",
        drawing);
    print_states();
    print_table();
    print_times();
    print_words();
    return 0;
}
