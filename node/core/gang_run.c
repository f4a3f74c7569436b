#include <stdio.h>

#include "node/core/gang_state.h"
#include "node/core/renter.h"
#include "node/core/say.h"

enum {
    SILENCE_MS_MIN = 6000, /* of a host without a connection, before it counts as lost */
    REPLACE_MS = 30000,    /* a lost member is replaced within this time, or not at all */
    START_LEFT_MS = 6000,  /* a spare is given back before its lease is void */
    END_WAIT_MS = 10000,   /* for last words, before whoever waits is told */
    GAP_MS = 5000          /* we were asleep: nobody was heard, and that says nothing */
};

/* How the ranks stand. */
struct standing_of_ranks {
    unsigned running;
    unsigned finished;
    unsigned missing;
    unsigned pending;    /* hosts on their way to take a place */
    struct boot lost_at; /* the last loss */
};

static void
lose(struct core *core, struct gang *gang, struct seat *seat, const char *why)
{
    if (seat->is_lost) {
        return;
    }
    seat->is_lost = true;
    seat->lost_at = core->now.boot;
    say_log(core, LOG_WARNING, "rank %u of a gang is lost: %s", seat->rank, why);
    say_note(core, gang->client, NOTE_TALK, "rank %u is lost: %s", seat->rank, why);
    gang_store(core, gang);
}

/* What a member's end means for the others. */
static void
judge(struct core *core, struct gang *gang, struct seat *seat, const struct lease *lease)
{
    const struct lease_row *row = &lease->row;
    seat->phase = SEAT_OVER;
    switch ((enum end_reason)row->reason) {
    case END_JOB_EXITED:
        if (!seat->is_lost && (row->exit_code != 0 || row->exit_signal != 0)) {
            gang->has_failed = true;
        }
        break;
    case END_LIMIT:
        gang->has_failed = true;
        break;
    case END_DURATION:
        break;
    case END_NONE:
    case END_RENTER:
    case END_HOST:
    case END_RECLAIMED:
    case END_UNPAID:
    case END_HOST_FAILURE:
    case END_NOT_STARTED:
    case END_HOST_SILENT:
    case END_REASON_COUNT:
        lose(core, gang, seat, name_table_name(&end_reason_names, row->reason));
        break;
    }
}

static void
tend_started(struct core *core, struct gang *gang, struct seat *seat)
{
    struct lease *lease = gang_lease(core, seat);
    if (lease == NULL || lease->row.state == LEASE_VOID) {
        seat->phase = SEAT_OVER;
        seat->is_told = true; /* it owes nothing */
        lose(core, gang, seat, "its host did not start it");
        return;
    }
    if (lease->row.state == LEASE_CLOSED) {
        judge(core, gang, seat, lease);
        return;
    }
    if (lease->row.state == LEASE_DRAINING) {
        lose(core, gang, seat, "its owner takes the card back");
    }
    if (links_to_peer(core, &seat->host) != NULL) {
        seat->heard_at = core->now.boot;
        return;
    }
    const int64_t meters_ms = (int64_t)lease->row.meter_s * 2000 + 2000;
    const int64_t limit_ms = meters_ms > SILENCE_MS_MIN ? meters_ms : SILENCE_MS_MIN;
    if (!seat->is_lost && boot_between(seat->heard_at, core->now.boot).ms > limit_ms) {
        lose(core, gang, seat, "its host is silent");
        renter_end(core, lease);
    }
}

static struct standing_of_ranks
count_ranks(const struct gang *gang)
{
    struct standing_of_ranks ranks = {.missing = gang->world};
    for (size_t i = 0; i < GANG_SEATS_MAX; i++) {
        const struct seat *seat = &gang->seats[i];
        const bool has_rank = seat->rank != GANG_NO_RANK;
        if (has_rank && !seat->is_lost && seat->phase == SEAT_STARTED) {
            ranks.running++;
            ranks.missing--;
        } else if (has_rank && !seat->is_lost && seat->phase == SEAT_OVER) {
            ranks.finished++;
            ranks.missing--;
        }
        ranks.pending += !has_rank && (seat->phase == SEAT_HELD || seat->phase == SEAT_CERTIFIED ||
                                       seat->phase == SEAT_READY);
        if (seat->is_lost && seat->lost_at.ms > ranks.lost_at.ms) {
            ranks.lost_at = seat->lost_at;
        }
    }
    return ranks;
}

/* The lowest rank that nobody has, or GANG_NO_RANK. */
static uint16_t
missing_rank(const struct gang *gang)
{
    for (uint16_t rank = 0; rank < gang->world; rank++) {
        bool is_covered = false;
        for (size_t i = 0; i < GANG_SEATS_MAX && !is_covered; i++) {
            const struct seat *seat = &gang->seats[i];
            is_covered = seat->rank == rank && !seat->is_lost && seat->phase >= SEAT_READY;
        }
        if (!is_covered) {
            return rank;
        }
    }
    return GANG_NO_RANK;
}

static bool
is_any_starting(struct core *core, const struct gang *gang)
{
    for (size_t i = 0; i < GANG_SEATS_MAX; i++) {
        const struct seat *seat = &gang->seats[i];
        const struct lease *lease =
            seat->phase == SEAT_STARTED && !seat->is_lost ? gang_lease(core, seat) : NULL;
        if (lease != NULL && lease->row.state == LEASE_STARTING) {
            return true;
        }
    }
    return false;
}

/* Hosts that are ready beyond the ranks: one takes a lost rank; they are given back when all have
 * started, as nobody pays them for waiting. */
static void
tend_spares(struct core *core, struct gang *gang)
{
    const bool is_settled = !is_any_starting(core, gang);
    for (size_t i = 0; i < GANG_SEATS_MAX; i++) {
        struct seat *seat = &gang->seats[i];
        if (seat->phase != SEAT_READY) {
            continue;
        }
        struct lease *lease = gang_lease(core, seat);
        const uint16_t rank = missing_rank(gang);
        if (rank != GANG_NO_RANK && lease != NULL) {
            seat->rank = rank;
            say_note(core, gang->client, NOTE_TALK, "another host takes rank %u over", rank);
            gang_start_seat(core, gang, seat);
            gang_store(core, gang);
        } else if (lease != NULL && (is_settled || (uint64_t)core->now.boot.ms + START_LEFT_MS >
                                                       lease->row.deadline_boot_ms)) {
            renter_end(core, lease);
            seat->phase = SEAT_RELEASED;
        }
    }
}

static void
replace_lost(struct core *core, struct gang *gang, const struct standing_of_ranks *ranks)
{
    const bool is_late =
        ranks->lost_at.ms == 0 || boot_between(ranks->lost_at, core->now.boot).ms > REPLACE_MS;
    if (ranks->missing == 0 || ranks->finished > 0 || gang->has_failed) {
        return;
    }
    if (!is_late && ranks->pending < ranks->missing) {
        (void)gang_ask_hosts(core, gang, ranks->missing - ranks->pending);
        gang->has_failed = false; /* without money for a spare, the others go on */
    }
    const unsigned held = gang_count(gang, SEAT_HELD);
    const bool is_all = held >= ranks->missing || gang_count_pending(core, gang, false) == 0;
    if (held > 0 && is_all && ranks->running + held >= gang->least) {
        gang_certify(core, gang);
    }
}

void
gang_say_charges(struct core *core, struct gang *gang, bool all)
{
    for (size_t i = 0; i < GANG_SEATS_MAX; i++) {
        struct seat *seat = &gang->seats[i];
        const bool is_due = seat->phase == SEAT_STARTED || seat->phase == SEAT_OVER;
        const struct lease *lease = is_due && !seat->is_told ? gang_lease(core, seat) : NULL;
        if (lease == NULL || (!all && lease->row.state != LEASE_CLOSED)) {
            continue;
        }
        const bool is_closed = lease->row.state == LEASE_CLOSED;
        const struct charge_view view = {
            .lease = lease_id_of(lease),
            .charged_uusd = is_closed ? lease->row.final_uusd : lease->row.posted_uusd,
            .run_ms = lease->row.run_ms,
            .reason = lease->row.reason,
            .exit_code = lease->row.exit_code,
            .exit_signal = lease->row.exit_signal,
            .receipt = is_closed,
        };
        say_row(core, gang->client, ROW_CHARGE, &view);
        seat->is_told = true;
    }
}

void
gang_begin_end(struct core *core, struct gang *gang, const char *why)
{
    if (gang->phase == GANG_ENDING) {
        return;
    }
    gang->phase = GANG_ENDING;
    gang->over_at = core->now.boot;
    snprintf(gang->last_why, sizeof gang->last_why, "%s", why);
    say_log(core, LOG_INFO, "a gang ends: %s", why);
    gang_give_back(core, gang);
    gang_store(core, gang);
    gang_wake(core);
}

/* Nobody waits for a detached job once all its members run. */
static void
let_go(struct core *core, struct gang *gang)
{
    if (!gang->attached && gang->client.number != 0 && !is_any_starting(core, gang)) {
        say_done(core, gang->client, STATUS_OK, "%s", "");
        gang->client = (struct client){0};
    }
}

/* After a sleep of ours nobody was heard for a while, and that says nothing. */
static void
notice_gap(struct core *core, struct gang *gang)
{
    const bool has_slept =
        gang->ticked_at.ms != 0 && boot_between(gang->ticked_at, core->now.boot).ms > GAP_MS;
    gang->ticked_at = core->now.boot;
    for (size_t i = 0; has_slept && i < GANG_SEATS_MAX; i++) {
        gang->seats[i].heard_at = core->now.boot;
    }
}

void
gang_run_tick(struct core *core, struct gang *gang)
{
    notice_gap(core, gang);
    gang_tend_asked(core, gang);
    (void)gang_tend_certified(core, gang);
    for (size_t i = 0; i < GANG_SEATS_MAX; i++) {
        if (gang->seats[i].phase == SEAT_STARTED) {
            tend_started(core, gang, &gang->seats[i]);
        }
    }
    tend_spares(core, gang);
    gang_say_charges(core, gang, false);
    let_go(core, gang);
    if (gang->has_failed) {
        gang_begin_end(core, gang, "a member's job failed");
        return;
    }
    struct standing_of_ranks ranks = count_ranks(gang);
    ranks.pending += gang_count_pending(core, gang, false);
    replace_lost(core, gang, &ranks);
    if (ranks.running == 0 && ranks.missing == 0) {
        gang_begin_end(core, gang, "all members are done");
        return;
    }
    if (ranks.running + ranks.finished >= gang->least) {
        gang->short_since = (struct boot){0};
    } else if (gang->short_since.ms == 0) {
        gang->short_since = core->now.boot;
    } else if (boot_between(gang->short_since, core->now.boot).ms > REPLACE_MS) {
        gang->is_short = true;
        gang_begin_end(core, gang, "fewer hosts are left than --gang-min");
        return;
    }
    const bool waits =
        ranks.pending > 0 || boot_between(ranks.lost_at, core->now.boot).ms <= REPLACE_MS;
    if (ranks.running == 0 && (ranks.finished > 0 || !waits)) {
        gang_begin_end(core, gang, "no member runs any more");
    }
}

void
gang_end_tick(struct core *core, struct gang *gang)
{
    bool is_any_open = false;
    for (size_t i = 0; i < GANG_SEATS_MAX && !is_any_open; i++) {
        const struct seat *seat = &gang->seats[i];
        const bool has_lease = seat->phase == SEAT_STARTED || seat->phase == SEAT_OVER;
        const struct lease *lease = has_lease ? gang_lease(core, seat) : NULL;
        is_any_open = lease != NULL && lease_state_is_open(lease_state(lease));
    }
    gang_say_charges(core, gang, false);
    if (gang->over_at.ms == 0) {
        gang->over_at = core->now.boot; /* after a restart */
        gang_give_back(core, gang);
    }
    if (is_any_open && boot_between(gang->over_at, core->now.boot).ms < END_WAIT_MS) {
        return;
    }
    gang_say_charges(core, gang, true);
    if (gang->is_short) {
        say_done(core, gang->client, STATUS_REFUSED,
                 "fewer than %u hosts were left and no spare was found; each was paid for what ran",
                 gang->least);
    } else {
        say_done(core, gang->client, STATUS_OK, "%s", "");
    }
    gang_over(core, gang);
}
