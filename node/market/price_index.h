/* Prices by class: what the book's listings ask. For suggestions and for people, never for a match. */
#ifndef GPULET_NODE_MARKET_PRICE_INDEX_H
#define GPULET_NODE_MARKET_PRICE_INDEX_H

#include <stddef.h>
#include <stdint.h>

#include "node/market/book.h"
#include "protocol/record.h"

enum { PRICE_CLASSES_MAX = 8 * CLASS_SET_BYTES };

/* Asks are of one card. The median is the lower one of two in the middle, quarters likewise. */
struct class_price {
    uint16_t gpu_class; /* number; never 0 */
    uint32_t listings;
    uint32_t slots;
    uint32_t ask_least_uusd;
    uint32_t ask_quarter_uusd;
    uint32_t ask_median_uusd;
    uint32_t ask_three_quarters_uusd;
    uint32_t ask_most_uusd;
};

/* Which rows count; both may be NULL. */
struct price_wish {
    const uint8_t *classes;         /* a class set; NULL: all */
    const struct host_key *without; /* a host whose rows do not count */
};

/* Memory for the call, borrowed. With fewer words than there are rows (at least 2) asks are those of
 * rows evenly spread over the book; counts are exact always. */
struct price_memory {
    uint64_t *words;
    size_t count;
};

/* One entry for each class that somebody offers, by number. Rows without an ask do not count. Returns how
 * many classes there are. */
size_t price_index(const struct book *book, const struct price_wish *wish,
                   const struct price_memory *memory,
                   struct class_price ret_prices[PRICE_CLASSES_MAX]);

#endif
