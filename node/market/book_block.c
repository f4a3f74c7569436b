#include "node/market/book_inside.h"

#include <assert.h>
#include <string.h>

#include "node/market/offer.h"

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
    return offer_spread(book->seed, host, slot_group);
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
        block_value(block, COLUMN_ASK, row), block_value(block, COLUMN_INTERRUPTIBLE, row),
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
write_row(struct block *block, uint32_t at, const struct market_row *row, uint32_t terms)
{
    int32_t(*columns)[BLOCK_ROWS] = block->columns;
    columns[COLUMN_ASK][at] = (int32_t)row->ask_uusd_per_hour;
    columns[COLUMN_INTERRUPTIBLE][at] = (int32_t)row->interruptible_ask_uusd_per_hour;
    columns[COLUMN_VRAM][at] = (int32_t)row->vram_mib;
    columns[COLUMN_FP16][at] = (int32_t)row->fp16_gflops;
    columns[COLUMN_BANDWIDTH][at] = (int32_t)row->bandwidth_mb_s;
    columns[COLUMN_UP][at] = (int32_t)row->up_mbit_s;
    columns[COLUMN_DOWN][at] = (int32_t)row->down_mbit_s;
    columns[COLUMN_RAM][at] = (int32_t)row->ram_mib;
    columns[COLUMN_DISK][at] = (int32_t)row->disk_mib;
    columns[COLUMN_FEATURES][at] = (int32_t)row->features;
    columns[COLUMN_RELIABILITY_CPU][at] =
        (int32_t)((uint32_t)row->reliability_bp << RELIABILITY_SHIFT | row->cpu_threads);
    columns[COLUMN_SLOTS][at] = slots_word(row);
    columns[COLUMN_TERMS][at] = (int32_t)terms;
    columns[COLUMN_EXPIRES][at] = (int32_t)row->expires_s;
    columns[COLUMN_HANDLE][at] = (int32_t)row->handle;
    block->hosts[at] = row->host;
}

void
blocks_read(const struct book *book, uint32_t position, struct market_row *ret_row)
{
    const struct block *block = &book->blocks[position / BLOCK_ROWS];
    const uint32_t at = position % BLOCK_ROWS;
    const uint32_t reliability_cpu = block_value(block, COLUMN_RELIABILITY_CPU, at);
    const uint32_t slots = block_value(block, COLUMN_SLOTS, at);
    const uint32_t total = (slots & SLOTS_TOTAL_MASK) >> SLOTS_TOTAL_SHIFT;
    *ret_row = (struct market_row){
        .host = block->hosts[at],
        .slot_group = block_slot_group(block, at),
        .slots_total = (uint8_t)total,
        .slots_held = (uint8_t)(total - (slots >> SLOTS_FREE_SHIFT)),
        .gpu_class = book->infos[position / BLOCK_ROWS].gpu_class,
        .reliability_bp = (uint16_t)(reliability_cpu >> RELIABILITY_SHIFT),
        .cpu_threads = (uint16_t)(reliability_cpu & CPU_MASK),
        .handle = block_value(block, COLUMN_HANDLE, at),
        .expires_s = block_value(block, COLUMN_EXPIRES, at),
        .ask_uusd_per_hour = block_value(block, COLUMN_ASK, at),
        .interruptible_ask_uusd_per_hour = block_value(block, COLUMN_INTERRUPTIBLE, at),
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

static bool
is_live(const struct block_info *info, uint32_t row)
{
    return (info->live[row / 64] >> (row % 64) & 1) != 0;
}

uint32_t
block_free_row(const struct block_info *info)
{
    for (uint32_t word = 0; word < BLOCK_WORDS; word++) {
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

/* Draws what depends on price and time again: exact after rows have moved. */
void
block_redraw_prices(struct book *book, uint32_t block_number)
{
    const struct block *block = &book->blocks[block_number];
    struct block_info *info = &book->infos[block_number];
    int32_t least = INT32_MAX;
    int32_t greatest = -1;
    info->least_key = UINT64_MAX;
    info->expires_least_s = UINT32_MAX;
    for (uint32_t word = 0; word < BLOCK_WORDS; word++) {
        for (uint64_t left = info->live[word]; left != 0; left &= left - 1) {
            const uint32_t row = word * 64 + (uint32_t)__builtin_ctzll(left);
            const uint64_t key = block_key(block, row);
            const int32_t ask = block->columns[COLUMN_ASK][row];
            const uint32_t expires_s = block_value(block, COLUMN_EXPIRES, row);
            info->least_key = key < info->least_key ? key : info->least_key;
            least = ask < least && ask != 0 ? ask : least;
            greatest = ask > greatest ? ask : greatest;
            info->expires_least_s =
                expires_s < info->expires_least_s ? expires_s : info->expires_least_s;
        }
    }
    info->zones.least[ZONE_ASK] = least;
    info->zones.greatest[ZONE_ASK] = greatest;
}

void
block_redraw_zones(struct book *book, uint32_t block_number)
{
    struct block_info *info = &book->infos[block_number];
    struct market_row row;
    zones_clear(zones_of_block(info));
    for (uint32_t at = 0; at < BLOCK_ROWS; at++) {
        if (is_live(info, at)) {
            blocks_read(book, position_of(block_number, at), &row);
            zones_widen(zones_of_block(info), &row);
        }
    }
    block_redraw_prices(book, block_number);
    info->removed = 0;
}

static void
widen_all(struct book *book, uint32_t block_number, const struct market_row *row)
{
    struct block_info *info = &book->infos[block_number];
    zones_widen(zones_of_block(info), row);
    zones_widen(zones_of_class(book, info->gpu_class), row);
    if (row->expires_s < info->expires_least_s) {
        info->expires_least_s = row->expires_s;
    }
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
    if (book->infos[book->order[place]].count == BLOCK_ROWS) {
        order_make_room(book, class_info, place);
        place = order_place_for(book, class_info, key);
    }
    const uint32_t block_number = book->order[place];
    struct block_info *info = &book->infos[block_number];
    const uint32_t at = block_free_row(info);
    write_row(&book->blocks[block_number], at, row, terms);
    block_set_live(info, at);
    widen_all(book, block_number, row);
    info->low_key = key < info->low_key ? key : info->low_key;
    info->least_key = key < info->least_key ? key : info->least_key;
    index_add(&book->index, book_hash(book, &row->host, row->slot_group),
              position_of(block_number, at));
    class_info->count++;
    book->count++;
}

static void
forget_row(struct book *book, uint32_t block_number, uint32_t row)
{
    const struct block *block = &book->blocks[block_number];
    struct block_info *info = &book->infos[block_number];
    index_remove(&book->index, book_hash(book, &block->hosts[row], block_slot_group(block, row)),
                 position_of(block_number, row));
    block_clear_live(info, row);
    info->removed++;
    book->classes[info->gpu_class].count--;
    book->classes[info->gpu_class].removed++;
    book->count--;
}

void
blocks_remove(struct book *book, uint32_t position)
{
    forget_row(book, position / BLOCK_ROWS, position % BLOCK_ROWS);
    order_settle_block(book, position / BLOCK_ROWS);
}

void
blocks_overwrite(struct book *book, uint32_t position, const struct market_row *row, uint32_t terms)
{
    write_row(&book->blocks[position / BLOCK_ROWS], position % BLOCK_ROWS, row, terms);
    widen_all(book, position / BLOCK_ROWS, row);
}

void
blocks_hold(struct book *book, uint32_t position, uint8_t slots_held)
{
    struct market_row row;
    blocks_read(book, position, &row);
    row.slots_held = slots_held;
    book->blocks[position / BLOCK_ROWS].columns[COLUMN_SLOTS][position % BLOCK_ROWS] =
        slots_word(&row);
    widen_all(book, position / BLOCK_ROWS, &row);
}

static uint64_t
expired_of_word(const struct block *block, uint32_t word, uint64_t now_s)
{
    uint64_t expired = 0;
    for (uint32_t bit = 0; bit < 64; bit++) {
        const uint64_t is_over = block_value(block, COLUMN_EXPIRES, word * 64 + bit) <= now_s;
        expired |= is_over << bit;
    }
    return expired;
}

/* The rows of one block; the index is fetched ahead, since it is what takes the time. */
static uint32_t
expire_block(struct book *book, uint32_t block_number, uint64_t now_s)
{
    const struct block *block = &book->blocks[block_number];
    struct block_info *info = &book->infos[block_number];
    const uint32_t before = info->count;
    uint64_t expired[BLOCK_WORDS];
    for (uint32_t word = 0; word < BLOCK_WORDS; word++) {
        expired[word] =
            info->live[word] == 0 ? 0 : expired_of_word(block, word, now_s) & info->live[word];
        for (uint64_t left = expired[word]; left != 0; left &= left - 1) {
            const uint32_t row = word * 64 + (uint32_t)__builtin_ctzll(left);
            index_prefetch(&book->index,
                           book_hash(book, &block->hosts[row], block_slot_group(block, row)));
        }
    }
    for (uint32_t word = 0; word < BLOCK_WORDS; word++) {
        for (uint64_t left = expired[word]; left != 0; left &= left - 1) {
            const uint32_t row = word * 64 + (uint32_t)__builtin_ctzll(left);
            terms_pool_give_back(&book->terms, block_value(block, COLUMN_TERMS, row));
            forget_row(book, block_number, row);
        }
    }
    block_redraw_prices(book, block_number);
    const uint32_t gone = before - info->count;
    if (gone > 0) {
        order_settle_block(book, block_number);
    }
    return gone;
}

uint32_t
blocks_expire(struct book *book, uint64_t now_s)
{
    uint32_t gone = 0;
    for (uint32_t i = 0; i < book->blocks_touched; i++) {
        /* Again, when the block took over rows of a neighbour that has not had its turn. */
        while (book->infos[i].count > 0 && book->infos[i].expires_least_s <= now_s) {
            gone += expire_block(book, i, now_s);
        }
    }
    return gone;
}
