/* The owner's offers, and the listings that are published for them. */
#ifndef GPULET_NODE_CORE_LISTING_H
#define GPULET_NODE_CORE_LISTING_H

#include "node/core/state.h"
#include "protocol/control.h"

void listing_recover(struct core *core, const struct row *row);
void listing_gpus(struct core *core, const struct event *event);

/* owner_offers.c. CONTROL_HOST: offers the cards of a mask; answers the client. */
void listing_host(struct core *core, struct client client, const struct control_host *ask);

/* CONTROL_UNHOST: no longer offers the cards; running leases go on. */
void listing_unhost(struct core *core, struct client client, const struct control_cards *cards);

/* Publishes what is due and can be published; withdraws what is no longer offered. */
void listing_tick(struct core *core);

/* A listing of ours that we know nothing of stands in the book, with that seq: it is replaced, or withdrawn
 * when nothing is offered. */
void listing_exceed(struct core *core, uint16_t slot_group, uint64_t seq);
void listing_refresh_all(struct core *core);

/* The offer of a slot group, or NULL. */
struct offer_state *listing_offer(struct core *core, uint16_t slot_group);
struct offer_state *listing_offer_by_id(struct core *core, const struct record_id *id);

/* The same; a new one when there is none, NULL when there is no place for it. */
struct offer_state *listing_offer_for(struct core *core, uint16_t slot_group);

/* A card of a slot group, which are all equal; NULL when none is there. */
const struct gpu *listing_card(const struct core *core, uint16_t slot_group);

/* The listing that an offer makes of such a card. */
struct listing listing_of_offer(struct core *core, const struct offer_row *row,
                                const struct gpu *gpu);

/* Takes the published listing back, now. */
void listing_withdraw(struct core *core, struct offer_state *offer);

/* Slot n of a group is its n-th card, offered or not, so that numbers stay when offers change. */
uint64_t listing_slots_offered(const struct core *core, const struct offer_row *offer);

/* GPU numbers, one bit each, of slots. */
uint64_t listing_gpu_mask(const struct core *core, uint16_t slot_group, uint64_t slot_mask);

/* True while the group's cards may be let: not paused, owner away, within the offer's hours. */
bool listing_is_open(const struct core *core, const struct offer_state *offer);

/* What a slot costs an hour, by the listing; zero: not offered so. */
struct amount listing_price(const struct listing *listing, bool interruptible);

/* Which cards are not offered just now, whatever the offers say; kept over restarts. */
void listing_set_paused(struct core *core, uint64_t gpu_mask);

#endif
