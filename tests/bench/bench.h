/* What a benchmark reports: rows of measured values, printed as JSON, and as text for people. */
#ifndef GPULET_TESTS_BENCH_BENCH_H
#define GPULET_TESTS_BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bench_row {
    const char *name;
    double value;
    const char *unit;
    bool lower_is_better;
    double target;         /* 0: none */
    const char *reference; /* what was measured beside it in the same run; NULL: nothing */
    double reference_value;
};

struct bench;

/* Prints the row at once. Texts are borrowed for the call. */
void bench_add(struct bench *bench, const struct bench_row *row);

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t bench_now_ns(void);

/* Things a second, for `count` of them since start_ns. */
double bench_rate(uint64_t count, uint64_t start_ns);

/* Puts values in rising order. */
void bench_sort(double *values, size_t count);

/* The middle one; sorts them. */
double bench_median(double *values, size_t count);

/* Each file of this folder has one. */
void bench_records(struct bench *bench);
void bench_ingest(struct bench *bench);
void bench_storage(struct bench *bench);
void bench_market(struct bench *bench);
void bench_quality(struct bench *bench);
void bench_clear(struct bench *bench);
void bench_sandbox(struct bench *bench);
void bench_daemon(struct bench *bench);

#endif
