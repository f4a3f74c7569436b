#include "node/market/book_inside.h"

#include <assert.h>
#include <string.h>

/* Shares of a block's rows. */
enum {
    ROOM_SHARE = 16,   /* a neighbour with a sixteenth free takes rows over */
    MERGE_EIGHTHS = 5, /* two neighbours with no more rows become one */
    REDRAW_SHARE = 2,  /* half of them gone, a block's zones are drawn again */
};

/* The last place of a class whose range begins at or before the key, else its first. */
uint32_t
order_place_for(const struct book *book, const struct class_info *class_info, uint64_t key)
{
    uint32_t first = class_info->first;
    uint32_t count = class_info->blocks;
    while (count > 1) {
        const uint32_t half = count / 2;
        if (book->infos[book->order[first + half]].low_key <= key) {
            first += half;
            count -= half;
        } else {
            count = half;
        }
    }
    return first;
}

/* The place of a block; of several whose ranges begin alike, by looking. */
static uint32_t
place_of(const struct book *book, uint32_t block_number)
{
    const struct block_info *info = &book->infos[block_number];
    uint32_t place = order_place_for(book, &book->classes[info->gpu_class], info->low_key);
    while (book->order[place] != block_number) {
        assert(place > book->classes[info->gpu_class].first);
        place--;
    }
    return place;
}

static uint32_t
take_block(struct book *book)
{
    if (book->first_free != 0) {
        const uint32_t block_number = book->first_free - 1;
        book->first_free = book->infos[block_number].next_free;
        return block_number;
    }
    assert(book->blocks_touched < book->blocks_max);
    return book->blocks_touched++;
}

uint32_t
order_insert_block(struct book *book, uint16_t gpu_class, uint32_t place, uint64_t low_key)
{
    const uint32_t block_number = take_block(book);
    struct block_info *info = &book->infos[block_number];
    *info = (struct block_info){.low_key = low_key,
                                .least_key = UINT64_MAX,
                                .expires_least = INT32_MAX,
                                .gpu_class = gpu_class};
    zones_clear(zones_of_block(info));
    memmove(&book->order[place + 1], &book->order[place],
            (book->order_count - place) * sizeof *book->order);
    book->order[place] = block_number;
    book->order_count++;
    book->classes[gpu_class].blocks++;
    book->class_words[gpu_class / 64] |= UINT64_C(1) << (gpu_class % 64);
    for (uint32_t after = gpu_class + 1u; after < CLASSES; after++) {
        book->classes[after].first++;
    }
    return block_number;
}

static void
delete_block(struct book *book, uint32_t place)
{
    const uint32_t block_number = book->order[place];
    struct block_info *info = &book->infos[block_number];
    assert(info->count == 0);
    book->order_count--;
    memmove(&book->order[place], &book->order[place + 1],
            (book->order_count - place) * sizeof *book->order);
    if (--book->classes[info->gpu_class].blocks == 0) {
        book->class_words[info->gpu_class / 64] &= ~(UINT64_C(1) << (info->gpu_class % 64));
    }
    for (uint32_t after = info->gpu_class + 1u; after < CLASSES; after++) {
        book->classes[after].first--;
    }
    info->next_free = book->first_free;
    book->first_free = block_number + 1;
}

static void
swap_moved(struct moved_row *a, struct moved_row *b)
{
    const struct moved_row kept = *a;
    *a = *b;
    *b = kept;
}

static uint64_t
middle_key(const struct moved_row *rows, size_t low, size_t high)
{
    const uint64_t a = rows[low].key;
    const uint64_t b = rows[low + (high - low) / 2].key;
    const uint64_t c = rows[high].key;
    const uint64_t smaller = a < b ? a : b;
    const uint64_t larger = a < b ? b : a;
    return c < smaller ? smaller : c > larger ? larger : c;
}

/* Hoare's selection: afterwards no row before `nth` has a greater key than any from it on. */
static void
select_nth(struct moved_row *rows, size_t count, size_t nth)
{
    size_t low = 0;
    size_t high = count - 1;
    while (low < high) {
        const uint64_t pivot = middle_key(rows, low, high);
        size_t i = low;
        size_t j = high;
        while (i <= j) {
            while (rows[i].key < pivot) {
                i++;
            }
            while (rows[j].key > pivot) {
                j--;
            }
            if (i <= j) {
                swap_moved(&rows[i], &rows[j]);
                i++;
                if (j == 0) {
                    break;
                }
                j--;
            }
        }
        if (nth <= j) {
            high = j;
        } else if (nth >= i) {
            low = i;
        } else {
            return;
        }
    }
}

static size_t
collect_keys(struct book *book, uint32_t block_number)
{
    const struct block block = block_at(book, block_number);
    const struct block_info *info = &book->infos[block_number];
    size_t count = 0;
    for (uint32_t word = 0; word < book->block_words; word++) {
        for (uint64_t left = info->live[word]; left != 0; left &= left - 1) {
            const uint32_t row = word * 64 + (uint32_t)__builtin_ctzll(left);
            book->scratch[count++] = (struct moved_row){.key = block_key(&block, row), .row = row};
        }
    }
    return count;
}

static void
move_row(struct book *book, uint32_t from, uint32_t row, uint32_t to)
{
    const struct block source = block_at(book, from);
    const struct block target = block_at(book, to);
    const uint32_t new_row = block_free_row(book, &book->infos[to]);
    for (int column = 0; column < COLUMN_COUNT; column++) {
        block_column(&target, (enum column)column)[new_row] =
            block_column(&source, (enum column)column)[row];
    }
    target.hosts[new_row] = source.hosts[row];
    block_set_live(&book->infos[to], new_row);
    block_clear_live(&book->infos[from], row);
    index_change(&book->index, book_hash(book, &source.hosts[row], block_slot_group(&source, row)),
                 position_of(book, from, row), position_of(book, to, new_row));
    block_empty_row(&source, row);
}

enum which_rows { LOWEST_ROWS, HIGHEST_ROWS };

static uint64_t
smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Ranges after a move. Only the price goes with the order: the other ranges are about the same all
 * over a class. */
static void
note_moved(struct book *book, uint32_t from, uint32_t to, uint64_t border_key,
           enum which_rows which)
{
    struct block_info *source = &book->infos[from];
    struct block_info *target = &book->infos[to];
    const uint64_t moved_key = which == LOWEST_ROWS ? source->least_key : border_key;
    target->least_key = smaller(target->least_key, moved_key);
    source->least_key = which == LOWEST_ROWS ? border_key : source->least_key;
    if (source->expires_least < target->expires_least) {
        target->expires_least = source->expires_least;
    }
    zones_join(zones_of_block(target), zones_of_block(source));
    block_redraw_asks(book, from);
    block_redraw_asks(book, to);
}

/* Moves so many rows with the lowest or highest keys to another block of the class. Returns the least
 * key of the upper part: of those that stay, or of those that moved; UINT64_MAX when it is empty. */
static uint64_t
move_rows(struct book *book, uint32_t from, uint32_t to, size_t moved, enum which_rows which)
{
    const size_t count = collect_keys(book, from);
    const size_t border = which == LOWEST_ROWS ? moved : count - moved;
    uint64_t border_key = UINT64_MAX;
    if (border < count) {
        select_nth(book->scratch, count, border);
        border_key = book->scratch[border].key;
    }
    const size_t start = which == LOWEST_ROWS ? 0 : border;
    const struct block block = block_at(book, from);
    for (size_t i = start; i < start + moved; i++) {
        const uint32_t row = book->scratch[i].row;
        index_prefetch(&book->index,
                       book_hash(book, &block.hosts[row], block_slot_group(&block, row)));
    }
    for (size_t i = start; i < start + moved; i++) {
        move_row(book, from, book->scratch[i].row, to);
    }
    note_moved(book, from, to, border_key, which);
    return border_key;
}

/* The block before or after a place in the same class, or BLOCK_NONE. */
static uint32_t
block_beside(const struct book *book, const struct class_info *class_info, uint32_t place, int step)
{
    const uint32_t in_class = place - class_info->first;
    if ((step < 0 && in_class == 0) || (step > 0 && in_class + 1 == class_info->blocks)) {
        return BLOCK_NONE;
    }
    return book->order[step < 0 ? place - 1 : place + 1];
}

/* Moves a share of the rows at the border between two neighbours; right begins where they went. */
static void
move_right(struct book *book, uint32_t left, uint32_t right, size_t moved)
{
    book->infos[right].low_key = move_rows(book, left, right, moved, HIGHEST_ROWS);
}

static void
move_left(struct book *book, uint32_t left, uint32_t right, size_t moved)
{
    book->infos[right].low_key = move_rows(book, right, left, moved, LOWEST_ROWS);
}

/* A new block after the one at a place, which takes from the full blocks around it, so that all stay
 * about three quarters full, or two thirds at the end of a class. */
static void
split(struct book *book, const struct class_info *class_info, uint32_t place)
{
    const uint32_t before = block_beside(book, class_info, place, -1);
    const uint32_t full = book->order[place];
    const uint32_t after = block_beside(book, class_info, place, 1);
    const uint32_t fresh =
        order_insert_block(book, book->infos[full].gpu_class, place + 1, UINT64_MAX);
    const uint32_t rows = book->block_rows;
    if (before != BLOCK_NONE && after != BLOCK_NONE) {
        move_right(book, full, fresh, rows / 2);
        move_left(book, fresh, after, rows / 4);
        move_right(book, before, full, rows / 4);
    } else if (after != BLOCK_NONE) {
        move_right(book, full, fresh, rows / 3);
        move_left(book, fresh, after, rows / 3);
    } else if (before != BLOCK_NONE) {
        move_right(book, full, fresh, rows * 2 / 3);
        move_right(book, before, full, rows / 3);
    } else {
        move_right(book, full, fresh, rows / 2);
    }
}

static bool
has_room(const struct book *book, uint32_t block_number)
{
    return block_number != BLOCK_NONE &&
           book->infos[block_number].count <= book->block_rows - book->block_rows / ROOM_SHARE;
}

/* Makes room in the full block at a place: by its neighbours, else by a new block. */
void
order_make_room(struct book *book, const struct class_info *class_info, uint32_t place)
{
    const uint32_t full = book->order[place];
    const uint32_t before = block_beside(book, class_info, place, -1);
    const uint32_t after = block_beside(book, class_info, place, 1);
    if (has_room(book, before)) {
        move_left(book, before, full, (book->block_rows - book->infos[before].count + 1) / 2);
    } else if (has_room(book, after)) {
        move_right(book, full, after, (book->block_rows - book->infos[after].count + 1) / 2);
    } else {
        split(book, class_info, place);
    }
}

/* Joins the blocks at a place and after it when both are rather empty. */
static bool
merge_with_next(struct book *book, const struct class_info *class_info, uint32_t place)
{
    const uint32_t left = book->order[place];
    const uint32_t right = block_beside(book, class_info, place, 1);
    if (right == BLOCK_NONE ||
        book->infos[left].count + book->infos[right].count > book->block_rows * MERGE_EIGHTHS / 8) {
        return false;
    }
    if (book->infos[left].count >= book->infos[right].count) {
        (void)move_rows(book, right, left, book->infos[right].count, LOWEST_ROWS);
        delete_block(book, place + 1);
    } else {
        book->infos[right].low_key = book->infos[left].low_key;
        (void)move_rows(book, left, right, book->infos[left].count, LOWEST_ROWS);
        delete_block(book, place);
    }
    return true;
}

/* Joins a block with one beside it, or gives it back; false when it stays as it is. */
static bool
give_way(struct book *book, uint32_t block_number)
{
    const struct block_info *info = &book->infos[block_number];
    const struct class_info *class_info = &book->classes[info->gpu_class];
    const uint32_t place = place_of(book, block_number);
    if (info->count == 0) {
        delete_block(book, place);
        return true;
    }
    return merge_with_next(book, class_info, place) ||
           (place != class_info->first && merge_with_next(book, class_info, place - 1));
}

static void
redraw_class(struct book *book, uint16_t gpu_class)
{
    struct class_info *class_info = &book->classes[gpu_class];
    zones_clear(zones_of_class(book, gpu_class));
    class_info->removed = 0;
    for (uint32_t i = 0; i < class_info->blocks; i++) {
        zones_join(zones_of_class(book, gpu_class),
                   zones_of_block(&book->infos[book->order[class_info->first + i]]));
    }
}

/* After rows were taken out of a block: gives it back, joins it, or draws its zones again. */
void
order_settle_block(struct book *book, uint32_t block_number)
{
    const struct block_info *info = &book->infos[block_number];
    const uint16_t gpu_class = info->gpu_class;
    const struct class_info *class_info = &book->classes[gpu_class];
    bool is_ranked_anew = give_way(book, block_number);
    if (!is_ranked_anew && info->removed >= book->block_rows / REDRAW_SHARE) {
        block_redraw_zones(book, block_number);
        is_ranked_anew = true;
    }
    if (class_info->removed >= book->block_rows && class_info->removed >= class_info->count) {
        redraw_class(book, gpu_class);
        is_ranked_anew = true;
    }
    if (is_ranked_anew) {
        rank_update(book, gpu_class);
    }
}
