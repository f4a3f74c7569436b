#include <stdio.h>
#include <string.h>

#include "node/core/avoid.h"
#include "node/core/find.h"
#include "node/core/gang_state.h"
#include "node/core/ledger.h"
#include "node/core/renter.h"
#include "node/core/say.h"
#include "node/core/search.h"

enum {
    CANDIDATES_MAX = 512,
    WAVE_MAX = 32, /* asked at once */
    DIAL_WAIT_MS = 3000,
    AGAIN_MS = 500,        /* before a busy host is asked again */
    NEVER_MS = 86400000,   /* not in this try */
    ENOUGH_WAIT_MS = 1500, /* for spares, once all hosts are held */
    SLOW_MS = 700          /* a host that has not answered by then: another one is asked as well */
};

/* Hosts that fit, best first; in the memory of this step. */
struct candidates {
    struct offer *offers;
    size_t count;
};

static struct candidates
find_candidates(struct core *core, const struct gang *gang)
{
    const struct filter filter = filter_compile(&gang->request, (uint64_t)core->now.wall.ms / 1000);
    struct candidates all = {
        .offers = effects_take(core->effects, CANDIDATES_MAX * sizeof(struct offer))};
    all.count = match_top(core->book, &filter, gang->serial, CANDIDATES_MAX, all.offers);
    return all;
}

/* The fast network with most of the hosts that fit; the cheaper one of equals. */
static uint64_t
choose_fabric(struct core *core, const struct gang *gang, const struct candidates *all)
{
    uint64_t *fabrics = effects_take(core->effects, CANDIDATES_MAX * sizeof(uint64_t));
    uint64_t best = 0;
    unsigned most = 0;
    for (size_t i = 0; i < all->count; i++) {
        struct found found;
        fabrics[i] =
            find_resolve(core, &all->offers[i], &gang->request, &found) ? found.body.fabric : 0;
    }
    for (size_t i = 0; i < all->count; i++) {
        unsigned count = 0;
        for (size_t k = i; k < all->count; k++) {
            count += fabrics[k] != 0 && fabrics[k] == fabrics[i];
        }
        if (count > most) {
            most = count;
            best = fabrics[i];
        }
    }
    return best;
}

/* A host has one place at most; NULL when it has none. */
static struct seat *
seat_of_host(struct gang *gang, const struct peer_id *host)
{
    for (size_t i = 0; i < GANG_SEATS_MAX; i++) {
        if (gang->seats[i].phase != SEAT_FREE && peer_id_equal(&gang->seats[i].host, host)) {
            return &gang->seats[i];
        }
    }
    return NULL;
}

static void
refuse_seat(struct core *core, struct seat *seat, int64_t for_ms)
{
    seat->phase = SEAT_REFUSED;
    seat->until = boot_add(core->now.boot, duration_of_ms(for_ms));
}

/* What the whole gang may cost stays within the request's and the person's limits. */
static bool
can_pay(struct core *core, struct gang *gang, const struct found *found)
{
    struct amount sum = found->total_uusd;
    const char *why = "the books are full: they hold no more peers";
    for (size_t i = 0; i < GANG_SEATS_MAX; i++) {
        const struct seat *seat = &gang->seats[i];
        const struct lease *lease =
            seat->phase >= SEAT_ASKED && seat->phase <= SEAT_STARTED && seat->phase != SEAT_REFUSED
                ? gang_lease(core, seat)
                : NULL;
        if (lease != NULL && amount_add(sum, lease_charge(lease, lease->row.duration_s * 1000ull),
                                        &sum) != STATUS_OK) {
            return false;
        }
    }
    const bool is_over = !amount_is_zero(gang->request.total_max_uusd) &&
                         amount_compare(sum, gang->request.total_max_uusd) > 0;
    if (!is_over && ledger_has_room(core, &found->host) &&
        ledger_may_spend(core, found->total_uusd, &why) == STATUS_OK) {
        return true;
    }
    gang->has_failed = true;
    snprintf(gang->last_why, sizeof gang->last_why, "%.150s",
             is_over ? "all hosts together cost more than --max-total" : why);
    return false;
}

static bool
ask_host(struct core *core, struct gang *gang, struct seat *seat, const struct found *found)
{
    struct link_state *link = links_to_peer(core, &found->host);
    seat->host = found->host;
    seat->listing = found->listing;
    seat->heard_at = core->now.boot;
    if (link == NULL) {
        seat->phase = SEAT_DIALLING;
        seat->until = boot_add(core->now.boot, duration_of_ms(DIAL_WAIT_MS));
        if (!peers_call(core, &found->host)) {
            refuse_seat(core, seat, NEVER_MS);
            return false;
        }
        return true;
    }
    const struct hold_order asked = {.request = &gang->request,
                                     .listing = found->listing,
                                     .body = &found->body,
                                     .gang = gang->id};
    struct lease *lease = hire_ask(core, link, &asked);
    if (lease == NULL) {
        refuse_seat(core, seat, NEVER_MS);
        return false;
    }
    lease->row.attached = gang->attached;
    lease->gang_rank = GANG_NO_RANK;
    seat->hold = lease->row.hold;
    seat->phase = SEAT_ASKED;
    return true;
}

/* First spares that were given back, then those that nothing speaks against, then the rest. */
enum round { ROUND_AGAIN, ROUND_GOOD, ROUND_AVOIDED, ROUND_COUNT };

/* The seat in which a candidate may be asked now, or NULL. */
static struct seat *
seat_for(struct core *core, struct gang *gang, const struct found *found, enum round round)
{
    struct seat *seat = seat_of_host(gang, &found->host);
    if (round == ROUND_AGAIN) {
        return seat != NULL && seat->phase == SEAT_RELEASED ? seat : NULL;
    }
    if (avoid_has(core, &found->host) != (round == ROUND_AVOIDED)) {
        return NULL;
    }
    if (seat == NULL) {
        return gang_seat_new(gang, core->now.boot);
    }
    return seat->phase == SEAT_REFUSED && core_is_due(core, seat->until) ? seat : NULL;
}

static unsigned
ask_some(struct core *core, struct gang *gang, const struct candidates *all, unsigned wanted,
         enum round round)
{
    unsigned asked = 0;
    for (size_t i = 0; i < all->count && asked < wanted && say_has_room(core); i++) {
        struct found found;
        if (!find_resolve(core, &all->offers[i], &gang->request, &found) ||
            peer_id_equal(&found.host, &core->options.keypair.identity) ||
            (gang->fabric != 0 && found.body.fabric != gang->fabric)) {
            continue;
        }
        struct seat *seat = seat_for(core, gang, &found, round);
        if (seat == NULL) {
            continue;
        }
        if (!can_pay(core, gang, &found)) {
            break;
        }
        *seat = (struct seat){.phase = SEAT_FREE, .rank = GANG_NO_RANK};
        asked += ask_host(core, gang, seat, &found);
    }
    return asked;
}

unsigned
gang_ask_hosts(struct core *core, struct gang *gang, unsigned wanted)
{
    struct effects *effects = core->effects;
    const size_t used = effects->arena_used;
    struct candidates all = find_candidates(core, gang);
    if (gang->request.same_fabric && gang->fabric == 0) {
        gang->fabric = choose_fabric(core, gang, &all);
    }
    if (all.count == 0) {
        effects->arena_used = used;
        return 0;
    }
    const unsigned most = wanted < WAVE_MAX ? wanted : WAVE_MAX;
    unsigned asked = 0;
    for (unsigned round = ROUND_AGAIN; round < ROUND_COUNT && !gang->has_failed; round++) {
        asked += ask_some(core, gang, &all, most - asked, (enum round)round);
    }
    return asked;
}

void
gang_note_refusal(struct core *core, const struct lease *lease, const char *why)
{
    struct gang *gang = gang_by_id(core, &lease->gang);
    struct seat *seat = gang == NULL ? NULL : gang_seat_of(gang, &lease->row.hold);
    if (seat == NULL) {
        return;
    }
    snprintf(gang->last_why, sizeof gang->last_why, "%.150s", why);
    if (seat->phase == SEAT_ASKED) {
        refuse_seat(core, seat, AGAIN_MS + (int64_t)(say_random(core) % AGAIN_MS));
    }
    gang_wake(core);
}

void
gang_take_held(struct core *core, struct link_state *link, struct lease *lease,
               const struct verified_record *record)
{
    struct held held;
    struct gang *gang = gang_by_id(core, &lease->gang);
    struct seat *seat = gang == NULL ? NULL : gang_seat_of(gang, &lease->row.hold);
    if (seat == NULL || seat->phase != SEAT_ASKED ||
        verified_body(record, RECORD_HELD, &held) != STATUS_OK) {
        renter_end(core, lease); /* nobody waits for it any more */
        return;
    }
    const struct hold_order asked = {
        .request = &gang->request, .listing = seat->listing, .gang = gang->id};
    if (!hire_take_terms(core, lease, &held, &asked)) {
        avoid_note(core, &link->peer, AVOID_LIED);
        refuse_seat(core, seat, NEVER_MS);
        renter_end(core, lease);
        return;
    }
    seat->held = *verified_id(record);
    seat->phase = SEAT_HELD;
    seat->until = (struct boot){(int64_t)lease->row.deadline_boot_ms - GANG_COMMIT_LEFT_MS};
    gang_wake(core);
}

static void
tend_dialled(struct core *core, struct gang *gang, struct seat *seat)
{
    const struct peer_id host = seat->host;
    if (links_to_peer(core, &host) == NULL) {
        if (core_is_due(core, seat->until)) {
            avoid_note(core, &host, AVOID_SILENT);
            refuse_seat(core, seat, NEVER_MS);
            snprintf(gang->last_why, sizeof gang->last_why, "a host could not be reached");
        }
        return;
    }
    seat->phase = SEAT_RELEASED; /* the same one again, now over a link */
    (void)gang_ask_hosts(core, gang, 1);
    if (seat->phase == SEAT_RELEASED && gang->phase == GANG_GATHERING) {
        refuse_seat(core, seat, NEVER_MS); /* its listing is gone meanwhile */
    }
}

void
gang_tend_asked(struct core *core, struct gang *gang)
{
    for (size_t i = 0; i < GANG_SEATS_MAX && say_has_room(core); i++) {
        struct seat *seat = &gang->seats[i];
        if (seat->phase == SEAT_DIALLING) {
            tend_dialled(core, gang, seat);
            continue;
        }
        const bool is_kept = seat->phase == SEAT_ASKED || seat->phase == SEAT_HELD;
        struct lease *lease = is_kept ? gang_lease(core, seat) : NULL;
        if (is_kept && (lease == NULL || !lease_state_is_open(lease_state(lease)))) {
            if (seat->phase == SEAT_ASKED) {
                avoid_note(core, &seat->host, AVOID_SILENT);
                snprintf(gang->last_why, sizeof gang->last_why, "a host did not answer");
            }
            refuse_seat(core, seat, NEVER_MS);
        } else if (seat->phase == SEAT_HELD && core_is_due(core, seat->until)) {
            renter_end(core, lease); /* too late to count on it */
            refuse_seat(core, seat, AGAIN_MS);
        }
    }
}

unsigned
gang_count_pending(const struct core *core, const struct gang *gang, bool and_slow)
{
    unsigned count = 0;
    for (size_t i = 0; i < GANG_SEATS_MAX; i++) {
        const struct seat *seat = &gang->seats[i];
        if (seat->phase == SEAT_ASKED || seat->phase == SEAT_DIALLING) {
            count += and_slow || boot_between(seat->heard_at, core->now.boot).ms < SLOW_MS;
        }
    }
    return count;
}

void
gang_gather_tick(struct core *core, struct gang *gang)
{
    const unsigned target = gang->request.hosts + gang->request.spares;
    gang_tend_asked(core, gang);
    const unsigned held = gang_count(gang, SEAT_HELD);
    const unsigned fresh = gang_count_pending(core, gang, false);
    if (held + fresh < target) {
        (void)gang_ask_hosts(core, gang, target - held - fresh);
    }
    const unsigned pending = gang_count_pending(core, gang, true);
    if (gang->has_failed) { /* money: another try would not help */
        gang_give_back(core, gang);
        say_done(core, gang->client, STATUS_LIMIT, "%s", gang->last_why);
        gang_over(core, gang);
        return;
    }
    const bool is_impatient = core_is_due(core, gang->patience_until);
    if (held >= gang->request.hosts && gang->short_since.ms == 0) {
        gang->short_since = core->now.boot; /* here: since when there are enough */
    }
    const bool waited = gang->short_since.ms != 0 &&
                        boot_between(gang->short_since, core->now.boot).ms > ENOUGH_WAIT_MS;
    if (held >= target || (held >= gang->request.hosts && (pending == 0 || waited)) ||
        (held >= gang->least && (pending == 0 || is_impatient))) {
        gang->short_since = (struct boot){0};
        gang_certify(core, gang);
        return;
    }
    const bool is_hopeless = pending == 0 && gang_count(gang, SEAT_REFUSED) == 0;
    if (is_impatient || is_hopeless) {
        char why[120];
        gang->short_since = (struct boot){0};
        snprintf(why, sizeof why, "%u of at least %u hosts were free", held, gang->least);
        gang_try_failed(core, gang, why);
    }
}

void
gang_dry_run(struct core *core, struct client client, const struct request *request)
{
    const struct filter filter = filter_compile(request, (uint64_t)core->now.wall.ms / 1000);
    struct offer *offers = effects_take(core->effects, CANDIDATES_MAX * sizeof *offers);
    const size_t count =
        match_top(core->book, &filter, core->rent_serial + 1, CANDIDATES_MAX, offers);
    const unsigned least = request->gang_min == 0 ? request->hosts : request->gang_min;
    uint16_t shown = 0;
    for (size_t i = 0; i < count && shown < request->hosts; i++) {
        struct found found;
        if (find_resolve(core, &offers[i], request, &found) &&
            !peer_id_equal(&found.host, &core->options.keypair.identity)) {
            shown++;
            const struct shown_offer offer = {
                .found = &found, .request = request, .rank = shown, .pick = true};
            search_say_offer(core, client, &offer);
        }
    }
    if (shown < least) {
        search_explain(core, client, request);
        say_done(core, client, STATUS_NOT_FOUND, "%u hosts fit, and %u are wanted at least", shown,
                 least);
        return;
    }
    say_done(core, client, STATUS_OK, "%s", "");
}
