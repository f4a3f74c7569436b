#include "node/core/serve.h"

#include <string.h>

#include "crypto/digest.h"
#include "node/core/find.h"
#include "node/core/host.h"
#include "node/core/listing.h"
#include "node/core/say.h"
#include "node/core/trust.h"
#include "protocol/codec.h"

enum {
    LOOK_MS = 1000,
    REDIAL_MS = 2000,
    AGAIN_MS = 10000, /* after an offer that was not taken; doubled by each */
    AGAIN_DOUBLINGS = 5,
    RANKS_MAX = 256,
    LOOKS_A_TICK = 32 /* searches of the book */
};

void
serve_soon(struct core *core)
{
    core->serve_at = core->now.boot;
}

static bool
has_free_slots(const struct core *core)
{
    for (size_t i = 0; i < SLOT_GROUPS_MAX; i++) {
        const struct offer_state *offer = &core->offers[i];
        if (offer->used && offer->published && listing_is_open(core, offer) &&
            (listing_slots_offered(core, &offer->row) &
             ~lease_slots_taken(core, offer->row.slot_group)) != 0) {
            return true;
        }
    }
    return false;
}

static struct proposal *
proposal_of(struct core *core, const struct shelf_entry *entry)
{
    for (size_t i = 0; i < PROPOSALS_MAX; i++) {
        struct proposal *proposal = &core->proposals[i];
        if (proposal->used && proposal->detail == entry->detail &&
            peer_id_equal(&proposal->renter, &entry->author)) {
            return proposal;
        }
    }
    return NULL;
}

/* The request that an entry holds; texts are borrowed from the shelf. */
static bool
read_request(const struct core *core, const struct shelf_entry *entry, struct request *ret_request)
{
    struct envelope envelope;
    struct bytes encoded = shelf_bytes(&core->shelf, entry);
    const char *why;
    if (encoded.length <= SIGNATURE_LENGTH) {
        return false;
    }
    encoded.length -= SIGNATURE_LENGTH;
    return codec_decode(&envelope_schema, encoded, &envelope) == STATUS_OK &&
           codec_decode(&request_schema, envelope.body, ret_request) == STATUS_OK &&
           request_check(ret_request, &why) == STATUS_OK && ret_request->hosts <= 1 &&
           ret_request->image.length == 0;
}

/* How many offers of the own book are better for a request than the best one of ours that is published;
 * false when none fits, or too many are. */
static bool
rank_of_ours(struct core *core, const struct request *request, const struct record_id *id,
             size_t *ret_rank, struct offer_state **ret_offer)
{
    const struct filter filter = filter_compile(request, (uint64_t)core->now.wall.ms / 1000);
    const struct host_key ourselves = host_key_of(&core->options.keypair.identity);
    struct effects *effects = core->effects;
    const size_t used = effects->arena_used;
    struct offer *offers = effects_take(effects, RANKS_MAX * sizeof *offers);
    effects->arena_used = used; /* needed no longer than this call, which takes nothing else */
    const size_t count = match_top(core->book, &filter, offer_seed(id), RANKS_MAX, offers);
    for (size_t i = 0; i < count; i++) {
        struct offer_state *offer = host_key_compare(&offers[i].host, &ourselves) == 0
                                        ? listing_offer(core, offers[i].slot_group)
                                        : NULL;
        if (offer != NULL && offer->published && listing_is_open(core, offer)) {
            *ret_rank = i;
            *ret_offer = offer;
            return true;
        }
    }
    return false;
}

/* Better hosts come first: each is given its time to offer. */
static void
propose(struct core *core, const struct shelf_entry *entry)
{
    struct request request;
    struct offer_state *offer;
    size_t rank;
    if (!read_request(core, entry, &request) ||
        !rank_of_ours(core, &request, &entry->id, &rank, &offer)) {
        return;
    }
    for (size_t i = 0; i < PROPOSALS_MAX; i++) {
        struct proposal *proposal = &core->proposals[i];
        if (!proposal->used) {
            *proposal = (struct proposal){
                .used = true,
                .seen = true,
                .renter = entry->author,
                .detail = entry->detail,
                .due_at = boot_add(core->now.boot, duration_of_ms((int64_t)rank * OFFER_RANK_MS))};
            return;
        }
    }
}

/* Which requests stand, and which are gone. */
static void
look_around(struct core *core)
{
    size_t looks = 0;
    for (size_t i = 0; i < PROPOSALS_MAX; i++) {
        core->proposals[i].seen = false;
    }
    for (size_t i = 0; i < core->shelf.used; i++) {
        const struct shelf_entry *entry = &core->shelf.entries[i];
        if (entry->record_kind != RECORD_REQUEST || !shelf_is_live(entry, core->now.wall) ||
            peer_id_equal(&entry->author, &core->options.keypair.identity)) {
            continue;
        }
        struct proposal *proposal = proposal_of(core, entry);
        if (proposal != NULL) {
            proposal->seen = true;
        } else if (looks < LOOKS_A_TICK) {
            looks++;
            propose(core, entry);
        }
    }
    for (size_t i = 0; i < PROPOSALS_MAX; i++) {
        core->proposals[i].used = core->proposals[i].used && core->proposals[i].seen;
    }
}

/* An id that nobody has seen before; the renter knows the hold by it. */
static struct record_id
make_hold_id(struct core *core, const struct record_id *request)
{
    uint8_t bytes[ID_LENGTH + 2 * sizeof(uint64_t)];
    const uint64_t numbers[2] = {say_random(core), (uint64_t)core->now.wall.ms};
    struct record_id id = {{0}};
    memcpy(bytes, request->bytes, ID_LENGTH);
    memcpy(bytes + ID_LENGTH, numbers, sizeof numbers);
    digest_make("gpulet offered hold", bytes_of(bytes, sizeof bytes), id.bytes);
    return id;
}

static void
offer_slots(struct core *core, struct link_state *link, const struct shelf_entry *entry,
            const struct request *request)
{
    size_t rank;
    uint64_t slot_mask;
    struct offer_state *offer;
    const struct record_id id = entry->id;
    if (!rank_of_ours(core, request, &id, &rank, &offer)) {
        return;
    }
    const struct hold hold = {
        .host = core->options.keypair.identity,
        .listing = offer->listing,
        .slots = request->count,
        .duration_s = request->duration_s,
        .ask_max_uusd_per_hour = listing_price(&offer->body, request->interruptible),
        .interruptible = request->interruptible,
        .work = request->work,
        .ttl_ms = OFFER_TTL_MS,
    };
    if (!host_would_hold(core, &link->peer, offer, &hold, &slot_mask)) {
        return;
    }
    const struct promise promise = {
        .id = make_hold_id(core, &id), .hold = &hold, .slot_mask = slot_mask};
    struct lease *lease = host_promise(core, &link->peer, offer, &promise);
    if (lease != NULL) {
        lease->is_offer = true;
        const struct offer_message message = {
            .request = id, .held = bytes_of(lease->papers->held, lease->papers->held_length)};
        say_message(core, link->link, &offer_message_schema, &message);
    }
}

static void
serve(struct core *core, struct proposal *proposal)
{
    struct request request;
    const struct shelf_slot slot = {proposal->renter, RECORD_REQUEST, proposal->detail};
    const struct shelf_entry *entry = shelf_find(&core->shelf, &slot);
    if (entry == NULL || entry->record_kind != RECORD_REQUEST ||
        !shelf_is_live(entry, core->now.wall) || !read_request(core, entry, &request)) {
        proposal->used = false;
        return;
    }
    struct link_state *link = links_to_peer(core, &proposal->renter);
    if (link == NULL) {
        (void)peers_call(core, &proposal->renter);
        proposal->due_at = boot_add(core->now.boot, duration_of_ms(REDIAL_MS));
        return;
    }
    const unsigned doublings =
        proposal->tries < AGAIN_DOUBLINGS ? proposal->tries : AGAIN_DOUBLINGS;
    proposal->tries++;
    proposal->due_at = boot_add(core->now.boot, duration_of_ms((int64_t)AGAIN_MS << doublings));
    offer_slots(core, link, entry, &request);
}

void
serve_tick(struct core *core)
{
    /* The owner's program decides on holds that renters ask for; nothing is offered past it. */
    if (core->options.has_decide_program || core->has_twin || core->space != DISK_NORMAL ||
        !has_free_slots(core)) {
        core->serve_at = boot_add(core->now.boot, duration_of_ms(LOOK_MS));
        return;
    }
    if (core->serve_at.ms == 0 || core_is_due(core, core->serve_at)) {
        core->serve_at = boot_add(core->now.boot, duration_of_ms(LOOK_MS));
        look_around(core);
    }
    for (size_t i = 0; i < PROPOSALS_MAX; i++) {
        struct proposal *proposal = &core->proposals[i];
        const bool must_wait = boot_is_before(core->now.boot, core->strangers_wait_until) &&
                               !trust_knows(core, &proposal->renter);
        if (proposal->used && core_is_due(core, proposal->due_at) && !must_wait &&
            has_free_slots(core) && say_has_room(core)) {
            serve(core, proposal);
        }
    }
}

struct boot
serve_deadline(const struct core *core)
{
    struct boot next = core->serve_at;
    for (size_t i = 0; i < PROPOSALS_MAX; i++) {
        const struct proposal *proposal = &core->proposals[i];
        if (proposal->used && boot_is_before(core->now.boot, proposal->due_at) &&
            boot_is_before(proposal->due_at, next)) {
            next = proposal->due_at;
        }
    }
    return next;
}

void
serve_note_taken(struct core *core, const struct lease *lease)
{
    if (lease->is_offer) {
        core->stranger_lapses = 0;
        core->strangers_wait_until = core->now.boot;
    }
}

/* Requests cost nothing: whoever publishes them with ever new keys and takes no offer would keep the slots
 * of every host. */
void
serve_note_untaken(struct core *core, const struct lease *lease)
{
    if (trust_knows(core, &lease->row.peer)) {
        return;
    }
    const unsigned doublings = core->stranger_lapses < 8 ? core->stranger_lapses : 8;
    const int64_t wait_ms = (int64_t)OFFER_TTL_MS << doublings;
    core->stranger_lapses++;
    core->strangers_wait_until = boot_add(
        core->now.boot,
        duration_of_ms(wait_ms < HOLD_LAPSE_WAIT_MS_MAX ? wait_ms : HOLD_LAPSE_WAIT_MS_MAX));
}
