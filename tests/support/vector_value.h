/* Values of a schema as JSON objects, for the test vectors: numbers, enums, sets and money as
 * integers (as decimal text above 2^63 - 1), bin as hex, str as text. */
#ifndef GPULET_TESTS_SUPPORT_VECTOR_VALUE_H
#define GPULET_TESTS_SUPPORT_VECTOR_VALUE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "protocol/bytes.h"
#include "protocol/schema.h"

/* New reference. */
json_t *vector_of_value(const struct schema *schema, const void *value);
json_t *vector_of_number(uint64_t number);
json_t *vector_of_hex(struct bytes bytes);

/* Fills the struct; bytes and texts lie in the arena. False when the object has other members than
 * the schema, or of other types. */
bool vector_to_value(const json_t *object, const struct schema *schema, struct buffer *arena,
                     void *ret_value);
bool vector_to_number(const json_t *json, uint64_t *ret_number);

/* Decodes hex text into the arena; a NULL view's data when it is no hex, or no text. */
struct bytes vector_to_bytes(const json_t *json, struct buffer *arena);

#endif
