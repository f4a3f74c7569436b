/* One encoded random value and its changes, for the tests of the codec. */
#ifndef GPULET_TESTS_PROTOCOL_ENCODED_H
#define GPULET_TESTS_PROTOCOL_ENCODED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/support/sample.h"
#include "tests/support/schemas.h"

enum { ENCODED_MAX = 1048576, ARENA_MAX = 262144 };

/* The value that encoded_sample made; each test runs in a process of its own. */
extern uint8_t encoded_value[SCHEMA_STRUCT_BYTES_MAX];

/* Starts a sequence of values whose texts lie in memory of this file. */
struct sample encoded_start(uint64_t seed);

enum status encoded_encode(const struct schema_entry *entry, const void *from,
                           struct buffer *buffer) MUST_USE;
enum status encoded_decode(const struct schema_entry *entry, struct bytes bytes, void *ret_value)
    MUST_USE;

/* Makes and encodes the next value; until the next call. */
struct bytes encoded_sample(struct sample *sample, const struct schema_entry *entry);

/* Decoding must fail in just this way and write nothing. */
void expect_refusal(const struct schema_entry *entry, struct bytes bytes, enum status expected,
                    const char *what);

/* Where a field's element stands in the encoded bytes. */
struct span {
    size_t start;
    size_t end;
};
struct span span_of(const struct schema_entry *entry, struct bytes bytes, size_t index);

/* The encoded bytes with one element replaced; until the next call. */
struct bytes replaced(struct bytes bytes, struct span span, struct bytes element);

bool is_integer(enum field_type type);
bool is_list(enum field_type type);

#endif
