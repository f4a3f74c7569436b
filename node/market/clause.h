/* The clauses of a request, each against a row of the book: the one place that says what a listing
 * fails and by how much. */
#ifndef GPULET_NODE_MARKET_CLAUSE_H
#define GPULET_NODE_MARKET_CLAUSE_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/bytes.h"

struct filter;
struct market_row;

/* X(NAME, name of the field, what to say of a listing that fails, unit for printing) */
#define CLAUSE_TABLE(X)                                                                            \
    X(LIVE, "live", "the listing has expired", UNIT_NONE)                                          \
    X(OFFERED, "offered", "not offered in this lane", UNIT_NONE)                                   \
    X(CLASS, "gpu", "another GPU", UNIT_NONE)                                                      \
    X(VENDOR, "vendor", "another vendor", UNIT_NONE)                                               \
    X(WORK, "work", "the host does not take this kind of work", UNIT_NONE)                         \
    X(REGION, "region", "another region", UNIT_NONE)                                               \
    X(FLAGS, "flags", "a wanted property is missing", UNIT_NONE)                                   \
    X(ISOLATION, "isolation", "the isolation is too weak", UNIT_NONE)                              \
    X(IMAGE, "image", "the host runs no images", UNIT_NONE)                                        \
    X(FABRIC, "fabric", "not on a fast network with other hosts", UNIT_NONE)                       \
    X(SLOTS, "count", "too few GPUs in one host", UNIT_NONE)                                       \
    X(VRAM, "vram", "too little VRAM", UNIT_MIB)                                                   \
    X(FP16, "fp16", "too slow", UNIT_GFLOPS)                                                       \
    X(BANDWIDTH, "bandwidth", "too little memory bandwidth", UNIT_MB_PER_S)                        \
    X(CAPABILITY, "capability", "the compute capability is too low", UNIT_VERSION)                 \
    X(CUDA, "cuda", "the CUDA or ROCm version is too old", UNIT_VERSION)                           \
    X(NVLINK, "nvlink", "the link between GPUs is too slow", UNIT_MB_PER_S)                        \
    X(PCIE, "pcie", "PCIe is too slow", UNIT_MB_PER_S)                                             \
    X(UP, "up", "the upload is too slow", UNIT_MBIT_PER_S)                                         \
    X(DOWN, "down", "the download is too slow", UNIT_MBIT_PER_S)                                   \
    X(CPU, "cpu", "too few CPU threads", UNIT_NONE)                                                \
    X(RAM, "ram", "too little memory", UNIT_MIB)                                                   \
    X(DISK, "disk", "too little disk space", UNIT_MIB)                                             \
    X(RELIABILITY, "reliability", "not reliable enough", UNIT_BASIS_POINTS)                        \
    X(ASK, "ask", "too dear", UNIT_UUSD_PER_HOUR)                                                  \
    X(UNIT, "unit", "too dear for what it does", UNIT_UUSD_PER_HOUR)                               \
    X(LEASE_MAX, "lease_max", "the host's longest lease is too short", UNIT_SECONDS)               \
    X(LEASE_MIN, "lease_min", "the host's shortest lease is too long", UNIT_SECONDS)               \
    X(NOTICE, "notice", "the notice before a reclaim is too short", UNIT_SECONDS)                  \
    X(MINIMUM_RUN, "minimum_run", "may be reclaimed too early", UNIT_SECONDS)                      \
    X(RECLAIMS, "reclaims", "may be reclaimed too often", UNIT_NONE)                               \
    X(AVAILABLE, "available", "not available for that long", UNIT_SECONDS)                         \
    X(FREE, "free", "all GPUs are taken, as far as is known", UNIT_NONE)

enum clause {
#define CLAUSE_ENUM(name, field, sentence, unit) CLAUSE_##name,
    CLAUSE_TABLE(CLAUSE_ENUM)
#undef CLAUSE_ENUM
        CLAUSE_COUNT
};

/* A set of clauses: bit 1 << enum clause. */
typedef uint64_t clause_set;

/* What a clause compares: it holds when the value is at least the bound, or at most where
 * clause_is_at_most says so. Sets and yes-or-no clauses have the values 0 and 1. */
uint64_t clause_value(enum clause clause, const struct filter *filter,
                      const struct market_row *row);
bool clause_holds(enum clause clause, const struct filter *filter, const struct market_row *row);
bool clause_is_at_most(enum clause clause);

/* True when the nearest value is worth telling: the clause compares a quantity. */
bool clause_is_quantity(enum clause clause);

const char *clause_name(enum clause clause);     /* "vram" */
const char *clause_sentence(enum clause clause); /* "too little VRAM" */

/* Appends a value of the clause as people read it: "22 GiB", "0.35 USD/h", "95 %". */
void clause_print_value(struct buffer *out, enum clause clause, uint64_t value);

#endif
