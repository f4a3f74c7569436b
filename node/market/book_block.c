#include "node/market/book_inside.h"

#include <assert.h>
#include <string.h>

/* Rows that are only in the other lane come after all that have an ask. */
#define KEY_OTHER_LANE (UINT64_C(1) << 50)

uint64_t
book_key(uint32_t ask, uint32_t interruptible_ask, uint16_t reliability_bp)
{
    const uint64_t weight = 20000u - reliability_bp;
    return ask != 0 ? ask * weight : KEY_OTHER_LANE + interruptible_ask * weight;
}

uint64_t
book_hash(const struct book *book, const struct host_key *host, uint8_t slot_group)
{
    uint64_t words[2];
    memcpy(words, host->bytes, sizeof words);
    uint64_t hash = (words[0] ^ book->seed) * UINT64_C(0xbf58476d1ce4e5b9);
    hash = (hash ^ (hash >> 32) ^ words[1] ^ slot_group) * UINT64_C(0x94d049bb133111eb);
    return hash ^ (hash >> 29);
}

uint8_t
block_slot_group(const struct block *block, uint32_t row)
{
    return (uint8_t)(block_value(block, COLUMN_SLOTS, row) & SLOTS_GROUP_MASK);
}

uint64_t
block_key(const struct block *block, uint32_t row)
{
    return book_key(
        ask_of_word(block_column(block, COLUMN_ASK)[row]),
        ask_of_word(block_column(block, COLUMN_INTERRUPTIBLE)[row]),
        (uint16_t)(block_value(block, COLUMN_RELIABILITY_CPU, row) >> RELIABILITY_SHIFT));
}

static int32_t
slots_word(const struct market_row *row)
{
    const uint32_t free_slots = (uint32_t)(row->slots_total - row->slots_held);
    return (int32_t)(free_slots << SLOTS_FREE_SHIFT |
                     (uint32_t)row->slots_total << SLOTS_TOTAL_SHIFT | row->slot_group);
}

static void
write_row(const struct block *block, uint32_t at, const struct market_row *row, uint32_t terms)
{
    const int32_t values[COLUMN_COUNT] = {
        [COLUMN_ASK] = ask_word(row->ask_uusd_per_hour),
        [COLUMN_INTERRUPTIBLE] = ask_word(row->interruptible_ask_uusd_per_hour),
        [COLUMN_VRAM] = (int32_t)row->vram_mib,
        [COLUMN_FP16] = (int32_t)row->fp16_gflops,
        [COLUMN_BANDWIDTH] = (int32_t)row->bandwidth_mb_s,
        [COLUMN_UP] = (int32_t)row->up_mbit_s,
        [COLUMN_DOWN] = (int32_t)row->down_mbit_s,
        [COLUMN_RAM] = (int32_t)row->ram_mib,
        [COLUMN_DISK] = (int32_t)row->disk_mib,
        [COLUMN_FEATURES] = (int32_t)row->features,
        [COLUMN_RELIABILITY_CPU] =
            (int32_t)((uint32_t)row->reliability_bp << RELIABILITY_SHIFT | row->cpu_threads),
        [COLUMN_SLOTS] = slots_word(row),
        [COLUMN_TERMS] = (int32_t)terms,
        [COLUMN_EXPIRES] = expires_word(row->expires_s),
    };
    for (int column = 0; column < COLUMN_COUNT; column++) {
        block_column(block, (enum column)column)[at] = values[column];
    }
    block->hosts[at] = row->host;
}

void
blocks_read(const struct book *book, uint32_t position, struct market_row *ret_row)
{
    const struct block place = block_at(book, block_of(book, position));
    const struct block *block = &place;
    const uint32_t at = row_of(book, position);
    const uint32_t reliability_cpu = block_value(block, COLUMN_RELIABILITY_CPU, at);
    const uint32_t slots = block_value(block, COLUMN_SLOTS, at);
    const uint32_t total = (slots & SLOTS_TOTAL_MASK) >> SLOTS_TOTAL_SHIFT;
    *ret_row = (struct market_row){
        .host = block->hosts[at],
        .slot_group = block_slot_group(block, at),
        .slots_total = (uint8_t)total,
        .slots_held = (uint8_t)(total - (slots >> SLOTS_FREE_SHIFT)),
        .gpu_class = book->infos[block_of(book, position)].gpu_class,
        .reliability_bp = (uint16_t)(reliability_cpu >> RELIABILITY_SHIFT),
        .cpu_threads = (uint16_t)(reliability_cpu & CPU_MASK),
        .expires_s = block_value(block, COLUMN_EXPIRES, at) ^ UINT32_C(0x80000000),
        .ask_uusd_per_hour = ask_of_word(block_column(block, COLUMN_ASK)[at]),
        .interruptible_ask_uusd_per_hour =
            ask_of_word(block_column(block, COLUMN_INTERRUPTIBLE)[at]),
        .vram_mib = block_value(block, COLUMN_VRAM, at),
        .fp16_gflops = block_value(block, COLUMN_FP16, at),
        .bandwidth_mb_s = block_value(block, COLUMN_BANDWIDTH, at),
        .up_mbit_s = block_value(block, COLUMN_UP, at),
        .down_mbit_s = block_value(block, COLUMN_DOWN, at),
        .ram_mib = block_value(block, COLUMN_RAM, at),
        .disk_mib = block_value(block, COLUMN_DISK, at),
        .features = block_value(block, COLUMN_FEATURES, at),
        .terms = *terms_pool_at(&book->terms, block_value(block, COLUMN_TERMS, at)),
    };
}

uint32_t
block_free_row(const struct book *book, const struct block_info *info)
{
    for (uint32_t word = 0; word < book->block_words; word++) {
        if (info->live[word] != UINT64_MAX) {
            return word * 64 + (uint32_t)__builtin_ctzll(~info->live[word]);
        }
    }
    assert(false); /* asked only of blocks with room */
    return 0;
}

void
block_set_live(struct block_info *info, uint32_t row)
{
    info->live[row / 64] |= UINT64_C(1) << (row % 64);
    info->count++;
}

void
block_clear_live(struct block_info *info, uint32_t row)
{
    info->live[row / 64] &= ~(UINT64_C(1) << (row % 64));
    info->count--;
}

static int32_t
least_expiry(const struct block *block)
{
    const int32_t *expires = block_column(block, COLUMN_EXPIRES);
    int32_t least = INT32_MAX;
    for (uint32_t row = 0; row < block->rows; row++) {
        least = expires[row] < least ? expires[row] : least;
    }
    return least;
}

void
block_empty_row(const struct block *block, uint32_t row)
{
    block_column(block, COLUMN_ASK)[row] = INT32_MAX;
    block_column(block, COLUMN_EXPIRES)[row] = INT32_MAX;
}

void
block_redraw_asks(struct book *book, uint32_t block_number)
{
    const struct block block = block_at(book, block_number);
    const int32_t *asks = block_column(&block, COLUMN_ASK);
    int32_t least = INT32_MAX;
    int32_t greatest = -1;
    for (uint32_t row = 0; row < block.rows; row++) {
        least = asks[row] < least ? asks[row] : least;
        greatest = asks[row] > greatest ? asks[row] : greatest;
    }
    book->infos[block_number].zones.least[ZONE_ASK] = least;
    book->infos[block_number].zones.greatest[ZONE_ASK] = greatest;
}

void
block_redraw_zones(struct book *book, uint32_t block_number)
{
    const struct block block = block_at(book, block_number);
    struct block_info *info = &book->infos[block_number];
    struct market_row row;
    info->least_key = UINT64_MAX;
    zones_clear(zones_of_block(info));
    for (uint32_t word = 0; word < book->block_words; word++) {
        for (uint64_t left = info->live[word]; left != 0; left &= left - 1) {
            const uint32_t at = word * 64 + (uint32_t)__builtin_ctzll(left);
            blocks_read(book, position_of(book, block_number, at), &row);
            (void)zones_widen(zones_of_block(info), &row);
            const uint64_t key = block_key(&block, at);
            info->least_key = key < info->least_key ? key : info->least_key;
        }
    }
    info->expires_least = least_expiry(&block);
    info->removed = 0;
}

/* A class's range holds those of its blocks: it widens only when a block's does. True when it may
 * have. */
static bool
widen_all(struct book *book, uint32_t block_number, const struct market_row *row)
{
    struct block_info *info = &book->infos[block_number];
    const int32_t expires = expires_word(row->expires_s);
    info->expires_least = expires < info->expires_least ? expires : info->expires_least;
    return zones_widen(zones_of_block(info), row) &&
           zones_widen(zones_of_class(book, info->gpu_class), row);
}

void
blocks_add(struct book *book, const struct market_row *row, uint32_t terms)
{
    struct class_info *class_info = &book->classes[row->gpu_class];
    const uint64_t key =
        book_key(row->ask_uusd_per_hour, row->interruptible_ask_uusd_per_hour, row->reliability_bp);
    if (class_info->blocks == 0) {
        (void)order_insert_block(book, row->gpu_class, class_info->first, key);
        zones_clear(zones_of_class(book, row->gpu_class));
        class_info->removed = 0;
    }
    uint32_t place = order_place_for(book, class_info, key);
    bool is_ranked_anew = class_info->count == 0;
    if (book->infos[book->order[place]].count == book->block_rows) {
        order_make_room(book, class_info, place);
        place = order_place_for(book, class_info, key);
        is_ranked_anew = true;
    }
    const uint32_t block_number = book->order[place];
    struct block_info *info = &book->infos[block_number];
    const struct block block = block_at(book, block_number);
    const uint32_t at = block_free_row(book, info);
    write_row(&block, at, row, terms);
    block_set_live(info, at);
    is_ranked_anew |= widen_all(book, block_number, row);
    is_ranked_anew |= place == class_info->first && key < info->least_key;
    info->low_key = key < info->low_key ? key : info->low_key;
    info->least_key = key < info->least_key ? key : info->least_key;
    index_add(&book->index, book_hash(book, &row->host, row->slot_group),
              position_of(book, block_number, at));
    class_info->count++;
    book->count++;
    if (is_ranked_anew) {
        rank_update(book, row->gpu_class);
    }
}

static void
forget_row(struct book *book, uint32_t block_number, uint32_t row)
{
    const struct block block = block_at(book, block_number);
    struct block_info *info = &book->infos[block_number];
    index_remove(&book->index, book_hash(book, &block.hosts[row], block_slot_group(&block, row)),
                 position_of(book, block_number, row));
    block_empty_row(&block, row);
    block_clear_live(info, row);
    info->removed++;
    book->classes[info->gpu_class].count--;
    book->classes[info->gpu_class].removed++;
    book->count--;
}

void
blocks_remove(struct book *book, uint32_t position)
{
    forget_row(book, block_of(book, position), row_of(book, position));
    order_settle_block(book, block_of(book, position));
}

void
blocks_overwrite(struct book *book, uint32_t position, const struct market_row *row, uint32_t terms)
{
    const struct block block = block_at(book, block_of(book, position));
    write_row(&block, row_of(book, position), row, terms);
    if (widen_all(book, block_of(book, position), row)) {
        rank_update(book, row->gpu_class);
    }
}

uint32_t
blocks_terms(const struct book *book, uint32_t position)
{
    const struct block block = block_at(book, block_of(book, position));
    return block_value(&block, COLUMN_TERMS, row_of(book, position));
}

void
blocks_hold(struct book *book, uint32_t position, uint8_t slots_held)
{
    const struct block block = block_at(book, block_of(book, position));
    struct market_row row;
    blocks_read(book, position, &row);
    row.slots_held = slots_held;
    block_column(&block, COLUMN_SLOTS)[row_of(book, position)] = slots_word(&row);
    (void)widen_all(book, block_of(book, position), &row); /* what is free is not ranked by */
}

static void
find_expired(const struct book *book, uint32_t block_number, uint64_t now_s,
             uint64_t ret_expired[BLOCK_WORDS_MAX])
{
    const struct block block = block_at(book, block_number);
    const struct scan_test test = {.column = block_column(&block, COLUMN_EXPIRES),
                                   .kind = SCAN_AT_MOST,
                                   .mask = -1,
                                   .bound = expires_word(now_s)};
    for (uint32_t word = 0; word < book->block_words; word++) {
        ret_expired[word] = book->infos[block_number].live[word];
    }
    book->scan(&test, 1, book->block_words, ret_expired);
}

/* Index and terms are fetched ahead: waiting for them is what takes the time. */
static void
fetch_rows(const struct book *book, const struct block *block, uint32_t first, uint64_t rows)
{
    for (uint64_t left = rows; left != 0; left &= left - 1) {
        const uint32_t row = first + (uint32_t)__builtin_ctzll(left);
        index_prefetch(&book->index,
                       book_hash(book, &block->hosts[row], block_slot_group(block, row)));
        __builtin_prefetch(&book->terms.entries[block_value(block, COLUMN_TERMS, row)], 1);
    }
}

static uint32_t
expire_block(struct book *book, uint32_t block_number, uint64_t now_s)
{
    const struct block block = block_at(book, block_number);
    struct block_info *info = &book->infos[block_number];
    const uint32_t before = info->count;
    uint64_t expired[BLOCK_WORDS_MAX];
    find_expired(book, block_number, now_s, expired);
    for (uint32_t word = 0; word < book->block_words; word++) {
        fetch_rows(book, &block, word * 64, expired[word]);
    }
    for (uint32_t word = 0; word < book->block_words; word++) {
        for (uint64_t left = expired[word]; left != 0; left &= left - 1) {
            const uint32_t row = word * 64 + (uint32_t)__builtin_ctzll(left);
            terms_pool_give_back(&book->terms, block_value(&block, COLUMN_TERMS, row));
            forget_row(book, block_number, row);
        }
    }
    info->expires_least = least_expiry(&block);
    const uint32_t gone = before - info->count;
    if (gone > 0) {
        order_settle_block(book, block_number);
    }
    return gone;
}

uint32_t
blocks_expire(struct book *book, uint64_t now_s)
{
    const int32_t now = expires_word(now_s);
    uint32_t gone = 0;
    for (uint32_t i = 0; i < book->blocks_touched; i++) {
        /* Again, when the block took over rows of a neighbour that has not had its turn. */
        while (book->infos[i].count > 0 && book->infos[i].expires_least <= now) {
            gone += expire_block(book, i, now_s);
        }
    }
    return gone;
}
