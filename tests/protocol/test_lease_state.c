/* Every cell of (state, event, actor), and every path through them. The table itself is seen by including its
 * source: whether two rules overlap cannot be told from outside. */
#include "protocol/lease_state.c"

#include <criterion/criterion.h>

enum { CELLS = LEASE_STATE_COUNT * LEASE_EVENT_COUNT * LEASE_ACTOR_COUNT };
enum { RULES = sizeof rules / sizeof rules[0] };

struct cell {
    enum lease_state state;
    enum lease_event event;
    enum lease_actor actor;
    struct lease_step step;
};

static struct cell
cell_at(unsigned position)
{
    struct cell cell = {
        .state = (enum lease_state)(position / (LEASE_EVENT_COUNT * LEASE_ACTOR_COUNT)),
        .event = (enum lease_event)(position / LEASE_ACTOR_COUNT % LEASE_EVENT_COUNT),
        .actor = (enum lease_actor)(position % LEASE_ACTOR_COUNT),
    };
    cell.step = lease_step(cell.state, cell.event, cell.actor);
    return cell;
}

static void
expect(bool holds, const struct cell *cell, const char *rule)
{
    cr_assert(holds, "(%s, %s, %s) -> %s, %s: %s", state_texts[cell->state],
              event_texts[cell->event], actor_texts[cell->actor], state_texts[cell->step.next],
              action_texts[cell->step.action], rule);
}

/* The states that can be reached from `from` (itself too) when only these actors act. */
static uint32_t
reachable(uint32_t from, uint32_t actors)
{
    uint32_t known = from;
    uint32_t before;
    do {
        before = known;
        for (unsigned i = 0; i < CELLS; i++) {
            const struct cell cell = cell_at(i);
            if ((known & 1u << cell.state) != 0 && (actors & 1u << cell.actor) != 0) {
                known |= 1u << cell.step.next;
            }
        }
    } while (known != before);
    return known;
}

Test(lease_state, rules_never_overlap)
{
    for (size_t i = 0; i < RULES; i++) {
        for (size_t j = 0; j < i; j++) {
            const bool overlap = rules[i].event == rules[j].event &&
                                 (rules[i].states & rules[j].states) != 0 &&
                                 (rules[i].actors & rules[j].actors) != 0;
            cr_assert(!overlap, "rules %zu and %zu, event %s", j, i, event_texts[rules[i].event]);
        }
    }
}

Test(lease_state, every_rule_says_something)
{
    for (size_t i = 0; i < RULES; i++) {
        cr_assert_neq(rules[i].states, 0, "rule %zu", i);
        cr_assert_neq(rules[i].actors, 0, "rule %zu", i);
        cr_assert_lt(rules[i].states, 1u << LEASE_STATE_COUNT, "rule %zu", i);
        cr_assert_lt(rules[i].actors, 1u << LEASE_ACTOR_COUNT, "rule %zu", i);
        cr_assert_lt(rules[i].next, LEASE_STATE_COUNT, "rule %zu", i);
        cr_assert_neq(rules[i].action, LEASE_ACTION_IMPOSSIBLE, "rule %zu", i);
    }
}

Test(lease_state, what_no_rule_names_is_impossible)
{
    for (unsigned i = 0; i < CELLS; i++) {
        const struct cell cell = cell_at(i);
        size_t named = 0;
        for (size_t r = 0; r < RULES; r++) {
            named += rules[r].event == cell.event && (rules[r].states & 1u << cell.state) != 0 &&
                     (rules[r].actors & 1u << cell.actor) != 0;
        }
        expect(named <= 1, &cell, "named twice");
        expect((named == 0) == (cell.step.action == LEASE_ACTION_IMPOSSIBLE), &cell,
               "impossible when and only when no rule names it");
    }
}

/* What an action means is said once, here: from where it may come, and where it leads. */
Test(lease_state, an_action_comes_from_its_states_and_leads_to_its_own)
{
    const uint32_t any = (1u << LEASE_STATE_COUNT) - 1;
    const struct {
        uint32_t from;
        uint32_t to;
        bool stays;
    } meaning[LEASE_ACTION_COUNT] = {
        [LEASE_ACTION_IMPOSSIBLE] = {any, any, true},
        [LEASE_ACTION_IGNORE] = {any & ~S(ASKED), any, true},
        [LEASE_ACTION_KEEP] = {S(STARTING) | RUNNING, any, true},
        [LEASE_ACTION_MOVE] = {S(ASKED) | S(HELD) | S(CONFIRMED) | S(STARTING),
                               S(HELD) | S(CONFIRMED) | S(LEASED) | S(ACTIVE), false},
        [LEASE_ACTION_FREE] = {S(ASKED) | S(HELD) | S(CONFIRMED) | S(LEASED) | S(STARTING) |
                                   S(ENDING),
                               S(VOID), false},
        [LEASE_ACTION_START_JOB] = {S(LEASED), S(STARTING), false},
        [LEASE_ACTION_FREEZE_JOB] = {S(ACTIVE), S(FROZEN), false},
        [LEASE_ACTION_THAW_JOB] = {S(FROZEN), S(ACTIVE), false},
        [LEASE_ACTION_WARN_JOB] = {S(STARTING) | RUNNING, S(DRAINING), false},
        [LEASE_ACTION_KILL_JOB] = {S(STARTING) | RUNNING | S(DRAINING), S(ENDING), false},
        [LEASE_ACTION_SETTLE] = {S(STARTING) | STARTED, S(SETTLING), false},
        [LEASE_ACTION_CLOSE] = {S(STARTING) | STARTED | S(SETTLING), S(CLOSED), false},
    };
    for (unsigned i = 0; i < CELLS; i++) {
        const struct cell cell = cell_at(i);
        expect((meaning[cell.step.action].from & 1u << cell.state) != 0, &cell, "from there?");
        expect((meaning[cell.step.action].to & 1u << cell.step.next) != 0, &cell, "to there?");
        expect(!meaning[cell.step.action].stays || cell.step.next == cell.state, &cell,
               "keeps the state");
    }
}

Test(lease_state, nothing_leads_out_of_closed_and_void)
{
    for (unsigned i = 0; i < CELLS; i++) {
        const struct cell cell = cell_at(i);
        if (!lease_state_is_open(cell.state)) {
            expect(cell.step.next == cell.state, &cell, "stays");
            expect(cell.step.action == LEASE_ACTION_IGNORE ||
                       cell.step.action == LEASE_ACTION_IMPOSSIBLE,
                   &cell, "no action");
        }
    }
}

Test(lease_state, every_state_can_be_reached_and_can_end)
{
    const uint32_t all = (1u << LEASE_STATE_COUNT) - 1;
    cr_assert_eq(reachable(S(ASKED), HOST | RENTER | CLOCK), all);
    for (unsigned state = 0; state < LEASE_STATE_COUNT; state++) {
        const uint32_t ends = reachable(1u << state, HOST | RENTER | CLOCK);
        cr_assert_neq(ends & (S(CLOSED) | S(VOID)), 0, "%s", state_texts[state]);
    }
}

/* A renter that is gone for good cannot keep a card: the host and its clock are enough. */
Test(lease_state, slots_come_free_without_the_renter)
{
    uint32_t free_states = 0;
    for (unsigned state = 0; state < LEASE_STATE_COUNT; state++) {
        free_states |= lease_state_holds_slots((enum lease_state)state) ? 0 : 1u << state;
    }
    for (unsigned state = 0; state < LEASE_STATE_COUNT; state++) {
        cr_assert_neq(reachable(1u << state, HOST | CLOCK) & free_states, 0, "%s",
                      state_texts[state]);
    }
}

/* A host that is gone for good leaves the renter with nothing that waits for ever unsigned. */
Test(lease_state, a_renter_is_free_of_an_unstarted_lease_without_the_host)
{
    for (unsigned state = LEASE_ASKED; state <= LEASE_LEASED; state++) {
        cr_assert_neq(reachable(1u << state, RENTER | CLOCK) & S(VOID), 0, "%s",
                      state_texts[state]);
    }
}

Test(lease_state, a_renter_is_free_of_a_running_lease_without_the_host)
{
    for (unsigned state = LEASE_STARTING; state <= LEASE_ENDING; state++) {
        cr_assert_neq(reachable(1u << state, RENTER | CLOCK) & S(CLOSED), 0, "%s",
                      state_texts[state]);
    }
}

Test(lease_state, slots_are_held_from_the_promise_to_the_end_of_the_job)
{
    const uint32_t holding = S(HELD) | S(CONFIRMED) | S(LEASED) | S(STARTING) | STARTED;
    for (unsigned state = 0; state < LEASE_STATE_COUNT; state++) {
        cr_assert_eq(lease_state_holds_slots((enum lease_state)state), (holding >> state & 1) != 0,
                     "%s", state_texts[state]);
        cr_assert_eq(lease_state_is_open((enum lease_state)state),
                     state != LEASE_CLOSED && state != LEASE_VOID, "%s", state_texts[state]);
    }
}

/* Slots that were given back are never taken again under the same hold. */
Test(lease_state, slots_are_taken_once)
{
    for (unsigned state = 0; state < LEASE_STATE_COUNT; state++) {
        if (state != LEASE_ASKED && !lease_state_holds_slots((enum lease_state)state)) {
            const uint32_t later = reachable(1u << state, HOST | RENTER | CLOCK);
            for (unsigned next = 0; next < LEASE_STATE_COUNT; next++) {
                cr_assert((later & 1u << next) == 0 ||
                              !lease_state_holds_slots((enum lease_state)next),
                          "%s leads back to %s", state_texts[state], state_texts[next]);
            }
        }
    }
}

/* All paths: a node of the graph is (state, jobs started so far). */
Test(lease_state, no_path_starts_a_job_twice)
{
    bool seen[LEASE_STATE_COUNT][2] = {{false}};
    struct {
        enum lease_state state;
        unsigned starts;
    } queue[2 * LEASE_STATE_COUNT] = {{LEASE_ASKED, 0}};
    size_t queued = 1;
    seen[LEASE_ASKED][0] = true;
    for (size_t at = 0; at < queued; at++) {
        for (unsigned i = 0; i < CELLS; i++) {
            const struct cell cell = cell_at(i);
            if (cell.state != queue[at].state) {
                continue;
            }
            const unsigned starts =
                queue[at].starts + (cell.step.action == LEASE_ACTION_START_JOB ? 1 : 0);
            expect(starts < 2, &cell, "a second start");
            if (!seen[cell.step.next][starts]) {
                seen[cell.step.next][starts] = true;
                queue[queued].state = cell.step.next;
                queue[queued].starts = starts;
                queued++;
            }
        }
    }
    cr_assert(seen[LEASE_ACTIVE][1]);
    cr_assert(!seen[LEASE_ACTIVE][0], "a job runs that was never started");
    cr_assert(!seen[LEASE_SETTLING][0], "an account without a job");
}

Test(lease_state, a_job_that_ran_is_accounted_for)
{
    /* Only the host, to whom it is owed, can waive it. */
    cr_assert_eq(reachable(S(ACTIVE), RENTER | CLOCK) & S(VOID), 0, "void owes nothing");
    const uint32_t later = reachable(S(ACTIVE), HOST | RENTER | CLOCK);
    cr_assert_eq(later & (S(ASKED) | S(HELD) | S(CONFIRMED) | S(LEASED) | S(STARTING)), 0);
}

Test(lease_state, both_signatures_are_needed)
{
    /* Neither side reaches LEASED from ASKED alone, nor CLOSED from a running job without the host, unless
     * it is silent for a day. */
    cr_assert_eq(reachable(S(ASKED), RENTER | CLOCK) & S(LEASED), 0);
    cr_assert_eq(reachable(S(ASKED), HOST | CLOCK) & S(LEASED), 0);
    cr_assert_eq(reachable(S(ACTIVE), RENTER | CLOCK) & S(SETTLING), 0);
    for (unsigned i = 0; i < CELLS; i++) {
        const struct cell cell = cell_at(i);
        const bool leased = cell.step.next == LEASE_LEASED && cell.state != LEASE_LEASED;
        expect(!leased || (cell.state == LEASE_CONFIRMED && cell.actor == LEASE_ACTOR_HOST &&
                           cell.event == LEASE_EVENT_LEASE),
               &cell, "LEASED only from a confirmed hold, by the host");
        const bool closed = cell.step.next == LEASE_CLOSED && cell.state != LEASE_CLOSED;
        expect(!closed || cell.actor != LEASE_ACTOR_CLOCK ||
                   (cell.event == LEASE_EVENT_SILENCE && cell.state == LEASE_ENDING),
               &cell, "the clock signs nothing");
    }
}

Test(lease_state, an_event_comes_from_its_actor_alone)
{
    static const uint32_t actors_of[LEASE_EVENT_COUNT] = {
        [LEASE_EVENT_HELD] = HOST,
        [LEASE_EVENT_REFUSED] = HOST,
        [LEASE_EVENT_CONFIRM] = RENTER,
        [LEASE_EVENT_LEASE] = HOST,
        [LEASE_EVENT_CANCEL] = RENTER,
        [LEASE_EVENT_LAPSE] = CLOCK,
        [LEASE_EVENT_START] = RENTER,
        [LEASE_EVENT_STARTED] = HOST,
        [LEASE_EVENT_EXITED] = HOST,
        [LEASE_EVENT_LOST] = HOST,
        [LEASE_EVENT_UNPAID] = CLOCK,
        [LEASE_EVENT_PAID] = RENTER,
        [LEASE_EVENT_END] = HOST | RENTER | CLOCK,
        [LEASE_EVENT_RECLAIM] = HOST,
        [LEASE_EVENT_NOTICE_OVER] = CLOCK,
        [LEASE_EVENT_FINAL] = HOST,
        [LEASE_EVENT_RECEIPT] = RENTER,
        [LEASE_EVENT_SILENCE] = CLOCK,
    };
    uint32_t found[LEASE_EVENT_COUNT] = {0};
    for (unsigned i = 0; i < CELLS; i++) {
        const struct cell cell = cell_at(i);
        if (cell.step.action != LEASE_ACTION_IMPOSSIBLE) {
            found[cell.event] |= 1u << cell.actor;
        }
    }
    for (unsigned event = 0; event < LEASE_EVENT_COUNT; event++) {
        cr_assert_eq(found[event], actors_of[event], "%s", event_texts[event]);
    }
}

/* A message that comes twice does its work once: the second one changes nothing more. */
Test(lease_state, the_peers_repeats_change_nothing_more)
{
    for (unsigned i = 0; i < CELLS; i++) {
        const struct cell cell = cell_at(i);
        const bool repeated_by_time =
            cell.event == LEASE_EVENT_UNPAID || cell.event == LEASE_EVENT_PAID;
        if (cell.step.next != cell.state && !repeated_by_time) {
            const struct lease_step again = lease_step(cell.step.next, cell.event, cell.actor);
            expect(again.next == cell.step.next, &cell, "a repeat moves on");
            expect(again.action == LEASE_ACTION_IGNORE || again.action == LEASE_ACTION_IMPOSSIBLE ||
                       cell.step.next == LEASE_VOID,
                   &cell, "a repeat acts");
        }
    }
}

Test(lease_state, every_word_is_there_and_its_own)
{
    const struct name_table *tables[] = {&lease_state_names, &lease_event_names, &lease_actor_names,
                                         &lease_action_names};
    const size_t counts[] = {LEASE_STATE_COUNT, LEASE_EVENT_COUNT, LEASE_ACTOR_COUNT,
                             LEASE_ACTION_COUNT};
    for (size_t t = 0; t < 4; t++) {
        cr_assert_eq(tables[t]->count, counts[t]);
        for (size_t i = 0; i < counts[t]; i++) {
            const char *name = name_table_name(tables[t], i);
            uint8_t value;
            cr_assert_str_neq(name, "?");
            cr_assert_eq(name_table_find(tables[t], bytes_of_text(name), &value), STATUS_OK);
            cr_assert_eq(value, i, "%s stands twice", name);
        }
    }
}
