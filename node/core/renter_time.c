#include "node/core/avoid.h"
#include "node/core/gang.h"
#include "node/core/renter.h"
#include "node/core/say.h"

enum { END_REPEAT_MS = 2000, END_DOUBLINGS = 6, LATE_FINAL_MS = 60000, START_PATIENCE_MS = 40000 };

/* The host owes us its final word for too long: whoever waits hears what stands in the books. */
static void
give_up_waiting(struct core *core, struct lease *lease)
{
    const struct charge_view view = {
        .lease = lease_id_of(lease),
        .charged_uusd = lease->row.posted_uusd,
        .run_ms = lease->row.run_ms,
        .reason = lease->row.reason,
    };
    say_row(core, lease->client, ROW_CHARGE, &view);
    say_done(core, lease->client, STATUS_TIMEOUT,
             "the host does not say how the lease ended; no more than the last voucher is owed");
    lease->client = (struct client){0};
}

static void
say_end(struct core *core, struct lease *lease)
{
    const struct link_state *link = links_to_peer(core, &lease->row.peer);
    const struct end_message end = {.lease = lease_id_of(lease), .reason = END_RENTER};
    /* Less and less often: a host that is gone for good is not worth a frame a second. */
    const unsigned doublings = lease->repeats < END_DOUBLINGS ? lease->repeats : END_DOUBLINGS;
    lease->repeats = (uint16_t)(doublings + 1);
    lease->send_at = boot_add(core->now.boot, duration_of_ms((int64_t)END_REPEAT_MS << doublings));
    if (link != NULL) {
        say_message(core, link->link, &end_message_schema, &end);
    }
}

void
renter_end(struct core *core, struct lease *lease)
{
    const bool was_asked = record_id_is_zero(&lease->row.lease);
    const enum lease_action action = lease_apply(core, lease, LEASE_EVENT_END, LEASE_ACTOR_RENTER);
    if (action == LEASE_ACTION_KILL_JOB) {
        lease->row.reason = END_RENTER;
        lease->row.ended_at_ms = (uint64_t)core->now.wall.ms;
        lease_store(core, lease);
        say_end(core, lease);
        return;
    }
    if (action != LEASE_ACTION_FREE) {
        return;
    }
    const struct link_state *link = links_to_peer(core, &lease->row.peer);
    const struct cancel_message cancel = {.hold = lease->row.hold};
    if (link != NULL) {
        say_message(core, link->link, &cancel_message_schema, &cancel);
    }
    lease->row.reason = END_RENTER;
    lease->row.ended_at_ms = (uint64_t)core->now.wall.ms;
    struct rent *rent = lease->client.number == 0 ? NULL : rent_of(core, lease->client);
    if (rent != NULL) {
        rent_over(rent);
    }
    say_done(core, lease->client, STATUS_REFUSED, "ended before it started; nothing is owed");
    lease->client = (struct client){0};
    if (was_asked) {
        lease_forget(core, lease);
    } else {
        lease_store(core, lease);
    }
}

static bool
reader_is_long_gone(const struct core *core, const struct lease *lease)
{
    return lease->row.attached && lease->reader_gone &&
           boot_between(lease->reader_gone_at, core->now.boot).ms > MISSED_CONTACT_S * 1000;
}

/* Long after its time a lease whose host says nothing is counted as ended: no more is paid. By boot
 * time where that still means something, as the wall clock may jump. */
static bool
is_long_over(const struct core *core, const struct lease *lease)
{
    const struct lease_row *row = &lease->row;
    const uint64_t life_ms = (row->duration_s + LATEST_START_S) * 1000ull;
    if (row->boot_id == core->boot_id) {
        const uint64_t end_ms =
            row->end_at_boot_ms != 0 ? row->end_at_boot_ms : row->deadline_boot_ms + life_ms;
        return (uint64_t)core->now.boot.ms > end_ms + LATE_FINAL_MS;
    }
    const uint64_t end_ms = row->end_at_ms != 0 ? row->end_at_ms : row->created_at_ms + life_ms;
    return (uint64_t)core->now.wall.ms > end_ms + LATE_FINAL_MS;
}

static void
lapse(struct core *core, struct lease *lease)
{
    const struct client client = lease->client;
    const struct peer_id host = lease->row.peer;
    const bool was_asked = lease->row.state == LEASE_ASKED;
    if (lease_apply(core, lease, LEASE_EVENT_LAPSE, LEASE_ACTOR_CLOCK) != LEASE_ACTION_FREE) {
        return;
    }
    const struct link_state *link = links_to_peer(core, &host);
    const struct cancel_message cancel = {.hold = lease->row.hold};
    if (link != NULL) {
        say_message(core, link->link, &cancel_message_schema, &cancel);
    }
    lease->row.reason = END_NOT_STARTED;
    lease->row.ended_at_ms = (uint64_t)core->now.wall.ms;
    lease->client = (struct client){0};
    if (was_asked) {
        lease_forget(core, lease);
    } else {
        lease_store(core, lease);
    }
    if (rent_of(core, client) != NULL) {
        avoid_note(core, &host, AVOID_SILENT);
        rent_next(core, client, "its host did not answer", 0);
    } else {
        say_done(core, client, STATUS_TIMEOUT, "the host did not answer; nothing is owed");
    }
}

/* The host is gone for good, or will not say its last word. What is owed is what both sides hold signed:
 * the last meter, as far as the last voucher pays it. */
static void
close_without_final(struct core *core, struct lease *lease)
{
    if (lease_apply(core, lease, LEASE_EVENT_SILENCE, LEASE_ACTOR_CLOCK) != LEASE_ACTION_CLOSE) {
        return;
    }
    lease->row.final_uusd = lease->row.posted_uusd;
    lease->row.reason = END_HOST_SILENT;
    lease->row.ended_at_ms = (uint64_t)core->now.wall.ms;
    lease_store(core, lease);
    say_log(core, LOG_WARNING,
            "a host has not said for %u h how its lease ended; it is closed with what was metered",
            FINAL_WAIT_S / 3600);
}

static void
ending_tick(struct core *core, struct lease *lease)
{
    if (lease->ending_at.ms == 0) {
        lease->ending_at = core->now.boot;
    }
    if (lease->row.ended_at_ms == 0) { /* as an older version has left it */
        lease->row.ended_at_ms = (uint64_t)core->now.wall.ms;
        lease_store(core, lease);
    }
    const bool is_late = boot_between(lease->ending_at, core->now.boot).ms > LATE_FINAL_MS;
    if (is_late && lease->client.number != 0) {
        give_up_waiting(core, lease);
    }
    /* By the wall clock, as it goes on over restarts; and a host is given a minute of each run of ours. */
    if (is_late &&
        (uint64_t)core->now.wall.ms > lease->row.ended_at_ms + FINAL_WAIT_S * UINT64_C(1000)) {
        close_without_final(core, lease);
    } else if (core_is_due(core, lease->send_at)) {
        say_end(core, lease);
    }
}

/* START went out long ago, and nobody has said that the job runs. */
static bool
start_is_overdue(struct core *core, const struct lease *lease)
{
    return lease->client.number != 0 && lease->row.boot_id == core->boot_id &&
           (uint64_t)core->now.boot.ms > lease->row.deadline_boot_ms + START_PATIENCE_MS &&
           links_to_peer(core, &lease->row.peer) == NULL;
}

/* Nobody sits in front of a screen for ever. What runs detached may run all the same, as the host may be
 * out of reach for us only; it is looked for as long as the lease lives. */
static void
start_waits(struct core *core, struct lease *lease)
{
    if (lease->row.attached) {
        renter_end(core, lease);
        return;
    }
    say_done(core, lease->client, STATUS_TIMEOUT,
             "the host is out of reach, and has not said that the job runs; `gpulet leases` shows "
             "what becomes of it");
    lease->client = (struct client){0};
}

void
renter_lease_tick(struct core *core, struct lease *lease)
{
    switch (lease_state(lease)) {
    case LEASE_ASKED:
    case LEASE_HELD:
    case LEASE_LEASED:
        if (!lease_deadline_is_ahead(core, lease)) {
            lapse(core, lease);
        }
        break;
    case LEASE_CONFIRMED:
        if (!lease_deadline_is_ahead(core, lease)) {
            lapse(core, lease);
        } else if (core_is_due(core, lease->send_at)) {
            hire_repeat(core, lease, links_to_peer(core, &lease->row.peer));
        }
        break;
    case LEASE_STARTING:
        if (reader_is_long_gone(core, lease) || is_long_over(core, lease)) {
            renter_end(core, lease);
        } else if (start_is_overdue(core, lease)) {
            start_waits(core, lease);
        } else if (core_is_due(core, lease->send_at)) {
            hire_repeat(core, lease, links_to_peer(core, &lease->row.peer));
        }
        break;
    case LEASE_ACTIVE:
    case LEASE_FROZEN:
    case LEASE_DRAINING:
        if (reader_is_long_gone(core, lease) || is_long_over(core, lease)) {
            renter_end(core, lease);
        }
        break;
    case LEASE_ENDING:
        ending_tick(core, lease);
        break;
    case LEASE_SETTLING:
    case LEASE_CLOSED:
    case LEASE_VOID:
    case LEASE_STATE_COUNT:
        break;
    }
}

void
renter_recovered(struct core *core)
{
    for (size_t i = 0; i < LEASES_MAX; i++) {
        struct lease *lease = &core->leases[i];
        if (lease->used && !lease->row.is_host && lease_state_is_open(lease_state(lease))) {
            lease->reader_gone = true;
            lease->reader_gone_at = core->now.boot;
            lease->send_at = core->now.boot;
        }
    }
}

void
renter_streams_tick(struct core *core)
{
    for (size_t i = 0; i < LEASES_MAX; i++) {
        struct lease *lease = &core->leases[i];
        if (lease->used && lease->streams_wanted && links_to_peer(core, &lease->row.peer) != NULL &&
            say_has_room(core)) {
            hire_reach_streams(core, lease);
        }
    }
}

void
renter_peer_up(struct core *core, struct link_state *link)
{
    renter_streams_tick(core);
    for (size_t i = 0; i < LEASES_MAX; i++) {
        struct lease *lease = &core->leases[i];
        if (!renter_has_open(lease, link) || !lease->used) {
            continue;
        }
        if (lease->row.state == LEASE_ENDING) {
            say_end(core, lease);
        } else if (lease->row.state >= LEASE_CONFIRMED && lease_state_is_open(lease_state(lease))) {
            hire_repeat(core, lease, link);
        }
    }
    rent_peer_up(core, &link->peer);
    if (gang_is_any(core)) {
        gang_wake(core);
    }
}
