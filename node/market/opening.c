#include "node/market/opening.h"

#include "protocol/week_hours.h"

enum { HOUR_S = 3600 };

static bool
is_open_for(const struct terms *terms, uint64_t start_s, uint64_t wanted_s)
{
    const uint32_t hours_left_s = week_hours_left_s(terms->week_hours, start_s);
    return (hours_left_s == UINT32_MAX || hours_left_s >= wanted_s) &&
           start_s >= terms->valid_from_s &&
           (terms->valid_until_s == 0 || start_s + wanted_s <= terms->valid_until_s);
}

uint64_t
opening_s(const struct filter *filter, const struct market_row *row)
{
    const struct terms *terms = &row->terms;
    const uint64_t last_s = filter->start_from_s + (uint64_t)WEEK_HOURS * HOUR_S;
    uint64_t start_s = filter->start_from_s;
    if (terms->valid_from_s > start_s) {
        start_s = terms->valid_from_s;
    }
    /* Hours open only when they begin. */
    while (start_s <= last_s) {
        if (is_open_for(terms, start_s, filter_wanted_s(filter, start_s))) {
            return start_s;
        }
        start_s += HOUR_S - start_s % HOUR_S;
    }
    return 0;
}
