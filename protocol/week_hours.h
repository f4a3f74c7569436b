/* Hours of the week as 168 bits in UTC: bit 0 is Monday 00:00 to 01:00, bit n stands in byte n / 8,
 * lowest bit first. */
#ifndef GPULET_PROTOCOL_WEEK_HOURS_H
#define GPULET_PROTOCOL_WEEK_HOURS_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/bytes.h"
#include "protocol/record.h"
#include "protocol/status.h"

/* Reads "always" or a list like "mon-fri 09:00-17:00,sat 10:00-14:00,daily 22:00-06:00" in a local
 * time that is `offset_minutes` ahead of UTC (-840 to 840). An end at or before the start belongs
 * to the next day; 24:00 is midnight. Only hours wholly inside count. STATUS_BAD_INPUT with one
 * plain sentence appended to `why` (may be NULL), also when no whole hour is left. */
enum status week_hours_parse(struct bytes text, int offset_minutes,
                             uint8_t ret_hours[WEEK_HOURS_BYTES], struct buffer *why) MUST_USE;

/* Appends a text that week_hours_parse reads back with the same offset; "never" for no hour. */
void week_hours_print(struct buffer *out, const uint8_t hours[WEEK_HOURS_BYTES],
                      int offset_minutes);

bool week_hours_has(const uint8_t hours[WEEK_HOURS_BYTES], unsigned hour);

/* The hour of the week, 0 to 167, in which a time (seconds since 1970 UTC) lies. */
unsigned week_hours_of(uint64_t unix_s);

/* Seconds from `unix_s` until the first hour that is not in the set; 0 when this one is not;
 * UINT32_MAX when all are. */
uint32_t week_hours_left_s(const uint8_t hours[WEEK_HOURS_BYTES], uint64_t unix_s);

#endif
