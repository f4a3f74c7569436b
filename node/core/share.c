#include "node/core/share.h"

#include "node/core/find.h"
#include "node/core/links.h"
#include "node/core/say.h"
#include "node/core/trust.h"

enum { LOOKED_AT = 64 };

static int64_t
update_ms(const struct core *core)
{
    return core->options.is_test_network ? TEST_LISTING_UPDATE_S * 1000
                                         : LISTING_UPDATE_S * INT64_C(1000);
}

static int64_t
update_burst(const struct core *core)
{
    return core->options.is_test_network ? TEST_LISTING_UPDATE_BURST : LISTING_UPDATE_BURST;
}

/* How long until one more change is within `burst` and one a period (the virtual scheduling of ITU-T
 * I.371). By boot time: a clock that is set changes nothing. */
static int64_t
wait_ms(const struct core *core, const struct shelf_entry *entry, int64_t burst)
{
    const int64_t ahead_ms = entry->changes_until.ms - core->now.boot.ms;
    const int64_t wait = ahead_ms - (burst - 1) * update_ms(core);
    return wait > 0 ? wait : 0;
}

struct duration
share_own_wait(struct core *core, uint16_t slot_group)
{
    const struct shelf_slot slot = {core->options.keypair.identity, RECORD_LISTING, slot_group};
    const struct shelf_entry *entry = shelf_find(&core->shelf, &slot);
    return duration_of_ms(entry == NULL ? 0 : wait_ms(core, entry, update_burst(core) - 1));
}

void
share_note_put(struct core *core, struct shelf_entry *entry)
{
    if (entry->record_kind == RECORD_LISTING) {
        const struct boot from = boot_is_before(entry->changes_until, core->now.boot)
                                     ? core->now.boot
                                     : entry->changes_until;
        entry->changes_until = boot_add(from, duration_of_ms(update_ms(core)));
    }
}

/* Whoever is connected here has an address and took one of few places; whoever has paid or is allowed has
 * more than a key, too. */
static bool
is_known(struct core *core, const struct peer_id *author)
{
    return peer_id_equal(author, &core->options.keypair.identity) ||
           links_to_peer(core, author) != NULL || trust_knows(core, author);
}

/* Which record gives way to a new one of `slot`: of those looked at the one whose author has most, when that
 * is more than the newcomer's would be. Keys are free, and with one record each nobody has more: then a
 * known author's takes the place of an unknown one's. Guards go first, then what is here for longest. */
static struct shelf_entry *
find_victim(struct core *core, const struct shelf_slot *slot)
{
    struct shelf *shelf = &core->shelf;
    const size_t own = shelf_author_count(shelf, &slot->author);
    const bool is_favoured = own < SHARE_KNOWN_MAX && is_known(core, &slot->author);
    struct shelf_entry *victim = NULL;
    size_t most = is_favoured ? 0 : own + 1;
    size_t at = shelf->used == 0 ? 0 : (size_t)(say_random(core) % shelf->used);
    for (size_t i = 0; i < LOOKED_AT && i < shelf->used; i++) {
        struct shelf_entry *entry = &shelf->entries[at];
        at = (at + 1) % shelf->used;
        const size_t count = shelf_author_count(shelf, &entry->author);
        const bool is_longer_here =
            victim != NULL && count == most &&
            (entry->length == 0 || (victim->length > 0 && entry->arrival < victim->arrival));
        if ((count > most || is_longer_here) &&
            (count > SHARE_KNOWN_MAX || !is_known(core, &entry->author))) {
            victim = entry;
            most = count;
        }
    }
    return victim;
}

enum status
share_admit(struct core *core, const struct record_view *view)
{
    struct shelf_slot slot;
    enum status status = shelf_admit(&core->shelf, view, core->now.wall);
    if (status == STATUS_LIMIT && shelf_is_full(&core->shelf) &&
        shelf_slot_of(&view->envelope, &slot) == STATUS_OK &&
        shelf_author_count(&core->shelf, &slot.author) < RECORDS_PER_AUTHOR_MAX &&
        find_victim(core, &slot) != NULL) {
        return STATUS_OK;
    }
    /* A withdrawal is not counted: a host can always leave. */
    if (status == STATUS_OK && view->envelope.kind == RECORD_LISTING &&
        shelf_slot_of(&view->envelope, &slot) == STATUS_OK) {
        const struct shelf_entry *entry = shelf_find(&core->shelf, &slot);
        if (entry != NULL && wait_ms(core, entry, update_burst(core)) > 0) {
            status = STATUS_LIMIT;
        }
    }
    return status;
}

void
share_make_room(struct core *core, const struct shelf_slot *slot)
{
    if (!shelf_is_full(&core->shelf) || shelf_find(&core->shelf, slot) != NULL) {
        return;
    }
    struct shelf_entry *victim = find_victim(core, slot);
    if (victim == NULL) {
        return;
    }
    if (victim->length > 0) {
        effects_add(core->effects, EFFECT_DELETE_RECORD)->as.record_id = victim->id;
        find_forget(core, victim);
    } else {
        const struct row_key key =
            row_key_of_id(victim->author.bytes, (uint64_t)victim->kind << 32 | victim->detail);
        say_delete(core, TABLE_GUARDS, &key);
    }
    shelf_remove(&core->shelf, victim);
}
