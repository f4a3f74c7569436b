/* A peer that lies: what it remembers, and how it makes its frames. */
#ifndef GPULET_TESTS_SIM_LIAR_H
#define GPULET_TESTS_SIM_LIAR_H

#include "protocol/limits.h"
#include "protocol/message.h"
#include "tests/sim/world.h"

enum { LIAR_LINKS = 16, LIAR_FRAMES = 24, LIAR_DEALS = 12, LIAR_LISTINGS = 8 };

struct liar_frame {
    size_t length;
    uint8_t bytes[6000];
};

struct liar_listing {
    bool used;
    struct peer_id host;
    struct record_id id;
};

/* A lease that the liar is part of, on either side. */
struct liar_deal {
    bool used;
    bool is_host;
    struct link link;
    struct peer_id peer;
    struct record_id hold;
    struct record_id lease;
    size_t terms_length;
    uint8_t terms[TERMS_BYTES_MAX];
    struct amount ask;
    uint16_t slots;
    uint32_t duration_s;
    bool confirmed;
    bool started;
    uint32_t voucher_number;
    int64_t voucher_uusd;
    uint32_t meter_number;
    uint64_t run_ms;
    struct record_id meter;
};

struct liar_link {
    bool used;
    struct link link;
    struct channel_key key;
};

struct liar {
    struct liar_link links[LIAR_LINKS];
    struct liar_frame frames[LIAR_FRAMES];
    size_t frame_count;
    struct liar_listing listings[LIAR_LISTINGS];
    struct liar_deal deals[LIAR_DEALS];
    size_t deal_count;
    struct record_id own_listing;
    size_t own_listing_length;
    uint8_t own_listing_bytes[LISTING_BYTES_MAX];
    uint64_t seq;
    uint8_t memory[FRAME_BYTES_MAX]; /* of the frame under construction */
    uint8_t sealed[COSIGNED_BYTES_MAX];
};

/* liar_say.c: a record of the liar's own, in `liar->sealed` until the next one. */
struct bytes liar_seal(struct world *world, struct machine *machine, uint8_t kind,
                       const void *body);
void liar_send(struct world *world, struct machine *machine, struct link link,
               const struct schema *schema, const void *value);
void liar_send_record(struct world *world, struct machine *machine, struct link link,
                      struct bytes sealed);

/* Cosigns a sealed record, rightly or wrongly, and sends it. */
void liar_send_cosigned(struct world *world, struct machine *machine, struct link link,
                        struct bytes sealed, bool rightly);
void liar_hello(struct world *world, struct machine *machine, const struct liar_link *link);

/* One byte is changed somewhere. */
void liar_spoil(struct world *world, uint8_t *bytes, size_t length);

/* liar_deal.c: what it answers to signed frames. */
void liar_deal_take(struct world *world, struct machine *machine, struct link link,
                    struct bytes frame);
void liar_deal_act(struct world *world, struct machine *machine);

#endif
