/* Quantities as people write and read them: prices, durations, sizes, shares, rates, versions.
 *
 * Every parser takes the whole text, nothing more and nothing less, without signs, exponents or
 * floats. Failing, it returns STATUS_BAD_INPUT (not such a quantity) or STATUS_OUT_OF_RANGE (too
 * large), leaves its result alone and appends one plain sentence to `why`, which may be NULL.
 * Every printer appends to `out` a text that its parser reads back to the same value. */
#ifndef GPULET_PROTOCOL_QUANTITY_H
#define GPULET_PROTOCOL_QUANTITY_H

#include <stdint.h>

#include "protocol/amount.h"
#include "protocol/bytes.h"
#include "protocol/moment.h"
#include "protocol/status.h"

/* "0.35/h", "0.35", "0.35 USD/h", "$0.35/h": up to six decimals. */
enum status quantity_parse_price(struct bytes text, struct amount *ret_uusd_per_hour,
                                 struct buffer *why) MUST_USE;
/* "0.35 USD/h": at least two decimals, no needless ones beyond. */
void quantity_print_price(struct buffer *out, struct amount uusd_per_hour);

/* "12.50", "12.50 USD", "$12.50". */
enum status quantity_parse_amount(struct bytes text, struct amount *ret_amount, struct buffer *why)
    MUST_USE;
/* "12.50 USD"; "-0.000001 USD" for debts. Negative amounts do not parse. */
void quantity_print_amount(struct buffer *out, struct amount amount);

/* "90s", "10m", "2h30m", "1d", "1w2d", "250ms": whole numbers, larger units first, each once. */
enum status quantity_parse_duration(struct bytes text, struct duration *ret_duration,
                                    struct buffer *why) MUST_USE;
/* The same in whole seconds, within 32 bits: for the records' fields. */
enum status quantity_parse_seconds(struct bytes text, uint32_t *ret_seconds, struct buffer *why)
    MUST_USE;
/* "2h30m"; "0s" for nothing; a negative duration with "-" before it. */
void quantity_print_duration(struct buffer *out, struct duration duration);

/* "24GiB", "24 GiB", "500MiB", "1.5TiB": whole MiB after all. "24GB" is refused with the hint. */
enum status quantity_parse_size(struct bytes text, uint32_t *ret_mib, struct buffer *why) MUST_USE;
/* "24 GiB", "1.5 GiB", "500 MiB": the largest unit with at most two decimals. */
void quantity_print_size(struct buffer *out, uint32_t mib);

/* "95", "95%", "99.5%", "99.95": basis points up to 10,000. */
enum status quantity_parse_share(struct bytes text, uint16_t *ret_basis_points, struct buffer *why)
    MUST_USE;
/* "99.5 %" */
void quantity_print_share(struct buffer *out, uint16_t basis_points);

/* "800", "800 GB/s", "1.8TB/s", "800MB/s": a bare number counts GB/s. */
enum status quantity_parse_bandwidth(struct bytes text, uint32_t *ret_mb_s, struct buffer *why)
    MUST_USE;
/* "1008 GB/s", "31.5 GB/s" */
void quantity_print_bandwidth(struct buffer *out, uint32_t mb_s);

/* "100", "100 Mbit/s", "1Gbit/s": a bare number counts Mbit/s. */
enum status quantity_parse_network_rate(struct bytes text, uint32_t *ret_mbit_s, struct buffer *why)
    MUST_USE;
/* "100 Mbit/s", "2.5 Gbit/s" */
void quantity_print_network_rate(struct buffer *out, uint32_t mbit_s);

/* "100", "165.2 TFLOPS", "900 GFLOPS": a bare number counts TFLOPS. */
enum status quantity_parse_speed(struct bytes text, uint32_t *ret_gflops, struct buffer *why)
    MUST_USE;
/* "165.2 TFLOPS" */
void quantity_print_speed(struct buffer *out, uint32_t gflops);

/* "12.4" is 1204, "12" is 1200, "8.9" is 809: major * 100 + minor, minor below 100. */
enum status quantity_parse_version(struct bytes text, uint16_t *ret_version, struct buffer *why)
    MUST_USE;
/* "12.4" */
void quantity_print_version(struct buffer *out, uint16_t version);

/* "8.9" as a version, or an AMD card's "gfx1100", "gfx90a" as its hexadecimal number. */
enum status quantity_parse_capability(struct bytes text, uint16_t *ret_capability,
                                      struct buffer *why) MUST_USE;

/* A plain whole number up to `maximum`. */
enum status quantity_parse_count(struct bytes text, uint64_t maximum, uint64_t *ret_count,
                                 struct buffer *why) MUST_USE;

#endif
