#include "tests/market/naive_book.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/gpu_class.h"

struct market_row *
naive_find(struct naive_book *book, const struct host_key *host, uint8_t slot_group)
{
    for (size_t i = 0; i < book->count; i++) {
        if (memcmp(&book->rows[i].host, host, sizeof *host) == 0 &&
            book->rows[i].slot_group == slot_group) {
            return &book->rows[i];
        }
    }
    return NULL;
}

bool
naive_put(struct naive_book *book, const struct market_row *row)
{
    struct market_row *place = naive_find(book, &row->host, row->slot_group);
    uint8_t held = row->slots_held;
    if (place == NULL) {
        if (book->count == book->capacity) {
            return false;
        }
        place = &book->rows[book->count++];
    } else {
        held = place->slots_held > row->slots_total ? row->slots_total : place->slots_held;
    }
    *place = *row;
    place->slots_held = held;
    return true;
}

void
naive_take_out(struct naive_book *book, struct market_row *row)
{
    *row = book->rows[--book->count];
}

uint32_t
naive_expire(struct naive_book *book, uint64_t now_s)
{
    uint32_t expired = 0;
    for (size_t i = book->count; i-- > 0;) {
        if (book->rows[i].expires_s <= now_s) {
            naive_take_out(book, &book->rows[i]);
            expired++;
        }
    }
    return expired;
}

static int
compare_offers(const void *a, const void *b)
{
    return offer_compare(a, b);
}

size_t
naive_top(const struct naive_book *book, const struct filter *filter, uint64_t seed, size_t limit,
          struct offer *ret_offers)
{
    struct offer *all = calloc(book->count + 1, sizeof *all);
    size_t count = 0;
    cr_assert_not_null(all);
    for (size_t i = 0; i < book->count; i++) {
        if (filter_failing(filter, &book->rows[i]) == 0) {
            all[count++] = offer_make(filter, &book->rows[i], seed);
        }
    }
    qsort(all, count, sizeof *all, compare_offers);
    if (count > limit) {
        count = limit;
    }
    memcpy(ret_offers, all, count * sizeof *all);
    free(all);
    return count;
}

uint64_t
random_next(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint64_t
random_below(uint64_t *state, uint64_t bound)
{
    return random_next(state) % bound;
}

struct peer_id
random_peer(uint64_t number)
{
    struct peer_id peer;
    uint64_t state = number;
    for (size_t i = 0; i < sizeof peer.bytes; i += 8) {
        const uint64_t word = random_next(&state);
        memcpy(peer.bytes + i, &word, sizeof word);
    }
    return peer;
}

#define PICK(state, ...)                                                                           \
    ((const uint32_t[]){__VA_ARGS__}[random_below(                                                 \
        (state), sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))])

static struct amount
random_ask(uint64_t *state)
{
    struct amount ask = amount_zero();
    const int64_t few = (int64_t)PICK(state, 100000, 200000, 350000, 350001, 400000);
    const int64_t micro = random_below(state, 3) == 0 ? (int64_t)random_below(state, 3000000) : few;
    cr_assert_eq(amount_of_micro(micro, &ask), STATUS_OK);
    return ask;
}

static void
random_hours(uint64_t *state, uint8_t ret_hours[WEEK_HOURS_BYTES])
{
    memset(ret_hours, 0xff, WEEK_HOURS_BYTES);
    const uint64_t kind = random_below(state, 4);
    for (size_t i = 0; kind < 2 && i < WEEK_HOURS_BYTES; i++) {
        ret_hours[i] =
            kind == 0 ? (uint8_t)(i % 3 == 1 ? 0xff : 0x0f) : (uint8_t)random_next(state);
    }
    ret_hours[0] |= 1;
}

static void
random_terms(uint64_t *state, struct listing *listing)
{
    listing->cuda = (uint16_t)PICK(state, 0, 1108, 1204, 1300);
    listing->nvlink_mb_s = PICK(state, 0, 0, 112000, 900000);
    listing->pcie_mb_s = PICK(state, 8000, 15750, 31500);
    listing->fabric = PICK(state, 0, 0, 7);
    listing->lease_min_s = PICK(state, 60, 600, 3600);
    listing->lease_max_s = listing->lease_min_s + PICK(state, 0, 3600, 86400);
    listing->notice_s = PICK(state, 0, 30, 60);
    listing->minimum_run_s = PICK(state, 0, 600, 3600);
    listing->reclaims_per_day = (uint16_t)PICK(state, 0, 1, 4, 65535);
    random_hours(state, listing->week_hours);
    listing->valid_from_s = PICK(state, 0, 0, 0, 5000, 100000);
    listing->valid_until_s = PICK(state, 0, 0, 0, 200000, 9000);
    listing->image_policy = (uint8_t)random_below(state, IMAGE_POLICY_COUNT);
}

struct listing
random_listing(uint64_t *state)
{
    struct listing listing = {0};
    const struct gpu_class *gpu_class = gpu_class_at(random_below(state, gpu_class_count()));
    if (random_below(state, 2) == 0) {
        gpu_class = gpu_class_at(random_below(state, 6));
    }
    listing.slot_group = (uint16_t)random_below(state, 4);
    listing.slots_total = (uint16_t)PICK(state, 1, 1, 2, 4, 8, 64);
    listing.gpu_class = random_below(state, 20) == 0 ? 0 : gpu_class->number;
    listing.vram_mib = gpu_class->vram_mib;
    listing.fp16_gflops = random_below(state, 2) == 0 ? gpu_class->fp16_gflops
                                                      : (uint32_t)random_below(state, 200000);
    listing.bandwidth_mb_s = random_below(state, 2) == 0 ? gpu_class->bandwidth_mb_s
                                                         : (uint32_t)random_below(state, 1000000);
    listing.capability = gpu_class->capability;
    listing.up_mbit_s = PICK(state, 10, 50, 100, 1000);
    listing.down_mbit_s = PICK(state, 50, 100, 1000);
    listing.region = (uint8_t)random_below(state, REGION_COUNT);
    listing.cpu_threads = (uint16_t)PICK(state, 2, 4, 8, 16);
    listing.ram_mib = PICK(state, 4096, 16384, 65536);
    listing.disk_mib = PICK(state, 10240, 102400);
    listing.ask_uusd_per_hour = random_below(state, 10) == 0 ? amount_zero() : random_ask(state);
    listing.interruptible_ask_uusd_per_hour =
        random_below(state, 3) == 0 ? amount_zero() : random_ask(state);
    random_terms(state, &listing);
    listing.works = (uint32_t)random_below(state, 15) + 1;
    listing.isolation = (uint8_t)random_below(state, ISOLATION_COUNT);
    listing.flags = (uint32_t)random_next(state) & 0x7f;
    return listing;
}

struct market_row
random_row(uint64_t *state, uint64_t hosts, uint64_t now_s)
{
    const struct listing listing = random_listing(state);
    const struct peer_id host = random_peer(random_below(state, hosts));
    const struct listing_facts facts = {
        .host = &host,
        .expires_s = now_s + random_below(state, 1000),
        .reliability_bp = (uint16_t)PICK(state, 0, 5000, 9500, 9900, 10000),
    };
    struct market_row row;
    cr_assert_eq(market_row_make(&listing, &facts, &row), STATUS_OK);
    return row;
}

static void
random_minimums(uint64_t *state, struct request *request)
{
    const uint64_t wanted = random_next(state) & random_next(state) & random_next(state);
    request->vram_min_mib = (wanted & 1) != 0 ? PICK(state, 8192, 24576, 81920) : 0;
    request->fp16_min_gflops = (wanted & 2) != 0 ? PICK(state, 50000, 165200) : 0;
    request->bandwidth_min_mb_s = (wanted & 4) != 0 ? PICK(state, 300000, 1008000) : 0;
    request->cuda_min = (uint16_t)((wanted & 8) != 0 ? PICK(state, 1108, 1204) : 0);
    request->capability_min = (uint16_t)((wanted & 16) != 0 ? PICK(state, 806, 809, 0x1100) : 0);
    request->nvlink_min_mb_s = (wanted & 32) != 0 ? PICK(state, 1, 112000) : 0;
    request->pcie_min_mb_s = (wanted & 64) != 0 ? PICK(state, 15750, 31500) : 0;
    request->up_min_mbit_s = (wanted & 128) != 0 ? PICK(state, 50, 100) : 0;
    request->down_min_mbit_s = (wanted & 256) != 0 ? PICK(state, 100, 1000) : 0;
    request->cpu_threads_min = (uint16_t)((wanted & 512) != 0 ? PICK(state, 4, 8) : 0);
    request->ram_min_mib = (wanted & 1024) != 0 ? PICK(state, 16384, 65536) : 0;
    request->disk_min_mib = (wanted & 2048) != 0 ? PICK(state, 102400, 1) : 0;
    request->notice_min_s = (wanted & 4096) != 0 ? PICK(state, 30, 60) : 0;
    request->minimum_run_min_s = (wanted & 8192) != 0 ? PICK(state, 600, 3600) : 0;
    request->reliability_min_bp = (uint16_t)((wanted & 16384) != 0 ? PICK(state, 5000, 9900) : 0);
    request->regions = (wanted & 32768) != 0 ? PICK(state, 2, 6, 1) : 0;
    request->flags_required = (wanted & 65536) != 0 ? PICK(state, 1, 4, 6) : 0;
    request->isolation_min = (uint8_t)((wanted & 131072) != 0 ? PICK(state, 1, 2, 4) : 0);
    request->vendors = (wanted & 262144) != 0 ? PICK(state, 1, 2, 4, 3) : 0;
}

struct request
random_request(uint64_t *state, uint64_t now_s)
{
    static const uint8_t image[71] = "sha256:";
    struct request request = request_default();
    const uint64_t wanted = random_next(state) & random_next(state);
    random_minimums(state, &request);
    request.work = (uint8_t)random_below(state, WORK_COUNT);
    request.interruptible = random_below(state, 4) == 0;
    request.duration_s = PICK(state, 600, 3600, 7200);
    request.duration_min_s = (wanted & 1) != 0 ? PICK(state, 60, 600) : 0;
    request.count = (uint16_t)PICK(state, 1, 1, 1, 2, 4);
    for (unsigned i = 0; (wanted & 2) != 0 && i < 8; i++) {
        gpu_class_set_add(request.classes, (uint16_t)(1 + random_below(state, 12)));
    }
    request.ask_max_uusd_per_hour = (wanted & 4) != 0 ? random_ask(state) : amount_zero();
    request.unit_max_uusd_per_hour = (wanted & 8) != 0 ? random_ask(state) : amount_zero();
    request.total_max_uusd = (wanted & 16) != 0 ? random_ask(state) : amount_zero();
    request.reclaims_max_per_day = (uint16_t)((wanted & 32) != 0 ? PICK(state, 0, 1) : 65535);
    request.start_from_s = (wanted & 64) != 0 ? now_s + random_below(state, 30000) : 0;
    request.start_until_s =
        (wanted & 128) != 0 ? now_s + 30000 + random_below(state, 90000) : request.start_from_s;
    request.guaranteed_until_s = (wanted & 256) != 0 ? now_s + random_below(state, 40000) : 0;
    request.hosts = (uint16_t)((wanted & 512) != 0 ? 2 : 1);
    request.same_fabric = (wanted & 1024) != 0;
    request.image = bytes_of(image, (wanted & 2048) != 0 ? sizeof image : 0);
    return request;
}

int
model_rounds(int usual)
{
    const char *times = getenv("MODEL_ROUNDS");
    const long more = times == NULL ? 1 : strtol(times, NULL, 10);
    return more < 1 ? usual : usual * (int)more;
}
