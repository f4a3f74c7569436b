#include "protocol/lease_state.h"

#include <assert.h>

static const char *const state_texts[LEASE_STATE_COUNT] = {
    "asked",  "held",     "confirmed", "leased",   "starting", "active",
    "frozen", "draining", "ending",    "settling", "closed",   "void",
};
const struct name_table lease_state_names = {state_texts, LEASE_STATE_COUNT};

static const char *const event_texts[LEASE_EVENT_COUNT] = {
    "held", "refused", "confirm", "lease", "cancel",  "lapse",       "start", "started", "exited",
    "lost", "unpaid",  "paid",    "end",   "reclaim", "notice over", "final", "receipt", "silence",
};
const struct name_table lease_event_names = {event_texts, LEASE_EVENT_COUNT};

static const char *const actor_texts[LEASE_ACTOR_COUNT] = {"host", "renter", "clock"};
const struct name_table lease_actor_names = {actor_texts, LEASE_ACTOR_COUNT};

static const char *const action_texts[LEASE_ACTION_COUNT] = {
    "impossible", "ignore",   "keep",     "move",     "free",   "start job",
    "freeze job", "thaw job", "warn job", "kill job", "settle", "close",
};
const struct name_table lease_action_names = {action_texts, LEASE_ACTION_COUNT};

/* A rule holds for a set of states, one event and a set of actors. Rules do not overlap (tested); what
 * no rule names is IMPOSSIBLE. */
struct rule {
    uint32_t states;
    uint32_t actors;
    enum lease_event event;
    enum lease_action action;
    enum lease_state next; /* with IGNORE and KEEP: unused, the state stays */
};

#define S(name) (1u << LEASE_##name)
#define HOST (1u << LEASE_ACTOR_HOST)
#define RENTER (1u << LEASE_ACTOR_RENTER)
#define CLOCK (1u << LEASE_ACTOR_CLOCK)

#define RUNNING (S(ACTIVE) | S(FROZEN))
#define ENDED (S(SETTLING) | S(CLOSED) | S(VOID))
#define STARTED (RUNNING | S(DRAINING) | S(ENDING))

static const struct rule rules[] = {
    /* Asking for slots, and promising them. */
    {S(ASKED), HOST, LEASE_EVENT_HELD, LEASE_ACTION_MOVE, LEASE_HELD},
    {S(HELD) | S(CONFIRMED) | S(LEASED) | S(STARTING) | STARTED | ENDED, HOST, LEASE_EVENT_HELD,
     LEASE_ACTION_IGNORE, LEASE_HELD},
    {S(ASKED) | S(HELD) | S(CONFIRMED), HOST, LEASE_EVENT_REFUSED, LEASE_ACTION_FREE, LEASE_VOID},
    /* ENDING: the renter ended what the host says was never started; the host gives up its claim. */
    {S(LEASED) | S(STARTING) | S(ENDING), HOST, LEASE_EVENT_REFUSED, LEASE_ACTION_FREE, LEASE_VOID},
    {RUNNING | S(DRAINING) | ENDED, HOST, LEASE_EVENT_REFUSED, LEASE_ACTION_IGNORE, LEASE_VOID},
    {S(ASKED) | S(HELD) | S(CONFIRMED), RENTER, LEASE_EVENT_CANCEL, LEASE_ACTION_FREE, LEASE_VOID},
    {S(LEASED), RENTER, LEASE_EVENT_CANCEL, LEASE_ACTION_FREE, LEASE_VOID},
    {S(STARTING) | RUNNING | S(DRAINING), RENTER, LEASE_EVENT_CANCEL, LEASE_ACTION_KILL_JOB,
     LEASE_ENDING},
    {S(ENDING) | ENDED, RENTER, LEASE_EVENT_CANCEL, LEASE_ACTION_IGNORE, LEASE_VOID},
    {S(ASKED) | S(HELD) | S(CONFIRMED) | S(LEASED), CLOCK, LEASE_EVENT_LAPSE, LEASE_ACTION_FREE,
     LEASE_VOID},

    /* Both signatures. The host goes from HELD to LEASED, the renter through CONFIRMED. */
    {S(HELD), RENTER, LEASE_EVENT_CONFIRM, LEASE_ACTION_MOVE, LEASE_CONFIRMED},
    {S(CONFIRMED) | S(LEASED) | S(STARTING) | STARTED | S(SETTLING) | S(CLOSED), RENTER,
     LEASE_EVENT_CONFIRM, LEASE_ACTION_IGNORE, LEASE_LEASED},
    {S(CONFIRMED), HOST, LEASE_EVENT_LEASE, LEASE_ACTION_MOVE, LEASE_LEASED},
    {S(LEASED) | S(STARTING) | STARTED | ENDED, HOST, LEASE_EVENT_LEASE, LEASE_ACTION_IGNORE,
     LEASE_LEASED},

    /* The job, started at most once. */
    {S(LEASED), RENTER, LEASE_EVENT_START, LEASE_ACTION_START_JOB, LEASE_STARTING},
    {S(STARTING) | STARTED | S(SETTLING) | S(CLOSED), RENTER, LEASE_EVENT_START,
     LEASE_ACTION_IGNORE, LEASE_STARTING},
    {S(STARTING), HOST, LEASE_EVENT_STARTED, LEASE_ACTION_MOVE, LEASE_ACTIVE},
    {STARTED | ENDED, HOST, LEASE_EVENT_STARTED, LEASE_ACTION_IGNORE, LEASE_ACTIVE},
    {S(STARTING) | STARTED, HOST, LEASE_EVENT_EXITED, LEASE_ACTION_SETTLE, LEASE_SETTLING},
    {ENDED, HOST, LEASE_EVENT_EXITED, LEASE_ACTION_IGNORE, LEASE_SETTLING},
    {S(STARTING) | STARTED, HOST, LEASE_EVENT_LOST, LEASE_ACTION_SETTLE, LEASE_SETTLING},
    {ENDED, HOST, LEASE_EVENT_LOST, LEASE_ACTION_IGNORE, LEASE_SETTLING},

    /* Paying. */
    {S(ACTIVE), CLOCK, LEASE_EVENT_UNPAID, LEASE_ACTION_FREEZE_JOB, LEASE_FROZEN},
    {S(FROZEN), CLOCK, LEASE_EVENT_UNPAID, LEASE_ACTION_KEEP, LEASE_FROZEN},
    {S(DRAINING) | S(ENDING) | ENDED, CLOCK, LEASE_EVENT_UNPAID, LEASE_ACTION_IGNORE, LEASE_FROZEN},
    {S(FROZEN), RENTER, LEASE_EVENT_PAID, LEASE_ACTION_THAW_JOB, LEASE_ACTIVE},
    {S(STARTING) | S(ACTIVE), RENTER, LEASE_EVENT_PAID, LEASE_ACTION_KEEP, LEASE_ACTIVE},
    {S(DRAINING) | S(ENDING) | ENDED, RENTER, LEASE_EVENT_PAID, LEASE_ACTION_IGNORE, LEASE_ACTIVE},

    /* Ending, by either side, or because time or patience is over. */
    {S(ASKED) | S(HELD) | S(CONFIRMED) | S(LEASED), HOST | RENTER | CLOCK, LEASE_EVENT_END,
     LEASE_ACTION_FREE, LEASE_VOID},
    {S(STARTING) | RUNNING | S(DRAINING), HOST | RENTER | CLOCK, LEASE_EVENT_END,
     LEASE_ACTION_KILL_JOB, LEASE_ENDING},
    {S(ENDING) | ENDED, HOST | RENTER | CLOCK, LEASE_EVENT_END, LEASE_ACTION_IGNORE, LEASE_ENDING},

    /* The owner comes back. */
    {S(HELD) | S(LEASED), HOST, LEASE_EVENT_RECLAIM, LEASE_ACTION_FREE, LEASE_VOID},
    {S(STARTING) | RUNNING, HOST, LEASE_EVENT_RECLAIM, LEASE_ACTION_WARN_JOB, LEASE_DRAINING},
    {S(DRAINING) | S(ENDING) | ENDED, HOST, LEASE_EVENT_RECLAIM, LEASE_ACTION_IGNORE,
     LEASE_DRAINING},
    {S(DRAINING), CLOCK, LEASE_EVENT_NOTICE_OVER, LEASE_ACTION_KILL_JOB, LEASE_ENDING},
    {S(ENDING) | ENDED, CLOCK, LEASE_EVENT_NOTICE_OVER, LEASE_ACTION_IGNORE, LEASE_ENDING},

    /* The last word. The renter closes when it signs, the host when it sees the signature. */
    {S(STARTING) | STARTED | S(SETTLING), HOST, LEASE_EVENT_FINAL, LEASE_ACTION_CLOSE,
     LEASE_CLOSED},
    {S(CLOSED), HOST, LEASE_EVENT_FINAL, LEASE_ACTION_IGNORE, LEASE_CLOSED},
    {S(SETTLING), RENTER, LEASE_EVENT_RECEIPT, LEASE_ACTION_CLOSE, LEASE_CLOSED},
    {S(CLOSED), RENTER, LEASE_EVENT_RECEIPT, LEASE_ACTION_IGNORE, LEASE_CLOSED},
    {S(ENDING), CLOCK, LEASE_EVENT_SILENCE, LEASE_ACTION_CLOSE, LEASE_CLOSED},
    {ENDED, CLOCK, LEASE_EVENT_SILENCE, LEASE_ACTION_IGNORE, LEASE_CLOSED},
};

struct lease_step
lease_step(enum lease_state state, enum lease_event event, enum lease_actor actor)
{
    assert((unsigned)state < LEASE_STATE_COUNT && (unsigned)actor < LEASE_ACTOR_COUNT);
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        const struct rule *rule = &rules[i];
        if (rule->event == event && (rule->states & (1u << state)) != 0 &&
            (rule->actors & (1u << actor)) != 0) {
            const bool stays =
                rule->action == LEASE_ACTION_IGNORE || rule->action == LEASE_ACTION_KEEP;
            return (struct lease_step){stays ? state : rule->next, rule->action};
        }
    }
    return (struct lease_step){state, LEASE_ACTION_IMPOSSIBLE};
}

bool
lease_state_holds_slots(enum lease_state state)
{
    return lease_state_is_open(state) && state != LEASE_SETTLING && state != LEASE_ASKED;
}

bool
lease_state_is_open(enum lease_state state)
{
    return state != LEASE_CLOSED && state != LEASE_VOID;
}
