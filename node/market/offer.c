#include "node/market/offer.h"

#include <string.h>

#include "protocol/price.h"

enum { RELIABILITY_CLASS_BP = 500 };

static uint64_t
mixed(uint64_t word)
{
    word ^= word >> 30;
    word *= UINT64_C(0xbf58476d1ce4e5b9);
    word ^= word >> 27;
    word *= UINT64_C(0x94d049bb133111eb);
    return word ^ (word >> 31);
}

/* Little-endian on every machine: results must be equal everywhere. */
static uint64_t
word_of(const uint8_t bytes[8])
{
    uint64_t word = 0;
    for (int i = 7; i >= 0; i--) {
        word = word << 8 | bytes[i];
    }
    return word;
}

uint64_t
offer_spread(uint64_t seed, const struct host_key *host, uint8_t slot_group)
{
    const uint64_t step = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t state = mixed(seed + step);
    state = mixed(state ^ (word_of(host->bytes) + step));
    return mixed(state ^ (word_of(host->bytes + 8) + slot_group * step));
}

uint64_t
offer_seed(const struct record_id *id)
{
    return word_of(id->bytes);
}

unsigned
offer_reliability_class(uint16_t reliability_bp)
{
    return reliability_bp / RELIABILITY_CLASS_BP;
}

struct offer
offer_make(const struct filter *filter, const struct market_row *row, uint64_t seed)
{
    return (struct offer){
        .effective_uusd = filter_effective(filter, row),
        .spread = offer_spread(seed, &row->host, row->slot_group),
        .host = row->host,
        .slot_group = row->slot_group,
        .gpu_class = row->gpu_class,
        .reliability_bp = row->reliability_bp,
        .ask_uusd_per_hour = filter_ask(filter, row),
        .unit = filter_unit(filter, row),
    };
}

int
offer_compare(const struct offer *a, const struct offer *b)
{
    const unsigned class_a = offer_reliability_class(a->reliability_bp);
    const unsigned class_b = offer_reliability_class(b->reliability_bp);
    if (a->effective_uusd != b->effective_uusd) {
        return a->effective_uusd < b->effective_uusd ? -1 : 1;
    }
    if (class_a != class_b) {
        return class_a > class_b ? -1 : 1;
    }
    if (a->spread != b->spread) {
        return a->spread < b->spread ? -1 : 1;
    }
    const int by_host = host_key_compare(&a->host, &b->host);
    return by_host != 0 ? by_host : (int)a->slot_group - (int)b->slot_group;
}

enum status
offer_total(const struct offer *offer, uint32_t slots, uint32_t duration_s,
            struct amount *ret_total)
{
    struct amount ask;
    const enum status status = amount_of_micro(offer->ask_uusd_per_hour, &ask);
    if (status != STATUS_OK) {
        return status;
    }
    return price_charge(ask, slots, (uint64_t)duration_s * 1000, ret_total);
}
