#include "protocol/amount.h"

struct amount
amount_zero(void)
{
    return (struct amount){.micro_private = 0};
}

enum status
amount_of_micro(int64_t micro, struct amount *ret_amount)
{
    if (micro > AMOUNT_MICRO_MAX || micro < -AMOUNT_MICRO_MAX) {
        return STATUS_OUT_OF_RANGE;
    }
    ret_amount->micro_private = micro;
    return STATUS_OK;
}

int64_t
amount_micro(struct amount amount)
{
    return amount.micro_private;
}

enum status
amount_add(struct amount a, struct amount b, struct amount *ret_sum)
{
    /* Both are at most 2^53 in size, so the sum cannot wrap. */
    return amount_of_micro(a.micro_private + b.micro_private, ret_sum) == STATUS_OK
               ? STATUS_OK
               : STATUS_OVERFLOW;
}

enum status
amount_subtract(struct amount a, struct amount b, struct amount *ret_rest)
{
    return amount_add(a, amount_negated(b), ret_rest);
}

struct amount
amount_negated(struct amount amount)
{
    return (struct amount){.micro_private = -amount.micro_private};
}

struct amount
amount_smaller(struct amount a, struct amount b)
{
    return a.micro_private <= b.micro_private ? a : b;
}

bool
amount_is_zero(struct amount amount)
{
    return amount.micro_private == 0;
}

bool
amount_is_negative(struct amount amount)
{
    return amount.micro_private < 0;
}

int
amount_compare(struct amount a, struct amount b)
{
    return (a.micro_private > b.micro_private) - (a.micro_private < b.micro_private);
}
