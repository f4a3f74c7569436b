/* The book: every live listing a node knows, one row for each (host, slot group), in memory taken at
 * the start. A row is what was last put; who may replace what is decided before. */
#ifndef GPULET_NODE_MARKET_BOOK_H
#define GPULET_NODE_MARKET_BOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/market/market_row.h"
#include "protocol/id.h"
#include "protocol/status.h"

struct book;

#define BOOK_LISTINGS_MAX UINT32_C(1000000000)

/* Takes the memory for so many listings (at least 1), which the system gives as it fills. NULL when
 * there is none. Owned by the caller; book_free accepts NULL. */
struct book *book_new(uint32_t listings_max);

/* The same with a secret seed for its hashes: a node that takes strangers' keys needs one, or they
 * choose keys that all stand in one bucket. Answers do not depend on it. */
struct book *book_new_with_seed(uint32_t listings_max, uint64_t seed);
void book_free(struct book *book);

uint32_t book_count(const struct book *book);
uint32_t book_capacity(const struct book *book);

/* Bytes that the book has put to use so far, for people and benches. */
size_t book_memory_used(const struct book *book);

/* Puts a row in, or in place of the row of the same host and slot group, whose hint of slots held it
 * keeps. STATUS_LIMIT when the book is full, or holds too many different terms (the row before, if
 * any, is then still there). */
enum status book_put(struct book *book, const struct market_row *row) MUST_USE;

/* STATUS_NOT_FOUND when there is none. */
enum status book_withdraw(struct book *book, const struct peer_id *host, uint16_t slot_group)
    MUST_USE;
enum status book_find(const struct book *book, const struct peer_id *host, uint16_t slot_group,
                      struct market_row *ret_row) MUST_USE;

/* Takes out every row that has expired by now; returns how many. */
uint32_t book_expire(struct book *book, uint64_t now_s);

/* Tells the reliability of a host for all its rows; nothing when it has none. */
void book_set_reliability(struct book *book, const struct peer_id *host, uint16_t reliability_bp);

/* Hints of slots taken and freed, as hosts tell: a row without free slots enough is not offered.
 * Never below 0 or above the slots in all; nothing for a host that is not there. */
void book_hold(struct book *book, const struct peer_id *host, uint16_t slot_group, uint8_t slots);
void book_release(struct book *book, const struct peer_id *host, uint16_t slot_group,
                  uint8_t slots);

/* Goes through all rows in an order of the book's own: start with {0}, go on while true. The book
 * must not change meanwhile. */
struct book_cursor {
    uint32_t block_private;
    uint32_t at_private;
};
bool book_next(const struct book *book, struct book_cursor *cursor, struct market_row *ret_row);

#endif
