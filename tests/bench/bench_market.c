/* The book and the match at four sizes: what an answer takes, what a change takes, and memory. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/market/match.h"
#include "tests/bench/bench.h"
#include "tests/bench/market_rows.h"

enum { TOP = 16, REQUESTS = 256, CHANGES = 200000, SEED = 20260101 };

struct size {
    uint32_t listings;
    const char *name;
    int queries;
    double p50_us;
    double p99_us;
};

static const struct size sizes[] = {
    {10000, "10k", 20000, 1, 3},
    {100000, "100k", 20000, 2, 6},
    {1000000, "1M", 10000, 5, 15},
    {10000000, "10M", 4000, 12, 40},
};

static int
compare_numbers(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a;
    const uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void
add(struct bench *bench, const char *what, const struct size *size, struct bench_row row)
{
    char name[96];
    (void)snprintf(name, sizeof name, "market: %s, %s listings", what, size->name);
    row.name = name;
    bench_add(bench, &row);
}

static struct book *
book_filled(struct bench *bench, const struct size *size, uint64_t *state)
{
    enum { BATCH = 1000 };
    static struct market_row rows[BATCH];
    struct book *book = book_new(size->listings + CHANGES / 10);
    uint64_t spent_ns = 0;
    assert(book != NULL);
    for (uint32_t done = 0; done < size->listings; done += BATCH) {
        for (uint32_t i = 0; i < BATCH; i++) {
            rows[i] = market_row_generated(state);
        }
        const uint64_t start_ns = bench_now_ns();
        for (uint32_t i = 0; i < BATCH; i++) {
            const enum status status = book_put(book, &rows[i]);
            assert(status == STATUS_OK);
        }
        spent_ns += bench_now_ns() - start_ns;
    }
    add(bench, "insert", size,
        (struct bench_row){
            .value = size->listings * 1e9 / (double)spent_ns, .unit = "/s", .target = 2000000});
    add(bench, "memory", size,
        (struct bench_row){.value = (double)book_memory_used(book) / size->listings,
                           .unit = "B/listing",
                           .lower_is_better = true,
                           .target = size->listings >= 1000000 ? 96 : 0});
    return book;
}

/* Each of the queries alone; the same few requests over and over, as a market has them. */
static void
measure_top(struct bench *bench, const struct size *size, const struct book *book,
            const struct filter *filters)
{
    uint64_t *times_ns = calloc((size_t)size->queries, sizeof *times_ns);
    struct offer offers[TOP];
    uint64_t found = 0;
    assert(times_ns != NULL);
    for (int i = -REQUESTS; i < size->queries; i++) {
        const struct filter *filter = &filters[(i + REQUESTS) % REQUESTS];
        const uint64_t start_ns = bench_now_ns();
        const size_t count = match_top(book, filter, (uint64_t)i, TOP, offers);
        if (i >= 0) {
            times_ns[i] = bench_now_ns() - start_ns;
            found += count;
        }
    }
    qsort(times_ns, (size_t)size->queries, sizeof *times_ns, compare_numbers);
    add(bench, "top 16 of ten conditions, p50", size,
        (struct bench_row){.value = (double)times_ns[size->queries / 2] / 1e3,
                           .unit = "us",
                           .lower_is_better = true,
                           .target = size->p50_us});
    add(bench, "top 16 of ten conditions, p99", size,
        (struct bench_row){.value = (double)times_ns[size->queries * 99 / 100] / 1e3,
                           .unit = "us",
                           .lower_is_better = true,
                           .target = size->p99_us,
                           .reference = "mean offers found",
                           .reference_value = (double)found / size->queries});
    free(times_ns);
}

/* A plain walk over every row with the same clauses: what the index saves. */
static double
walk_us(const struct book *book, const struct filter *filters)
{
    enum { WALKS = 3 };
    const uint64_t start_ns = bench_now_ns();
    uint64_t fitting = 0;
    for (int i = 0; i < WALKS; i++) {
        struct book_cursor cursor = {0};
        struct market_row row;
        while (book_next(book, &cursor, &row)) {
            fitting += filter_fits(&filters[i], &row);
        }
    }
    return fitting == UINT64_MAX ? 0 : (double)(bench_now_ns() - start_ns) / 1e3 / WALKS;
}

static void
measure_hopeless(struct bench *bench, const struct size *size, const struct book *book,
                 const struct filter *filters)
{
    enum { QUERIES = 1000 };
    struct request request = filters[0].request;
    struct offer offers[TOP];
    size_t found = 0;
    request.vram_min_mib = 16384;
    request.cuda_min = 1500; /* nobody has that yet */
    const struct filter hopeless = filter_compile(&request, MARKET_NOW_S);
    const uint64_t start_ns = bench_now_ns();
    for (int i = 0; i < QUERIES; i++) {
        found += match_top(book, &hopeless, 1, TOP, offers);
    }
    const double spent_us = (double)(bench_now_ns() - start_ns) / 1e3 / QUERIES;
    assert(found == 0);
    add(bench, "no match at all", size,
        (struct bench_row){.value = spent_us,
                           .unit = "us",
                           .lower_is_better = true,
                           .target = 50,
                           .reference = "walk over all rows",
                           .reference_value = walk_us(book, filters)});
}

/* New prices for rows that are there, and as many withdrawn and put again. */
static void
measure_changes(struct bench *bench, const struct size *size, struct book *book)
{
    struct market_row *rows = calloc(CHANGES, sizeof *rows);
    struct book_cursor cursor = {0};
    uint32_t count = 0;
    assert(rows != NULL);
    while (count < CHANGES / 10 && book_next(book, &cursor, &rows[count])) {
        count++;
    }
    uint64_t state = SEED;
    for (uint32_t i = 0; i < count; i++) {
        rows[i].ask_uusd_per_hour += 1 + (uint32_t)(market_random(&state) % 50000);
    }
    const uint64_t start_ns = bench_now_ns();
    for (uint32_t i = 0; i < count; i++) {
        const enum status status = book_put(book, &rows[i]);
        assert(status == STATUS_OK);
    }
    add(bench, "update of the ask", size,
        (struct bench_row){.value = bench_rate(count, start_ns), .unit = "/s", .target = 2000000});
    free(rows);
}

/* Half of the book little by little, each step a few rows of every block; the rest at once. */
static void
measure_expiry(struct bench *bench, const struct size *size, struct book *book)
{
    uint64_t start_ns = bench_now_ns();
    uint32_t gone = 0;
    for (uint64_t ahead_s = 600; ahead_s <= 21600; ahead_s += 600) {
        gone += book_expire(book, MARKET_NOW_S + ahead_s);
    }
    add(bench, "expiry in steps of 10 minutes", size,
        (struct bench_row){.value = bench_rate(gone, start_ns), .unit = "/s"});
    start_ns = bench_now_ns();
    gone = book_expire(book, MARKET_NOW_S + 43200);
    add(bench, "expiry at once", size,
        (struct bench_row){.value = bench_rate(gone, start_ns), .unit = "/s", .target = 20000000});
    assert(book_count(book) == 0);
}

void
bench_market(struct bench *bench)
{
    static struct filter filters[REQUESTS];
    const char *largest = getenv("BENCH_LISTINGS");
    const unsigned long most = largest == NULL ? 10000000 : strtoul(largest, NULL, 10);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0] && sizes[i].listings <= most; i++) {
        uint64_t state = SEED;
        struct book *book = book_filled(bench, &sizes[i], &state);
        for (int k = 0; k < REQUESTS; k++) {
            const struct request request = market_request_generated(&state);
            filters[k] = filter_compile(&request, MARKET_NOW_S);
        }
        measure_top(bench, &sizes[i], book, filters);
        measure_hopeless(bench, &sizes[i], book, filters);
        measure_changes(bench, &sizes[i], book);
        measure_expiry(bench, &sizes[i], book);
        book_free(book);
    }
}
