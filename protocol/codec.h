/* Encodes and decodes any struct by its schema; the only place where wire bytes are made or read. */
#ifndef GPULET_PROTOCOL_CODEC_H
#define GPULET_PROTOCOL_CODEC_H

#include "protocol/amount.h"
#include "protocol/bytes.h"
#include "protocol/schema.h"
#include "protocol/status.h"

/* Appends the value as one msgpack array of its fields in the table's order.
 * STATUS_OUT_OF_RANGE or STATUS_BAD_TEXT when a member breaks its limits; STATUS_NO_SPACE. */
enum status codec_encode(const struct schema *schema, const void *value, struct buffer *buffer)
    MUST_USE;

/* Reads exactly one value that fills `bytes` whole. Bytes and texts of the result are borrowed
 * from `bytes`. Written only on success. Errors: see protocol/reader.h; a wrong count of fields is
 * STATUS_OUT_OF_RANGE, another message's number STATUS_UNKNOWN_KIND. */
enum status codec_decode(const struct schema *schema, struct bytes bytes, void *ret_value) MUST_USE;

/* The same with the schema's number as first element: a message of a socket. */
enum status message_encode(const struct schema *schema, const void *value, struct buffer *buffer)
    MUST_USE;
enum status message_decode(const struct schema *schema, struct bytes bytes, void *ret_value)
    MUST_USE;

/* The number a message begins with; nothing else of it is looked at. */
enum status message_type(struct bytes bytes, uint8_t *ret_type) MUST_USE;

/* STATUS_OK when every member of `value` is within its schema's limits. */
enum status codec_check(const struct schema *schema, const void *value) MUST_USE;

/* Order by fields, as the table lists them: <0, 0, >0. */
int codec_compare(const struct schema *schema, const void *a, const void *b);

/* A member of `value`, by the field's type: numbers, flags, enums and sets; amounts and balances;
 * fixed, bytes and texts (views into the value or what it borrows); lists. */
uint64_t field_number(const struct field *field, const void *value);
struct amount field_amount(const struct field *field, const void *value);
struct bytes field_bytes(const struct field *field, const void *value);
const struct bytes_list *field_list(const struct field *field, const void *value);

/* The greatest number of a FIELD_NUMBER, FIELD_ENUM or FIELD_SET. */
uint64_t field_greatest(const struct field *field);

#endif
