/* Money: integer micro-units (uUSD), checked. Only protocol/amount.c touches the field. */
#ifndef GPULET_PROTOCOL_AMOUNT_H
#define GPULET_PROTOCOL_AMOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/status.h"

/* May be negative: an entry of the ledger is. */
struct amount {
    int64_t micro_private;
};

/* 2^53 - 1 micro-units: what every JSON reader keeps exactly. No amount is larger. */
#define AMOUNT_MICRO_MAX INT64_C(9007199254740991)

struct amount amount_zero(void);

/* STATUS_OUT_OF_RANGE when |micro| is over AMOUNT_MICRO_MAX. */
enum status amount_of_micro(int64_t micro, struct amount *ret_amount) MUST_USE;
int64_t amount_micro(struct amount amount);

/* STATUS_OVERFLOW when the result is over AMOUNT_MICRO_MAX in size. */
enum status amount_add(struct amount a, struct amount b, struct amount *ret_sum) MUST_USE;
enum status amount_subtract(struct amount a, struct amount b, struct amount *ret_rest) MUST_USE;

struct amount amount_negated(struct amount amount);
struct amount amount_smaller(struct amount a, struct amount b);
bool amount_is_zero(struct amount amount);
bool amount_is_negative(struct amount amount);

/* <0, 0, >0 */
int amount_compare(struct amount a, struct amount b);

#endif
