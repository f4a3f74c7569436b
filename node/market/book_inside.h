/* Inside of the book, for node/market/book*.c and node/market/match.c alone.
 *
 * Rows stand in blocks of one GPU class each. The blocks of a class are sorted by key, the ask
 * weighed by reliability; within a block there is no order. A row is columns of 32 bits, so that a
 * test of 64 rows is a few vector instructions. Zones, the least and greatest value of every column,
 * tell that a block or a whole class cannot fit. */
#ifndef GPULET_NODE_MARKET_BOOK_INSIDE_H
#define GPULET_NODE_MARKET_BOOK_INSIDE_H

#include "node/market/book.h"
#include "node/market/index.h"
#include "node/market/scan.h"
#include "node/market/terms_pool.h"
#include "protocol/gpu_class.h"

enum {
    BLOCK_ROWS_MAX = 256,
    BLOCK_WORDS_MAX = BLOCK_ROWS_MAX / 64,
    CLASSES = GPU_CLASS_NUMBER_MAX + 1 /* number 0: cards outside the table */
};
#define BLOCK_NONE UINT32_MAX

enum column {
    COLUMN_ASK,           /* ask_word() */
    COLUMN_INTERRUPTIBLE, /* ask_word() */
    COLUMN_VRAM,
    COLUMN_FP16,
    COLUMN_BANDWIDTH,
    COLUMN_UP,
    COLUMN_DOWN,
    COLUMN_RAM,
    COLUMN_DISK,
    COLUMN_FEATURES,
    COLUMN_RELIABILITY_CPU, /* reliability << 16 | CPU threads */
    COLUMN_SLOTS,           /* free << 24 | total << 16 | slot group */
    COLUMN_TERMS,           /* place in the pool */
    COLUMN_EXPIRES,         /* expires_word(); see block_empty_row */
    COLUMN_COUNT
};

enum {
    SLOTS_FREE_SHIFT = 24,
    SLOTS_TOTAL_SHIFT = 16,
    SLOTS_TOTAL_MASK = 0x7f0000,
    SLOTS_GROUP_MASK = 0xffff,
    RELIABILITY_SHIFT = 16,
    CPU_MASK = 0xffff
};

/* Values whose range is kept for a block and a class. */
enum zone {
    ZONE_ASK,
    ZONE_INTERRUPTIBLE,
    ZONE_VRAM,
    ZONE_FP16,
    ZONE_BANDWIDTH,
    ZONE_UP,
    ZONE_DOWN,
    ZONE_RAM,
    ZONE_DISK,
    ZONE_RELIABILITY,
    ZONE_CPU,
    ZONE_SLOTS,
    ZONE_FREE,
    ZONE_CUDA,
    ZONE_NVLINK,
    ZONE_PCIE,
    ZONE_LEASE_MAX,
    ZONE_LEASE_MIN,
    ZONE_NOTICE,
    ZONE_MINIMUM_RUN,
    ZONE_RECLAIMS,
    ZONE_COUNT
};

/* Never too narrow; wider than the rows after some were taken out, until it is drawn again. */
struct zones {
    int32_t least[ZONE_COUNT];
    int32_t greatest[ZONE_COUNT];
    int32_t features_any; /* of some row */
    int32_t features_all; /* of every row */
};

/* The zones of all classes, side by side, so that they are tested like rows. */
struct class_zones {
    int32_t least[ZONE_COUNT][CLASSES];
    int32_t greatest[ZONE_COUNT][CLASSES];
    int32_t features_any[CLASSES];
    int32_t features_all[CLASSES];
};

/* Where the zones of a block, or of a class, stand: value z at [z * stride]. */
struct zone_view {
    int32_t *least;
    int32_t *greatest;
    int32_t *features_any;
    int32_t *features_all;
    size_t stride;
};

/* Where the columns of a block stand. */
struct block {
    int32_t *columns; /* COLUMN_COUNT times `rows` numbers */
    struct host_key *hosts;
    uint32_t rows;
};

struct block_info {
    uint64_t live[BLOCK_WORDS_MAX];
    uint64_t low_key;   /* keys below it belong to a block before */
    uint64_t least_key; /* no row has a smaller one */
    struct zones zones;
    int32_t expires_least; /* expires_word() of the first to go; never too late */
    uint16_t gpu_class;
    uint16_t count;
    uint16_t removed;   /* since the zones were drawn */
    uint32_t next_free; /* block + 1; 0: none */
};

struct class_info {
    uint32_t first; /* its blocks are book.order[first .. first + blocks - 1] */
    uint32_t blocks;
    uint32_t count;   /* rows */
    uint32_t removed; /* since the zones were drawn */
};

/* A lower bound of the price of an H100e-hour for each class, and the classes in its order: so that a
 * search begins where it is cheapest and never looks at the rest. */
struct class_rank {
    uint16_t count;
    uint16_t order[CLASSES];
    uint64_t least_uusd[CLASSES]; /* by number */
};

enum lane { LANE_ASK, LANE_INTERRUPTIBLE, LANE_COUNT };

/* What gpu_unit goes by. */
enum measure { MEASURE_FP16, MEASURE_BANDWIDTH, MEASURE_COUNT };

static inline enum measure
measure_of(enum work work)
{
    return work == WORK_INFER ? MEASURE_BANDWIDTH : MEASURE_FP16;
}

/* What the bounds of a class come from. */
struct rank_basis {
    bool has_rows;
    uint64_t least_key;
    int32_t interruptible_least;
    int32_t reliability_greatest;
    int32_t fp16_greatest;
    int32_t bandwidth_greatest;
};

struct moved_row {
    uint64_t key;
    uint32_t row;
};

struct book {
    uint32_t capacity;
    uint32_t count;
    uint64_t seed; /* of the index: without it nobody can aim at one bucket */
    scan_function scan;
    uint32_t block_rows;  /* small in a small book: most classes have few rows */
    uint32_t block_shift; /* its logarithm */
    uint32_t block_words;
    int32_t *columns;
    struct host_key *hosts;
    struct block_info *infos;
    uint32_t blocks_max;
    uint32_t blocks_touched;
    uint32_t first_free; /* block + 1; 0: none */
    uint32_t *order;     /* blocks by (class, key) */
    uint32_t order_count;
    struct class_info classes[CLASSES];
    struct class_zones class_zones;
    uint64_t class_words[CLASSES / 64]; /* bit n: class n has blocks */
    struct class_rank ranks[LANE_COUNT][MEASURE_COUNT];
    struct rank_basis rank_bases[CLASSES];
    struct index index;
    struct terms_pool terms;
    struct moved_row scratch[BLOCK_ROWS_MAX]; /* of one split */
};

/* Where a row stands: number of the block * rows of a block + row. */
static inline uint32_t
position_of(const struct book *book, uint32_t block_number, uint32_t row)
{
    return block_number << book->block_shift | row;
}

static inline uint32_t
block_of(const struct book *book, uint32_t position)
{
    return position >> book->block_shift;
}

static inline uint32_t
row_of(const struct book *book, uint32_t position)
{
    return position & (book->block_rows - 1);
}

static inline struct block
block_at(const struct book *book, uint32_t block_number)
{
    const size_t first = (size_t)block_number << book->block_shift;
    return (struct block){.columns = book->columns + first * COLUMN_COUNT,
                          .hosts = book->hosts + first,
                          .rows = book->block_rows};
}

static inline int32_t *
block_column(const struct block *block, enum column column)
{
    return block->columns + (size_t)column * block->rows;
}

/* What a column has for an ask: one that is not offered is dearer than every other. */
static inline int32_t
ask_word(uint32_t ask)
{
    return ask == 0 ? INT32_MAX : (int32_t)ask;
}

static inline uint32_t
ask_of_word(int32_t word)
{
    return word == INT32_MAX ? 0 : (uint32_t)word;
}

/* Seconds as a signed number in the same order. */
static inline int32_t
expires_word(uint64_t seconds)
{
    const uint32_t clamped = seconds > UINT32_MAX ? UINT32_MAX : (uint32_t)seconds;
    return (int32_t)(clamped ^ UINT32_C(0x80000000));
}

/* What rows of a class are sorted by: the ask weighed by reliability, then rows of the other lane. */
uint64_t book_key(uint32_t ask, uint32_t interruptible_ask, uint16_t reliability_bp);

uint64_t book_hash(const struct book *book, const struct host_key *host, uint8_t slot_group);

/* ---- Zones (book_zones.c) ---- */

struct zone_view zones_of_block(struct block_info *info);
struct zone_view zones_of_class(struct book *book, uint16_t gpu_class);

/* Makes a range that of nothing; widens it by a row, and tells whether that changed it; widens it by
 * another range. */
void zones_clear(struct zone_view zones);
bool zones_widen(struct zone_view zones, const struct market_row *row);
void zones_join(struct zone_view zones, struct zone_view other);

/* ---- The order of classes (book_rank.c) ---- */

/* Brings the ranks of a class up to date, after its range, its first block or what is least in that
 * changed. */
void rank_update(struct book *book, uint16_t gpu_class);

/* ---- Rows in blocks (book_block.c) ---- */

static inline uint32_t
block_value(const struct block *block, enum column column, uint32_t row)
{
    return (uint32_t)block_column(block, column)[row];
}

uint64_t block_key(const struct block *block, uint32_t row);
uint8_t block_slot_group(const struct block *block, uint32_t row);

/* A row that is not live; there is one. */
uint32_t block_free_row(const struct book *book, const struct block_info *info);
void block_set_live(struct block_info *info, uint32_t row);
void block_clear_live(struct block_info *info, uint32_t row);

/* What a row without a listing has: no ask, and no end. */
void block_empty_row(const struct block *block, uint32_t row);

/* Draws the range of asks again, or everything, exactly. */
void block_redraw_asks(struct book *book, uint32_t block_number);
void block_redraw_zones(struct book *book, uint32_t block_number);

/* Adds a row, whose terms are in the pool already, to the right block of its class, and to the
 * index. There is room for it. */
void blocks_add(struct book *book, const struct market_row *row, uint32_t terms);

/* Takes a row out of its block and the index; its terms stay in the pool. */
void blocks_remove(struct book *book, uint32_t position);

/* Overwrites a row in its place; host, slot group, class and key are the same. */
void blocks_overwrite(struct book *book, uint32_t position, const struct market_row *row,
                      uint32_t terms);

/* The place of a row's terms in the pool. */
uint32_t blocks_terms(const struct book *book, uint32_t position);

/* Sets the hint of slots held. */
void blocks_hold(struct book *book, uint32_t position, uint8_t slots_held);

/* Reads a row back. */
void blocks_read(const struct book *book, uint32_t position, struct market_row *ret_row);

/* Takes out every row that has expired, with its terms; returns how many. */
uint32_t blocks_expire(struct book *book, uint64_t now_s);

/* ---- The order of blocks (book_order.c) ---- */

/* The place in book.order of the block of a class that has, or would take, rows of that key. */
uint32_t order_place_for(const struct book *book, const struct class_info *class_info,
                         uint64_t key);

/* Puts a new block there; returns its number. */
uint32_t order_insert_block(struct book *book, uint16_t gpu_class, uint32_t place,
                            uint64_t low_key);

/* Makes room in the full block at a place: by its neighbours, else by a new block. */
void order_make_room(struct book *book, const struct class_info *class_info, uint32_t place);

/* After rows were taken out of a block: gives it back, joins it, or draws its zones again. */
void order_settle_block(struct book *book, uint32_t block_number);

#endif
