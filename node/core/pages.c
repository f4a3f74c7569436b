#include "node/core/pages.h"

#include <string.h>

#include "node/core/gossip.h"
#include "node/core/say.h"

enum {
    PAGES_BYTES_PER_S = 1000000, /* to one peer: a whole book in a few seconds */
    PAGES_BURST_BYTES = 8000000,
    UPLOAD_BYTES_PER_S = 2500000, /* to all of them; a page costs a walk over the shelf, too */
    UPLOAD_BURST_BYTES = 20000000,
    PAGE_COST_BYTES = 16384, /* of an empty one: the walk is not free */
    FLUSH_MS = 100,
    ANSWER_MS = 5000,
    RESYNC_BACK_S = 3600
};

static void
pull(struct core *core, struct link_state *link, uint64_t from_s, const struct record_id *after)
{
    struct pull_message message = {.from_s = from_s, .after = *after};
    do {
        message.token = (uint32_t)say_random(core);
    } while (message.token == 0);
    link->past_token = link->pull_token;
    link->pull_token = message.token;
    link->pull_at = core->now.boot;
    link->pull_from_s = from_s;
    link->pull_after = *after;
    say_message(core, link->link, &pull_message_schema, &message);
}

void
pages_pull(struct core *core, struct link_state *link, uint64_t from_s)
{
    const struct record_id zeros = {{0}};
    link->pulled_bytes = 0;
    pull(core, link, from_s, &zeros);
}

/* Order of a dump: by time of issue, then by id. */
static bool
is_after(const struct shelf_entry *entry, uint64_t from_s, const struct record_id *after)
{
    return entry->issued_at_s > from_s ||
           (entry->issued_at_s == from_s && memcmp(entry->id.bytes, after->bytes, ID_LENGTH) > 0);
}

/* The first PAGE of entries after the cursor, in order. Returns how many; `ret_more` when others follow. */
static size_t
collect_page(struct core *core, const struct pull_message *pull,
             const struct shelf_entry *ret_page[LIST_ITEMS_MAX], bool *ret_more)
{
    size_t count = 0;
    *ret_more = false;
    for (size_t i = 0; i < core->shelf.used; i++) {
        const struct shelf_entry *entry = &core->shelf.entries[i];
        if (!shelf_is_live(entry, core->now.wall) || !is_after(entry, pull->from_s, &pull->after)) {
            continue;
        }
        size_t at = count;
        while (at > 0 && is_after(ret_page[at - 1], entry->issued_at_s, &entry->id)) {
            at--;
        }
        if (at == LIST_ITEMS_MAX) {
            *ret_more = true;
            continue;
        }
        *ret_more = *ret_more || count == LIST_ITEMS_MAX;
        const size_t moved = (count < LIST_ITEMS_MAX ? count : LIST_ITEMS_MAX - 1) - at;
        memmove(&ret_page[at + 1], &ret_page[at], moved * sizeof(const struct shelf_entry *));
        ret_page[at] = entry;
        count += count < LIST_ITEMS_MAX;
    }
    return count;
}

/* The page that a link waits for. */
static void
say_page(struct core *core, struct link_state *link)
{
    const struct shelf_entry *list[LIST_ITEMS_MAX];
    const struct pull_message pull = {
        .token = link->wanted_token, .from_s = link->wanted_from_s, .after = link->wanted_after};
    struct page_message page = {.token = pull.token};
    const size_t count = collect_page(core, &pull, list, &page.more);
    int64_t length = 0;
    page.next_from_s = pull.from_s;
    page.next_after = pull.after;
    for (size_t i = 0; i < count; i++) {
        const struct bytes sealed = shelf_bytes(&core->shelf, list[i]);
        if (length + (int64_t)sealed.length > (int64_t)PAGE_BYTES_MAX) {
            page.more = true;
            break;
        }
        length += (int64_t)sealed.length;
        page.records.items[i] = sealed;
        page.records.count = i + 1;
        page.next_from_s = list[i]->issued_at_s;
        page.next_after = list[i]->id;
    }
    link->page_wanted = false;
    link->page_bytes += length + PAGE_COST_BYTES;
    core->upload_bytes += length + PAGE_COST_BYTES;
    say_message(core, link->link, &page_message_schema, &page);
}

/* Answers now when the link's share and the whole upload allow it; else with a later flush. True when it
 * still waits. */
bool
pages_answer(struct core *core, struct link_state *link)
{
    if (!link->page_wanted) {
        return false;
    }
    link->page_bytes = links_leaked(link->page_bytes, boot_between(link->page_at, core->now.boot),
                                    PAGES_BYTES_PER_S, PAGES_BURST_BYTES);
    link->page_at = core->now.boot;
    core->upload_bytes =
        links_leaked(core->upload_bytes, boot_between(core->upload_at, core->now.boot),
                     UPLOAD_BYTES_PER_S, UPLOAD_BURST_BYTES);
    core->upload_at = core->now.boot;
    if (link->page_bytes < PAGES_BURST_BYTES && core->upload_bytes < UPLOAD_BURST_BYTES &&
        say_has_room(core)) {
        say_page(core, link);
    }
    return link->page_wanted;
}

/* One question at a time: a newer one takes the place of an older. */
void
pages_take_pull(struct core *core, struct link_state *link, const struct pull_message *pull)
{
    link->page_wanted = true;
    link->wanted_token = pull->token;
    link->wanted_from_s = pull->from_s;
    link->wanted_after = pull->after;
    link->subscribed = true;
    if (pages_answer(core, link) && core->flush_at.ms == 0) {
        core->flush_at = boot_add(core->now.boot, duration_of_ms(FLUSH_MS));
    }
}

/* Pages lead on through the order, and bring no more than a shelf holds: else a liar's would never end. */
static bool
page_leads_on(const struct core *core, const struct link_state *link,
              const struct page_message *page)
{
    const bool is_later = page->next_from_s > link->pull_from_s ||
                          (page->next_from_s == link->pull_from_s &&
                           memcmp(page->next_after.bytes, link->pull_after.bytes, ID_LENGTH) > 0);
    return is_later && page->records.count > 0 &&
           link->pulled_bytes < (uint64_t)core->shelf.capacity * SHELF_SLOT_BYTES;
}

bool
pages_take_page(struct core *core, struct link_state *link, const struct page_message *page)
{
    if (page->token != 0 && page->token == link->past_token) {
        link->past_token = 0;
        return true; /* asked for, but a newer answer is on its way */
    }
    if (page->token == 0 || page->token != link->pull_token) {
        return false;
    }
    link->pull_token = 0;
    for (size_t i = 0; i < page->records.count; i++) {
        link->pulled_bytes += page->records.items[i].length;
    }
    gossip_take_list(core, link, &page->records);
    if (page->more && link->used && page_leads_on(core, link, page)) {
        pull(core, link, page->next_from_s, &page->next_after);
    }
    return true;
}

void
pages_ask_again(struct core *core)
{
    for (size_t i = 0; i < LINKS_MAX; i++) {
        struct link_state *link = &core->links[i];
        if (link->used && link->introduced && link->pull_token != 0 &&
            boot_between(link->pull_at, core->now.boot).ms > ANSWER_MS) {
            const struct record_id after = link->pull_after;
            pull(core, link, link->pull_from_s, &after);
        }
    }
}

/* One peer at a time, each in its turn: what was lost on one way came by another. */
void
pages_resync(struct core *core)
{
    const uint64_t now_s = (uint64_t)core->now.wall.ms / 1000;
    for (size_t i = 0; i < LINKS_MAX; i++) {
        core->resync_link = (core->resync_link + 1) % LINKS_MAX;
        struct link_state *link = &core->links[core->resync_link];
        if (link->used && link->introduced && link->pull_token == 0) {
            pages_pull(core, link, now_s > RESYNC_BACK_S ? now_s - RESYNC_BACK_S : 0);
            return;
        }
    }
}

void
pages_pull_all(struct core *core)
{
    for (size_t i = 0; i < LINKS_MAX; i++) {
        struct link_state *link = &core->links[i];
        if (link->used && link->introduced && link->pull_token == 0) {
            pages_pull(core, link, 0);
        }
    }
}
