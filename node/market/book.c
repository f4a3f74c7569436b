#include "node/market/book.h"

#include <assert.h>
#include <stdlib.h>

#include "node/market/book_inside.h"
#include "protocol/limits.h"

enum {
    TERMS_MIN = 65536,
    TERMS_SHARE = 4,
    /* Up to so many listings most classes have few, and blocks are small. */
    SMALL_BOOK = 131072,
    SMALL_SHIFT = 6,
    LARGE_SHIFT = 8
};

/* Every listing may have terms of its own in a book of the usual size; in a huge one, one of four. */
static uint32_t
terms_max(uint32_t listings_max)
{
    const uint32_t shared = listings_max / TERMS_SHARE;
    const uint32_t most = shared > TERMS_MIN ? shared : TERMS_MIN;
    return listings_max < most ? listings_max : most;
}

/* Larger blocks take less beside their rows, smaller ones are sorted finer. */
static void
choose_block_size(struct book *book)
{
    book->block_shift = book->capacity <= SMALL_BOOK ? SMALL_SHIFT : LARGE_SHIFT;
    book->block_rows = UINT32_C(1) << book->block_shift;
    book->block_words = book->block_rows / 64;
    /* Two neighbours have five eighths of a block's rows together, or more; the first and last of a
     * class may have none. */
    book->blocks_max = book->capacity / (book->block_rows * 5 / 16) + 2 * CLASSES;
}

static bool
take_memory(struct book *book)
{
    choose_block_size(book);
    const size_t rows = (size_t)book->blocks_max << book->block_shift;
    book->columns = calloc(rows * COLUMN_COUNT, sizeof *book->columns);
    book->hosts = calloc(rows, sizeof *book->hosts);
    book->infos = calloc(book->blocks_max, sizeof *book->infos);
    book->order = calloc(book->blocks_max, sizeof *book->order);
    /* The old row of a replacement still has its terms while the new ones are taken. */
    return book->columns != NULL && book->hosts != NULL && book->infos != NULL &&
           book->order != NULL && index_init(&book->index, book->capacity) &&
           terms_pool_init(&book->terms, terms_max(book->capacity) + 1, book->seed);
}

struct book *
book_new(uint32_t listings_max)
{
    return book_new_with_seed(listings_max, UINT64_C(0x6a09e667f3bcc908));
}

struct book *
book_new_with_seed(uint32_t listings_max, uint64_t seed)
{
    assert(listings_max >= 1 && listings_max <= BOOK_LISTINGS_MAX);
    struct book *book = calloc(1, sizeof *book);
    if (book == NULL) {
        return NULL;
    }
    book->capacity = listings_max;
    book->seed = seed;
    book->scan = scan_best();
    for (int i = 0; i < CLASSES; i++) {
        zones_clear(zones_of_class(book, (uint16_t)i));
    }
    if (!take_memory(book)) {
        book_free(book);
        return NULL;
    }
    return book;
}

void
book_free(struct book *book)
{
    if (book != NULL) {
        terms_pool_clear(&book->terms);
        index_clear(&book->index);
        free(book->order);
        free(book->infos);
        free(book->hosts);
        free(book->columns);
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
    const size_t row_bytes = COLUMN_COUNT * sizeof *book->columns + sizeof *book->hosts;
    const size_t block_bytes =
        book->block_rows * row_bytes + sizeof *book->infos + sizeof *book->order;
    return sizeof *book + book->blocks_touched * block_bytes + index_bytes(&book->index) +
           terms_pool_bytes(&book->terms);
}

static bool
find_position(const struct book *book, const struct host_key *host, uint16_t slot_group,
              uint32_t *ret_position)
{
    if (slot_group >= SLOT_GROUPS_MAX) {
        return false;
    }
    struct index_look look = index_look(&book->index, book_hash(book, host, (uint8_t)slot_group));
    uint32_t position;
    while ((position = index_next(&book->index, &look)) != INDEX_NONE) {
        const struct block block = block_at(book, block_of(book, position));
        const uint32_t row = row_of(book, position);
        if (block_slot_group(&block, row) == slot_group &&
            host_key_compare(&block.hosts[row], host) == 0) {
            *ret_position = position;
            return true;
        }
    }
    return false;
}

static bool
has_same_place(const struct market_row *a, const struct market_row *b)
{
    return a->gpu_class == b->gpu_class &&
           book_key(a->ask_uusd_per_hour, a->interruptible_ask_uusd_per_hour, a->reliability_bp) ==
               book_key(b->ask_uusd_per_hour, b->interruptible_ask_uusd_per_hour,
                        b->reliability_bp);
}

/* Puts a row, whose terms are taken, in place of the one at a position. */
static void
replace(struct book *book, uint32_t position, const struct market_row *row, uint32_t terms)
{
    struct market_row old;
    struct market_row fresh = *row;
    const uint32_t old_terms = blocks_terms(book, position);
    blocks_read(book, position, &old);
    fresh.slots_held = old.slots_held < row->slots_total ? old.slots_held : row->slots_total;
    if (has_same_place(&old, &fresh)) {
        blocks_overwrite(book, position, &fresh, terms);
    } else {
        blocks_remove(book, position);
        blocks_add(book, &fresh, terms);
    }
    terms_pool_give_back(&book->terms, old_terms);
}

enum status
book_put(struct book *book, const struct market_row *row)
{
    uint32_t position = 0;
    terms_pool_prefetch(&book->terms, &row->terms);
    const bool is_there = find_position(book, &row->host, row->slot_group, &position);
    assert(row->gpu_class < CLASSES && row->slot_group < SLOT_GROUPS_MAX);
    if (!is_there && book->count == book->capacity) {
        return STATUS_LIMIT;
    }
    const uint32_t terms = terms_pool_take(&book->terms, &row->terms);
    if (terms == INDEX_NONE) {
        return STATUS_LIMIT;
    }
    if (is_there) {
        replace(book, position, row, terms);
    } else {
        blocks_add(book, row, terms);
    }
    return STATUS_OK;
}

enum status
book_withdraw(struct book *book, const struct peer_id *host, uint16_t slot_group)
{
    const struct host_key key = host_key_of(host);
    uint32_t position = 0;
    if (!find_position(book, &key, slot_group, &position)) {
        return STATUS_NOT_FOUND;
    }
    terms_pool_give_back(&book->terms, blocks_terms(book, position));
    blocks_remove(book, position);
    return STATUS_OK;
}

enum status
book_find(const struct book *book, const struct peer_id *host, uint16_t slot_group,
          struct market_row *ret_row)
{
    const struct host_key key = host_key_of(host);
    uint32_t position = 0;
    if (!find_position(book, &key, slot_group, &position)) {
        return STATUS_NOT_FOUND;
    }
    blocks_read(book, position, ret_row);
    return STATUS_OK;
}

uint32_t
book_expire(struct book *book, uint64_t now_s)
{
    return blocks_expire(book, now_s);
}

void
book_set_reliability(struct book *book, const struct peer_id *host, uint16_t reliability_bp)
{
    const struct host_key key = host_key_of(host);
    for (uint16_t slot_group = 0; slot_group < SLOT_GROUPS_MAX; slot_group++) {
        uint32_t position = 0;
        if (find_position(book, &key, slot_group, &position)) {
            const uint32_t terms = blocks_terms(book, position);
            struct market_row row;
            blocks_read(book, position, &row);
            row.reliability_bp = reliability_bp > 10000 ? 10000 : reliability_bp;
            blocks_remove(book, position);
            blocks_add(book, &row, terms);
        }
    }
}

void
book_hold(struct book *book, const struct peer_id *host, uint16_t slot_group, uint8_t slots)
{
    const struct host_key key = host_key_of(host);
    uint32_t position = 0;
    if (find_position(book, &key, slot_group, &position)) {
        struct market_row row;
        blocks_read(book, position, &row);
        const uint8_t left = (uint8_t)(row.slots_total - row.slots_held);
        blocks_hold(book, position, (uint8_t)(row.slots_held + (slots < left ? slots : left)));
    }
}

void
book_release(struct book *book, const struct peer_id *host, uint16_t slot_group, uint8_t slots)
{
    const struct host_key key = host_key_of(host);
    uint32_t position = 0;
    if (find_position(book, &key, slot_group, &position)) {
        struct market_row row;
        blocks_read(book, position, &row);
        blocks_hold(book, position,
                    (uint8_t)(row.slots_held - (slots < row.slots_held ? slots : row.slots_held)));
    }
}

bool
book_next(const struct book *book, struct book_cursor *cursor, struct market_row *ret_row)
{
    for (; cursor->block_private < book->blocks_touched; cursor->block_private++) {
        const struct block_info *info = &book->infos[cursor->block_private];
        while (info->count > 0 && cursor->at_private < book->block_rows) {
            const uint32_t row = cursor->at_private++;
            if ((info->live[row / 64] >> (row % 64) & 1) != 0) {
                blocks_read(book, position_of(book, cursor->block_private, row), ret_row);
                return true;
            }
        }
        cursor->at_private = 0;
    }
    return false;
}
