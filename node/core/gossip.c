#include "node/core/gossip.h"

#include <assert.h>
#include <string.h>

#include "node/core/find.h"
#include "node/core/listing.h"
#include "node/core/pages.h"
#include "node/core/say.h"
#include "node/core/serve.h"
#include "node/core/share.h"
#include "node/core/standing.h"
#include "protocol/codec.h"
#include "protocol/version.h"

enum {
    FLUSH_MS = 100,
    EXPIRE_MS = 1000,
    RESYNC_MS = 600000,
    OUTBOUND_BYTES_PER_S = 48000,
    OUTBOUND_BURST_BYTES = 384000,
    PUSH_BYTES_MAX = 32768,
    TWIN_AFTER_MS = 60000
};

/* Shelves a verified record and tells whoever derives something from it. */
static void
take_record(struct core *core, const struct verified_record *record, struct link from)
{
    const struct envelope *envelope = verified_envelope(record);
    struct shelf_slot slot;
    if (shelf_slot_of(envelope, &slot) != STATUS_OK) {
        return;
    }
    const struct shelf_entry *old = shelf_find(&core->shelf, &slot);
    if (old != NULL && old->length > 0) {
        struct effect *effect = effects_add(core->effects, EFFECT_DELETE_RECORD);
        effect->as.record_id = old->id;
        find_forget(core, old);
    }
    share_make_room(core, &slot);
    struct shelf_entry *entry = shelf_put(&core->shelf, record, from);
    share_note_put(core, entry);
    find_note(core, entry, envelope);
    if (envelope->kind == RECORD_REQUEST) {
        serve_soon(core);
    }
    if (core->flush_at.ms == 0) {
        core->flush_at = boot_add(core->now.boot, duration_of_ms(FLUSH_MS));
    }
}

static void
store_record(struct core *core, const struct verified_record *record)
{
    if (core->space != DISK_NORMAL) {
        return; /* a cache does not grow on a full disk */
    }
    const struct verified_record kept = effects_keep_record(core->effects, record);
    effects_add(core->effects, EFFECT_STORE_RECORD)->as.record = kept;
}

void
gossip_publish(struct core *core, const struct verified_record *record)
{
    take_record(core, record, (struct link){0});
    store_record(core, record);
    core->flush_at = core->now.boot; /* our own go out at once */
}

static bool
is_by_us(const struct core *core, const struct envelope *envelope)
{
    return peer_id_equal(&envelope->author, &core->options.keypair.identity);
}

/* A newer record of our own key than we have made: of an older life, or of a twin. Only slots that we
 * use ourselves count, so that nobody can make us remember others. */
static bool
is_news_of_us(const struct core *core, const struct envelope *envelope)
{
    struct shelf_slot slot;
    return shelf_slot_of(envelope, &slot) == STATUS_OK &&
           slot.detail < (slot.kind == RECORD_REQUEST ? REQUESTS_STANDING_MAX : SLOT_GROUPS_MAX) &&
           envelope->seq > say_last_seq(core, slot.kind, slot.detail);
}

/* Its signature is good. What was issued before our start, or just after it, is of an older life, and is
 * exceeded; later ones say that the same identity runs elsewhere, and two that exceed each other would
 * never end. */
static void
meet_ourselves(struct core *core, const struct envelope *envelope)
{
    struct shelf_slot slot;
    if (!is_news_of_us(core, envelope) || shelf_slot_of(envelope, &slot) != STATUS_OK) {
        return;
    }
    if ((int64_t)envelope->issued_at_s * 1000 > core->started_at.ms + TWIN_AFTER_MS) {
        if (!core->has_twin) {
            say_log(
                core, LOG_ERROR,
                "this identity runs elsewhere too: no holds are taken here; stop one of the two "
                "and start this one again");
        }
        core->has_twin = true;
        return;
    }
    say_set_seq(core, (uint64_t)slot.kind << 32 | slot.detail, envelope->seq);
    say_log(core, LOG_WARNING, "a newer %s of this identity came from outside; it is replaced",
            record_kind_name(slot.kind));
    if (slot.kind == RECORD_NODE) {
        core->node_refresh_at = core->now.wall;
    } else if (slot.kind == RECORD_LISTING) {
        listing_exceed(core, (uint16_t)slot.detail, envelope->seq);
    } else {
        standing_exceed(core, slot.detail, envelope->seq);
    }
}

void
gossip_recover_record(struct core *core, const struct verified_record *record)
{
    const struct record_view view = {.sealed = verified_bytes(record),
                                     .envelope = *verified_envelope(record),
                                     .id = *verified_id(record)};
    const enum status status = shelf_admit(&core->shelf, &view, core->now.wall);
    if (status == STATUS_OK) {
        if (is_by_us(core, &view.envelope)) {
            meet_ourselves(core, &view.envelope);
        }
        take_record(core, record, (struct link){0});
        return;
    }
    /* It expired while nobody looked: older ones of its slot must stay away all the same. */
    struct shelf_slot slot;
    const uint64_t until_s = view.envelope.issued_at_s + SEQ_GUARD_S;
    if (status == STATUS_EXPIRED && shelf_slot_of(&view.envelope, &slot) == STATUS_OK &&
        until_s > (uint64_t)core->now.wall.ms / 1000) {
        const struct guard_row guard = {slot.author, slot.kind, slot.detail, view.envelope.seq,
                                        until_s};
        shelf_put_guard(&core->shelf, &guard);
    }
}

void
gossip_recover_guard(struct core *core, const struct row *row)
{
    struct guard_row guard;
    if (codec_decode(&guard_row_schema, row->value, &guard) == STATUS_OK) {
        shelf_put_guard(&core->shelf, &guard);
    }
}

static bool
simulated_on_live_network(const struct core *core, const struct record_view *view)
{
    struct listing listing;
    return !core->options.is_test_network && view->envelope.kind == RECORD_LISTING &&
           codec_decode(&listing_schema, view->envelope.body, &listing) == STATUS_OK &&
           (listing.flags & LISTING_SIMULATED) != 0;
}

/* Cheap checks first; only then is a signature check worth its time. */
static enum status
consider(struct core *core, struct link_state *link, struct bytes sealed)
{
    struct record_view view;
    enum status status = record_parse(sealed, &core->options.network, &view);
    if (status != STATUS_OK) {
        return status;
    }
    if (is_by_us(core, &view.envelope) && !is_news_of_us(core, &view.envelope)) {
        return STATUS_OK; /* our own, come back */
    }
    if (simulated_on_live_network(core, &view)) {
        return STATUS_REFUSED;
    }
    status = share_admit(core, &view);
    if (status != STATUS_OK) {
        core->records_refused += status != STATUS_DUPLICATE;
        return STATUS_OK; /* stale, expired or too many: nobody's fault */
    }
    const struct bytes copy = effects_copy(core->effects, sealed);
    struct effect *effect = effects_add(core->effects, EFFECT_CHECK);
    effect->as.frame.link = link->link;
    effect->as.frame.bytes = copy;
    return STATUS_OK;
}

void
gossip_take_list(struct core *core, struct link_state *link, const struct bytes_list *records)
{
    for (size_t i = 0; i < records->count; i++) {
        const enum status status = consider(core, link, records->items[i]);
        if (status == STATUS_REFUSED) {
            core->records_refused++;
        } else if (status != STATUS_OK) {
            links_drop(core, link, status_text(status));
            return;
        }
        link->records++;
    }
}

void
gossip_checked(struct core *core, const struct event *event)
{
    struct link_state *link = links_find(core, event->as.checked.link);
    if (event->type == EVENT_RECORD_REFUSED) {
        core->records_refused++;
        if (link != NULL) {
            links_drop(core, link, "it passed on a record whose signature is not valid");
        }
        return;
    }
    const struct verified_record *record = &event->as.checked.record;
    const struct record_view view = {.sealed = verified_bytes(record),
                                     .envelope = *verified_envelope(record),
                                     .id = *verified_id(record)};
    if (is_by_us(core, &view.envelope)) {
        meet_ourselves(core, &view.envelope);
        return;
    }
    /* Another one may have come in while this one was checked. */
    if (share_admit(core, &view) != STATUS_OK) {
        return;
    }
    store_record(core, record);
    take_record(core, record, event->as.checked.link);
}

void
gossip_introduced(struct core *core, struct link_state *link)
{
    link->arrival_sent = core->shelf.arrivals;
    if (link->pull_token == 0) { /* else the one on its way is waited for, or asked for again */
        pages_pull(core, link, 0);
    }
}

void
gossip_take_node(struct core *core, struct link_state *link, const struct verified_record *node)
{
    const struct record_view view = {.sealed = verified_bytes(node),
                                     .envelope = *verified_envelope(node),
                                     .id = *verified_id(node)};
    if (share_admit(core, &view) == STATUS_OK) {
        store_record(core, node);
        take_record(core, node, link->link);
    }
}

void
gossip_message(struct core *core, struct link_state *link, uint8_t type, struct bytes bytes)
{
    struct records_message records;
    struct pull_message asked;
    struct page_message page;
    if (type == MESSAGE_RECORDS &&
        message_decode(&records_message_schema, bytes, &records) == STATUS_OK) {
        gossip_take_list(core, link, &records.records);
    } else if (type == MESSAGE_PULL &&
               message_decode(&pull_message_schema, bytes, &asked) == STATUS_OK) {
        pages_take_pull(core, link, &asked);
    } else if (type == MESSAGE_PAGE &&
               message_decode(&page_message_schema, bytes, &page) == STATUS_OK) {
        if (!pages_take_page(core, link, &page) && !links_within_share(core, link, bytes.length)) {
            links_drop(core, link, "it sends too many pages that nobody has asked for");
        }
    } else {
        links_drop(core, link, "it sent a gossip message that cannot be read");
    }
}

static void
make_node_record(struct core *core)
{
    const struct node_record node = {
        .channel_key = core->options.keypair.channel_key,
        .boot_nonce = core->boot_nonce,
        .address = bytes_of_text(core->options.address),
        .stream_address = bytes_of_text(core->options.stream_address),
        .software = bytes_of_text("gpulet " GPULET_VERSION),
        .label = say_cut(bytes_of_text(core->options.label), sizeof core->options.label),
    };
    const struct seal_order order = {
        .kind = RECORD_NODE, .ttl_s = NODE_TTL_S, .seq = say_next_seq(core, RECORD_NODE, 0)};
    const struct verified_record record = say_seal(core, order, &node);
    core->node_refresh_at = wall_add(core->now.wall, duration_of_s(NODE_TTL_S / 2));
    core->node_published = true;
    gossip_publish(core, &record);
}

struct bytes
gossip_own_node(struct core *core)
{
    const struct shelf_slot slot = {core->options.keypair.identity, RECORD_NODE, 0};
    const struct shelf_entry *entry = shelf_find(&core->shelf, &slot);
    if (entry == NULL || !shelf_is_live(entry, core->now.wall) || !core->node_published) {
        make_node_record(core);
        entry = shelf_find(&core->shelf, &slot);
    }
    return shelf_bytes(&core->shelf, entry);
}

bool
gossip_node_of(struct core *core, const struct peer_id *peer, struct node_record *ret_node)
{
    const struct shelf_slot slot = {*peer, RECORD_NODE, 0};
    const struct shelf_entry *entry = shelf_find(&core->shelf, &slot);
    struct record_view view;
    return entry != NULL && entry->length > 0 &&
           record_parse(shelf_bytes(&core->shelf, entry), &core->options.network, &view) ==
               STATUS_OK &&
           codec_decode(&node_record_schema, view.envelope.body, ret_node) == STATUS_OK;
}

struct bytes
gossip_label_of(struct core *core, const struct peer_id *peer)
{
    struct node_record node;
    if (peer_id_equal(peer, &core->options.keypair.identity)) {
        return bytes_of_text(core->options.label);
    }
    return gossip_node_of(core, peer, &node) ? node.label : bytes_of(NULL, 0);
}

/* Fills one frame for one peer with arrivals after its mark, as its share of bytes allows. */
static bool
push_to(struct core *core, struct link_state *link)
{
    link->outbound_bytes =
        links_leaked(link->outbound_bytes, boot_between(link->outbound_at, core->now.boot),
                     OUTBOUND_BYTES_PER_S, OUTBOUND_BURST_BYTES);
    link->outbound_at = core->now.boot;
    struct records_message message = {.records = {.count = 0}};
    size_t length = 0;
    while (link->arrival_sent < core->shelf.arrivals && message.records.count < LIST_ITEMS_MAX &&
           link->outbound_bytes + (int64_t)length < OUTBOUND_BURST_BYTES) {
        const struct shelf_entry *entry = shelf_next_arrival(&core->shelf, link->arrival_sent);
        if (entry == NULL) {
            link->arrival_sent = core->shelf.arrivals;
            break;
        }
        const struct bytes sealed = shelf_bytes(&core->shelf, entry);
        if (length + sealed.length > PUSH_BYTES_MAX) {
            break;
        }
        link->arrival_sent = entry->arrival;
        if (entry->from.number == link->link.number || !shelf_is_live(entry, core->now.wall)) {
            continue;
        }
        message.records.items[message.records.count] = sealed;
        message.records.count++;
        length += sealed.length;
    }
    link->outbound_bytes += (int64_t)length;
    if (message.records.count > 0) {
        say_message(core, link->link, &records_message_schema, &message);
    }
    return link->arrival_sent < core->shelf.arrivals;
}

/* Goes round the links, beginning where the last flush had no more room. */
static void
flush(struct core *core)
{
    bool more = false;
    size_t done = 0;
    while (done < LINKS_MAX && say_has_room(core)) {
        struct link_state *link = &core->links[(core->flush_link + done) % LINKS_MAX];
        if (link->used && link->introduced && link->subscribed) {
            more = pages_answer(core, link) || more;
            more = push_to(core, link) || more;
        }
        done++;
    }
    core->flush_link = (core->flush_link + done) % LINKS_MAX;
    core->flush_at = done < LINKS_MAX ? core->now.boot
                     : more           ? boot_add(core->now.boot, duration_of_ms(FLUSH_MS))
                                      : (struct boot){0};
}

static void
retire(struct core *core, struct shelf_entry *entry)
{
    struct effect *effect = effects_add(core->effects, EFFECT_DELETE_RECORD);
    effect->as.record_id = entry->id;
    find_forget(core, entry);
    shelf_retire(&core->shelf, entry);
    const struct guard_row guard = {entry->author, entry->kind, entry->detail, entry->seq,
                                    entry->guard_until_s};
    const struct row_key key =
        row_key_of_id(entry->author.bytes, (uint64_t)entry->kind << 32 | entry->detail);
    say_store(core, TABLE_GUARDS, &key, &guard_row_schema, &guard);
}

/* At most so many a time that a step's effects hold them. */
static void
expire(struct core *core)
{
    const uint64_t now_s = core->now.wall.ms > 0 ? (uint64_t)core->now.wall.ms / 1000 : 0;
    if (now_s < core->shelf.next_expiry_s) {
        return;
    }
    size_t budget = say_has_room(core) ? 256 : 0;
    uint64_t next = UINT64_MAX;
    /* From behind: what takes a forgotten entry's place was looked at before. */
    for (size_t i = core->shelf.used; i-- > 0;) {
        struct shelf_entry *entry = &core->shelf.entries[i];
        if (entry->length > 0 && entry->expires_at_s <= now_s && budget > 0) {
            retire(core, entry);
            budget--;
        } else if (entry->length == 0 && entry->guard_until_s <= now_s && budget > 0) {
            const struct row_key key =
                row_key_of_id(entry->author.bytes, (uint64_t)entry->kind << 32 | entry->detail);
            say_delete(core, TABLE_GUARDS, &key);
            shelf_remove(&core->shelf, entry);
            budget--;
            continue;
        }
        const uint64_t due = entry->length > 0 ? entry->expires_at_s : entry->guard_until_s;
        next = due < next ? due : next;
    }
    core->shelf.next_expiry_s = budget == 0 ? now_s : next;
}

void
gossip_tick(struct core *core)
{
    if (!core->recovered) {
        return;
    }
    if (!core->node_published || !wall_is_before(core->now.wall, core->node_refresh_at)) {
        make_node_record(core);
    }
    pages_ask_again(core);
    if (core_is_due(core, core->flush_at)) {
        flush(core);
    }
    if (core_is_due(core, core->expire_at) || core->expire_at.ms == 0) {
        expire(core);
        core->expire_at = boot_add(core->now.boot, duration_of_ms(EXPIRE_MS));
    }
    if (core_is_due(core, core->resync_at) || core->resync_at.ms == 0) {
        pages_resync(core);
        core->resync_at = boot_add(core->now.boot, duration_of_ms(RESYNC_MS));
    }
}
