#include "node/market/match.h"

#include <assert.h>

#include "node/market/book_inside.h"
#include "node/market/match_plan.h"
#include "protocol/price.h"

/* One class under way: the blocks still to visit, and the least price that any of their rows can
 * have. */
struct head {
    uint64_t least_uusd;
    uint32_t place;
    uint32_t end;
    uint32_t unit_max;
};

struct search {
    struct plan plan;
    uint64_t seed;
    size_t limit;
    size_t count;
    struct offer *offers;           /* a heap with the worst on top */
    uint64_t classes[CLASSES / 64]; /* those that may have what is wanted */
    const struct class_rank *rank;
    size_t next_class; /* in the rank; those before have begun */
    size_t head_count;
    struct head heads[CLASSES]; /* of classes that have begun: a heap with the cheapest on top */
};

/* offer_compare(a, b) > 0, with what mostly decides first. */
static inline bool
is_worse(const struct offer *a, const struct offer *b)
{
    return a->effective_uusd != b->effective_uusd ? a->effective_uusd > b->effective_uusd
                                                  : offer_compare(a, b) > 0;
}

/* Moves the offer at `at` of a heap with the worst on top down to its place. */
static void
sift_down(struct offer *heap, size_t count, size_t at)
{
    const struct offer offer = heap[at];
    for (size_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
        if (child + 1 < count && is_worse(&heap[child + 1], &heap[child])) {
            child++;
        }
        if (!is_worse(&heap[child], &offer)) {
            break;
        }
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = offer;
}

static void
sift_up(struct offer *heap, size_t at)
{
    const struct offer offer = heap[at];
    while (at > 0 && is_worse(&offer, &heap[(at - 1) / 2])) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = offer;
}

static void
heap_sort(struct offer *heap, size_t count)
{
    while (count > 1) {
        const struct offer worst = heap[0];
        count--;
        heap[0] = heap[count];
        sift_down(heap, count, 0);
        heap[count] = worst;
    }
}

/* The price that a row must not exceed to be among the best. */
static uint64_t
price_to_beat(const struct search *search)
{
    return search->count < search->limit ? UINT64_MAX : search->offers[0].effective_uusd;
}

static void
take_offer(struct search *search, const struct offer *offer)
{
    if (search->count < search->limit) {
        search->offers[search->count] = *offer;
        sift_up(search->offers, search->count++);
    } else if (is_worse(&search->offers[0], offer)) {
        search->offers[0] = *offer;
        sift_down(search->offers, search->count, 0);
    }
}

/* A row that passed the columns' tests. The cheap questions come first. */
static void
consider_row(struct search *search, const struct block *block, uint16_t gpu_class, uint32_t row)
{
    const struct plan *plan = &search->plan;
    const uint32_t ask = block_value(block, plan->ask_column, row);
    const uint32_t unit = plan_unit(plan, block, row);
    const uint16_t reliability_bp =
        (uint16_t)(block_value(block, COLUMN_RELIABILITY_CPU, row) >> RELIABILITY_SHIFT);
    const uint64_t effective_uusd = price_effective(ask, unit, reliability_bp);
    if (effective_uusd > price_to_beat(search) || !plan_row_fits(plan, block, gpu_class, row)) {
        return;
    }
    const uint8_t slot_group = block_slot_group(block, row);
    const struct offer offer = {
        .effective_uusd = effective_uusd,
        .spread = offer_spread(search->seed, &block->hosts[row], slot_group),
        .host = block->hosts[row],
        .slot_group = slot_group,
        .gpu_class = gpu_class,
        .reliability_bp = reliability_bp,
        .ask_uusd_per_hour = ask,
        .unit = unit,
    };
    take_offer(search, &offer);
}

static uint32_t
unit_max_of(const struct plan *plan, int32_t fp16_gflops, int32_t bandwidth_mb_s)
{
    return gpu_unit((enum work)plan->filter->request.work, (uint32_t)fp16_gflops,
                    (uint32_t)bandwidth_mb_s);
}

/* The highest ask that is wanted, and can still be among the best in a block. */
static int32_t
ask_to_beat(const struct search *search, const struct zones *zones)
{
    const uint64_t price_uusd = price_to_beat(search);
    if (price_uusd == UINT64_MAX) {
        return search->plan.ask_max;
    }
    const uint32_t unit_max =
        unit_max_of(&search->plan, zones->greatest[ZONE_FP16], zones->greatest[ZONE_BANDWIDTH]);
    const int64_t ask =
        price_ask_of_effective(price_uusd, unit_max, (uint16_t)zones->greatest[ZONE_RELIABILITY]);
    return ask > search->plan.ask_max ? search->plan.ask_max : (int32_t)ask;
}

static void
visit_block(struct search *search, uint32_t block_number)
{
    const struct book *book = search->plan.book;
    const struct block block = block_at(book, block_number);
    const struct block_info *info = &book->infos[block_number];
    struct scan_test tests[PLAN_TESTS_MAX + 1];
    uint64_t masks[BLOCK_WORDS_MAX];
    size_t test_count = 0;
    const int32_t ask_max = ask_to_beat(search, &info->zones);
    if (ask_max < info->zones.least[search->plan.ask_zone] ||
        !plan_tests(&search->plan, block_number, tests + 1, &test_count)) {
        return;
    }
    tests[0] = (struct scan_test){.column = block_column(&block, search->plan.ask_column),
                                  .kind = SCAN_AT_MOST,
                                  .mask = INT32_MAX,
                                  .bound = ask_max};
    for (uint32_t word = 0; word < book->block_words; word++) {
        masks[word] = info->live[word];
    }
    book->scan(tests, test_count + 1, book->block_words, masks);
    for (uint32_t word = 0; word < book->block_words; word++) {
        for (uint64_t left = masks[word]; left != 0; left &= left - 1) {
            consider_row(search, &block, info->gpu_class,
                         word * 64 + (uint32_t)__builtin_ctzll(left));
        }
    }
}

/* The least price of the blocks that a head has before it. By ask they stand in order, so the next
 * one tells; in the other lane only the whole class does. */
static uint64_t
least_of(const struct search *search, const struct head *head, uint16_t gpu_class)
{
    const struct book *book = search->plan.book;
    if (search->plan.ask_column == COLUMN_ASK) {
        const struct block_info *next = &book->infos[book->order[head->place]];
        return price_effective_of_weighed(next->least_key, head->unit_max);
    }
    return search->rank->least_uusd[gpu_class];
}

static void
sink_head(struct search *search, size_t at)
{
    const struct head head = search->heads[at];
    for (size_t child = 2 * at + 1; child < search->head_count; child = 2 * at + 1) {
        if (child + 1 < search->head_count &&
            search->heads[child + 1].least_uusd < search->heads[child].least_uusd) {
            child++;
        }
        if (search->heads[child].least_uusd >= head.least_uusd) {
            break;
        }
        search->heads[at] = search->heads[child];
        at = child;
    }
    search->heads[at] = head;
}

static void
raise_head(struct search *search, const struct head *head)
{
    size_t at = search->head_count++;
    for (; at > 0 && search->heads[(at - 1) / 2].least_uusd > head->least_uusd; at = (at - 1) / 2) {
        search->heads[at] = search->heads[(at - 1) / 2];
    }
    search->heads[at] = *head;
}

/* Classes that the request wants and where some row may fit, and their order. */
static void
start_classes(struct search *search)
{
    const struct plan *plan = &search->plan;
    const struct request *request = &plan->filter->request;
    for (uint32_t word = 0; word < CLASSES / 64; word++) {
        search->classes[word] = plan->filter->classes[word] & plan->book->class_words[word];
    }
    plan_prune_classes(plan, search->classes);
    search->rank = &plan->book->ranks[request->interruptible ? LANE_INTERRUPTIBLE : LANE_ASK]
                                     [measure_of((enum work)request->work)];
}

/* Whether there is a class that was not begun; search->next_class then tells where in the rank. */
static bool
find_class(struct search *search)
{
    for (; search->next_class < search->rank->count; search->next_class++) {
        const uint16_t number = search->rank->order[search->next_class];
        if ((search->classes[number / 64] >> number % 64 & 1) != 0) {
            return true;
        }
    }
    return false;
}

/* Visits the first block of the next class; the others wait for their turn. */
static void
begin_class(struct search *search)
{
    const struct book *book = search->plan.book;
    const struct class_zones *zones = &book->class_zones;
    const uint16_t number = search->rank->order[search->next_class++];
    const struct class_info *class_info = &book->classes[number];
    visit_block(search, book->order[class_info->first]);
    if (class_info->blocks > 1) {
        struct head head = {.place = class_info->first + 1,
                            .end = class_info->first + class_info->blocks,
                            .unit_max =
                                unit_max_of(&search->plan, zones->greatest[ZONE_FP16][number],
                                            zones->greatest[ZONE_BANDWIDTH][number])};
        head.least_uusd = least_of(search, &head, number);
        raise_head(search, &head);
    }
}

static void
visit_head(struct search *search)
{
    const struct book *book = search->plan.book;
    struct head *head = &search->heads[0];
    const uint32_t block_number = book->order[head->place];
    visit_block(search, block_number);
    head->place++;
    if (head->place == head->end) {
        *head = search->heads[--search->head_count];
    } else {
        head->least_uusd = least_of(search, head, book->infos[block_number].gpu_class);
    }
    sink_head(search, 0);
}

/* Visits the blocks of all classes from the cheapest on, until none can hold a better offer. */
static void
visit_blocks(struct search *search)
{
    for (;;) {
        const uint64_t price_uusd = price_to_beat(search);
        const bool has_class = find_class(search);
        const bool has_head = search->head_count > 0;
        const uint64_t class_uusd =
            has_class ? search->rank->least_uusd[search->rank->order[search->next_class]] : 0;
        if (has_head && (!has_class || search->heads[0].least_uusd <= class_uusd)) {
            if (search->heads[0].least_uusd > price_uusd) {
                return;
            }
            visit_head(search);
        } else {
            if (!has_class || class_uusd > price_uusd) {
                return;
            }
            begin_class(search);
        }
    }
}

size_t
match_top(const struct book *book, const struct filter *filter, uint64_t seed, size_t limit,
          struct offer *ret_offers)
{
    struct search search;
    assert(limit <= MATCH_OFFERS_MAX);
    plan_make(&search.plan, book, filter);
    if (limit == 0 || search.plan.is_hopeless) {
        return 0;
    }
    search.seed = seed;
    search.limit = limit;
    search.count = 0;
    search.offers = ret_offers;
    search.next_class = 0;
    search.head_count = 0;
    start_classes(&search);
    visit_blocks(&search);
    heap_sort(search.offers, search.count);
    return search.count;
}

size_t
match_near_equal(const struct offer *offers, size_t count)
{
    size_t near_equal = 0;
    while (near_equal < count && offers[near_equal].effective_uusd - offers[0].effective_uusd <=
                                     offers[0].effective_uusd / 100) {
        near_equal++;
    }
    return near_equal;
}

size_t
match_pick(const struct offer *offers, size_t count, uint64_t seed)
{
    static const struct host_key no_host;
    const size_t near_equal = match_near_equal(offers, count);
    return near_equal == 0 ? 0 : (size_t)(offer_spread(seed, &no_host, 0) % near_equal);
}
