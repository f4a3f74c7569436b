/* The market as the node sees it: listings of the shelf in the book, and what fits a request. */
#ifndef GPULET_NODE_CORE_FIND_H
#define GPULET_NODE_CORE_FIND_H

#include "node/core/shelf.h"
#include "node/market/filter.h"
#include "node/market/match.h"

/* A host that nobody has rated: neither praised nor blamed. */
enum { RELIABILITY_UNKNOWN_BP = 5000 };

/* The shelf tells what came and what goes. */
void find_note(struct core *core, const struct shelf_entry *entry, const struct envelope *envelope);
void find_forget(struct core *core, const struct shelf_entry *entry);

/* The listing that an entry holds; texts are borrowed from the shelf. False for any other record. */
bool find_listing(const struct core *core, const struct shelf_entry *entry,
                  struct listing *ret_listing);

/* An offer with the listing behind it. */
struct found {
    struct offer offer;
    struct peer_id host;
    struct record_id listing;
    struct listing body; /* texts borrowed from the shelf */
    struct amount ask_uusd_per_hour;
    struct amount total_uusd; /* all in, for the request's whole duration */
    uint64_t issued_at_s;
    uint64_t expires_at_s;
};

/* False when the listing behind an offer is gone or cannot be priced. */
bool find_resolve(struct core *core, const struct offer *offer, const struct request *request,
                  struct found *ret_found);

/* What to look for: a request, the seed that spreads renters, listings that were tried, and the
 * beginning of the one listing's hex id that is wanted (empty: any). */
struct pick_order {
    const struct request *request;
    uint64_t seed;
    const struct record_id *tried;
    size_t tried_count;
    struct bytes only;
};

/* The offer that the request would take; one of a host that is avoided for a while only when no other
 * fits. STATUS_NOT_FOUND. */
enum status find_pick(struct core *core, const struct pick_order *order, struct found *ret_found)
    MUST_USE;

#endif
