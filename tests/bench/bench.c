#include "tests/bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct bench {
    FILE *json;
    unsigned rows;
};

static int
compare_doubles(const void *a, const void *b)
{
    const double left = *(const double *)a;
    const double right = *(const double *)b;
    return (left > right) - (left < right);
}

void
bench_sort(double *values, size_t count)
{
    qsort(values, count, sizeof values[0], compare_doubles);
}

double
bench_median(double *values, size_t count)
{
    bench_sort(values, count);
    return values[count / 2];
}

uint64_t
bench_now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

double
bench_rate(uint64_t count, uint64_t start_ns)
{
    return (double)count * 1e9 / (double)(bench_now_ns() - start_ns + 1);
}

static bool
target_is_met(const struct bench_row *row)
{
    return row->lower_is_better ? row->value <= row->target : row->value >= row->target;
}

static void
row_print_json(struct bench *bench, const struct bench_row *row)
{
    (void)fprintf(bench->json,
                  "%s\n  {\"name\": \"%s\", \"value\": %.6g, \"unit\": \"%s\", \"better\": \"%s\"",
                  bench->rows == 0 ? "" : ",", row->name, row->value, row->unit,
                  row->lower_is_better ? "lower" : "higher");
    if (row->target > 0) {
        (void)fprintf(bench->json, ", \"target\": %.6g, \"met\": %s", row->target,
                      target_is_met(row) ? "true" : "false");
    } else {
        (void)fputs(", \"target\": null, \"met\": null", bench->json);
    }
    if (row->reference != NULL) {
        (void)fprintf(bench->json, ", \"reference\": \"%s\", \"reference_value\": %.6g}",
                      row->reference, row->reference_value);
    } else {
        (void)fputs(", \"reference\": null, \"reference_value\": null}", bench->json);
    }
}

void
bench_add(struct bench *bench, const struct bench_row *row)
{
    row_print_json(bench, row);
    bench->rows++;
    (void)fprintf(stderr, "  %-58s %14.6g %-8s", row->name, row->value, row->unit);
    if (row->target > 0) {
        (void)fprintf(stderr, " target %.6g %s", row->target,
                      target_is_met(row) ? "met" : "MISSED");
    }
    if (row->reference != NULL) {
        (void)fprintf(stderr, " (%s: %.6g)", row->reference, row->reference_value);
    }
    (void)fputc('\n', stderr);
}

static const struct {
    const char *name;
    void (*run)(struct bench *bench);
} benches[] = {
    {"records", bench_records}, {"ingest", bench_ingest},   {"storage", bench_storage},
    {"market", bench_market},   {"quality", bench_quality}, {"clear", bench_clear},
    {"sandbox", bench_sandbox}, {"daemon", bench_daemon},
};

/* In a process of its own: what one leaves in memory would slow the next one's forks, or speed up its
 * allocations. False when it failed. */
static bool
run_apart(struct bench *bench, void (*run)(struct bench *bench))
{
    int ended = 0;
    (void)fflush(bench->json);
    const pid_t child = fork();
    if (child == 0) {
        const unsigned before = bench->rows;
        (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
        run(bench);
        exit(bench->rows == before || fflush(bench->json) != 0 ? EXIT_FAILURE : EXIT_SUCCESS);
    }
    bench->rows++;
    return child > 0 && waitpid(child, &ended, 0) == child && ended == 0;
}

/* Runs every benchmark, or those named as arguments. */
int
main(int argc, char **argv)
{
    struct bench bench = {.json = stdout};
    bool is_good = true;
    (void)fputc('[', bench.json);
    for (size_t i = 0; i < sizeof benches / sizeof benches[0] && is_good; i++) {
        bool is_wanted = argc < 2;
        for (int k = 1; k < argc; k++) {
            is_wanted = is_wanted || strcmp(argv[k], benches[i].name) == 0;
        }
        is_good = !is_wanted || run_apart(&bench, benches[i].run);
    }
    (void)fputs("\n]\n", bench.json);
    return !is_good || bench.rows == 0 || fflush(bench.json) != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
