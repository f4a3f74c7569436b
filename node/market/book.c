#include "node/market/book.h"

#include <assert.h>
#include <stdlib.h>

struct book {
    uint32_t capacity;
    uint32_t count;
    struct market_row *rows;
};

struct book *
book_new(uint32_t listings_max)
{
    assert(listings_max >= 1);
    struct book *book = calloc(1, sizeof *book);
    if (book == NULL) {
        return NULL;
    }
    book->capacity = listings_max;
    book->rows = calloc(listings_max, sizeof *book->rows);
    if (book->rows == NULL) {
        free(book);
        return NULL;
    }
    return book;
}

void
book_free(struct book *book)
{
    if (book != NULL) {
        free(book->rows);
        free(book);
    }
}

uint32_t
book_count(const struct book *book)
{
    return book->count;
}

uint32_t
book_capacity(const struct book *book)
{
    return book->capacity;
}

size_t
book_memory_used(const struct book *book)
{
    return sizeof *book + (size_t)book->count * sizeof *book->rows;
}

static struct market_row *
find(const struct book *book, const struct host_key *host, uint16_t slot_group)
{
    for (uint32_t i = 0; i < book->count; i++) {
        struct market_row *row = &book->rows[i];
        if (row->slot_group == slot_group && host_key_compare(&row->host, host) == 0) {
            return row;
        }
    }
    return NULL;
}

static void
take_out(struct book *book, struct market_row *row)
{
    book->count--;
    *row = book->rows[book->count];
}

enum status
book_put(struct book *book, const struct market_row *row)
{
    struct market_row *place = find(book, &row->host, row->slot_group);
    uint8_t slots_held = row->slots_held;
    if (place != NULL) {
        slots_held = place->slots_held < row->slots_total ? place->slots_held : row->slots_total;
    } else if (book->count == book->capacity) {
        return STATUS_LIMIT;
    } else {
        place = &book->rows[book->count++];
    }
    *place = *row;
    place->slots_held = slots_held;
    return STATUS_OK;
}

enum status
book_withdraw(struct book *book, const struct peer_id *host, uint16_t slot_group)
{
    const struct host_key key = host_key_of(host);
    struct market_row *row = find(book, &key, slot_group);
    if (row == NULL) {
        return STATUS_NOT_FOUND;
    }
    take_out(book, row);
    return STATUS_OK;
}

enum status
book_find(const struct book *book, const struct peer_id *host, uint16_t slot_group,
          struct market_row *ret_row)
{
    const struct host_key key = host_key_of(host);
    const struct market_row *row = find(book, &key, slot_group);
    if (row == NULL) {
        return STATUS_NOT_FOUND;
    }
    *ret_row = *row;
    return STATUS_OK;
}

uint32_t
book_expire(struct book *book, uint64_t now_s)
{
    const uint32_t before = book->count;
    uint32_t at = 0;
    while (at < book->count) {
        if (book->rows[at].expires_s <= now_s) {
            take_out(book, &book->rows[at]);
        } else {
            at++;
        }
    }
    return before - book->count;
}

void
book_set_reliability(struct book *book, const struct peer_id *host, uint16_t reliability_bp)
{
    const struct host_key key = host_key_of(host);
    for (uint32_t i = 0; i < book->count; i++) {
        if (host_key_compare(&book->rows[i].host, &key) == 0) {
            book->rows[i].reliability_bp = reliability_bp > 10000 ? 10000 : reliability_bp;
        }
    }
}

void
book_hold(struct book *book, const struct peer_id *host, uint16_t slot_group, uint8_t slots)
{
    const struct host_key key = host_key_of(host);
    struct market_row *row = find(book, &key, slot_group);
    if (row != NULL) {
        const uint8_t left = (uint8_t)(row->slots_total - row->slots_held);
        row->slots_held = (uint8_t)(row->slots_held + (slots < left ? slots : left));
    }
}

void
book_release(struct book *book, const struct peer_id *host, uint16_t slot_group, uint8_t slots)
{
    const struct host_key key = host_key_of(host);
    struct market_row *row = find(book, &key, slot_group);
    if (row != NULL) {
        row->slots_held =
            (uint8_t)(row->slots_held - (slots < row->slots_held ? slots : row->slots_held));
    }
}

bool
book_next(const struct book *book, struct book_cursor *cursor, struct market_row *ret_row)
{
    if (cursor->at_private >= book->count) {
        return false;
    }
    *ret_row = book->rows[cursor->at_private++];
    return true;
}
