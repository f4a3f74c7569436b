/* The batch lane at one node: epochs that it collects bids for, bids of its own standing requests, and the
 * clearings that came of both. A clearing is a hint; its fills become ordinary leases. */
#ifndef GPULET_NODE_CORE_AUCTION_H
#define GPULET_NODE_CORE_AUCTION_H

#include "node/core/state.h"
#include "protocol/control.h"
#include "protocol/message.h"

/* Memory for bids, and for epochs when `collects`; NULL when there is none. auction_free_memory accepts
 * NULL. */
struct batch *auction_new_memory(bool collects);
void auction_free_memory(struct batch *batch);

/* ---- As an auctioneer: node/core/auction_epoch.c ---- */

/* A renter's records. The links say who sends them; the signatures were checked. */
void auction_take_commitment(struct core *core, struct link_state *link,
                             const struct verified_record *record);
void auction_take_bid(struct core *core, struct link_state *link,
                      const struct verified_record *record);

/* Ends epochs, and clears those whose bids are open. */
void auction_tick(struct core *core);

/* ---- As a renter: node/core/auction_bid.c. `index` is a standing request's. ---- */

/* Begins to bid for a standing request. False when it was refused, with the reason told to `asker`. */
bool bidding_begin(struct core *core, size_t index, struct client asker,
                   const struct control_rent *ask);
bool bidding_is_under_way(const struct core *core, size_t index);
void bidding_end(struct core *core, size_t index);

/* How far it is, for people. */
const char *bidding_text(const struct core *core, size_t index);
void bidding_tick(struct core *core);

/* Whether the refusal was about a commitment or bid of ours. */
bool bidding_take_refused(struct core *core, const struct link_state *link,
                          const struct refused_message *message);

/* A clearing that was checked is kept: fills of our bids become leases. With `why`, it was false. */
void bidding_take_clearing(struct core *core, const struct record_id *close, const char *why);
void bidding_take_closed(struct core *core, struct link_state *link,
                         const struct auction_closed_message *message);

/* A fill's lease was signed. True when the client is a fill. */
bool bidding_part_won(struct core *core, struct client client);

/* The bid that waits for a clearing of that epoch's end at that peer. */
bool bidding_expects(const struct core *core, const struct peer_id *peer,
                     const struct record_id *close);

/* ---- Files: node/core/auction_file.c ---- */

struct kept_clearing;

/* A place for a new file: a free one, or the oldest. */
struct kept_clearing *auction_keep(struct core *core);
struct kept_clearing *auction_kept(struct core *core, const struct record_id *close);

/* Messages 24 to 26. */
void auction_message(struct core *core, struct link_state *link, uint8_t type, struct bytes bytes);

/* Tells a bidder that the clearing of an epoch is there. */
void auction_say_ready(struct core *core, const struct link_state *link,
                       const struct kept_clearing *kept);

/* Asks for the next piece again when it did not come. */
void auction_file_tick(struct core *core);

/* True while pieces of a file that was asked for come from that peer: they are not counted against it. */
bool auction_is_fetching_from(const struct core *core, const struct peer_id *peer);

/* Recomputes the book that was opened last and compares it with what its clearing says; NULL when it is
 * right, else a static sentence. */
const char *auction_check_book(struct core *core);

void auction_answer(struct core *core, struct client client, const struct control_clearing *ask);

#endif
