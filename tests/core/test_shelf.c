/* The shelf against a plain table of what was put on it. */
#include "node/core/shelf.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/record.h"
#include "tests/support/sealed.h"

enum { AUTHORS = 16, GROUPS = 3, SLOTS = AUTHORS * GROUPS, CAPACITY = 64, STEPS = 20000 };

/* What should be found in a slot. */
struct known {
    struct sealed_record sealed;
    struct verified_record record;
    struct shelf_slot slot;
    bool is_there;
    bool is_guard;
    uint64_t arrival;
};

struct model {
    struct known list[SLOTS];
    struct shelf shelf;
    uint64_t arrivals;
};

static struct model *
model_new(void)
{
    const struct network_id network = sealed_network("test");
    struct model *model = calloc(1, sizeof *model);
    cr_assert_not_null(model);
    cr_assert_eq(shelf_init(&model->shelf, CAPACITY * 3 / 4), STATUS_OK);
    cr_assert_eq(model->shelf.capacity, (size_t)CAPACITY);
    for (unsigned i = 0; i < SLOTS; i++) {
        struct known *known = &model->list[i];
        char name[16];
        (void)snprintf(name, sizeof name, "host %u", i / GROUPS);
        const struct keypair keys = sealed_keypair(name);
        const struct listing listing = {.slot_group = (uint16_t)(i % GROUPS),
                                        .slots_total = 1,
                                        .gpu_name = bytes_of_text(name),
                                        .lease_min_s = 1,
                                        .lease_max_s = 1,
                                        .interval_s = 1,
                                        .meter_s = 1};
        sealed_body(&known->sealed, RECORD_LISTING, &keys, &listing);
        cr_assert_eq(record_open(sealed_bytes(&known->sealed), &network, &known->record),
                     STATUS_OK);
        cr_assert_eq(shelf_slot_of(verified_envelope(&known->record), &known->slot), STATUS_OK);
    }
    return model;
}

static void
model_free(struct model *model)
{
    shelf_clear(&model->shelf);
    free(model);
}

static void
step(struct model *model, struct known *known, unsigned what)
{
    struct shelf_entry *entry = shelf_find(&model->shelf, &known->slot);
    if (what < 2) {
        model->arrivals++;
        (void)shelf_put(&model->shelf, &known->record, (struct link){0});
        known->is_there = true;
        known->is_guard = false;
        known->arrival = model->arrivals;
    } else if (what == 2 && entry != NULL && entry->length > 0) {
        shelf_retire(&model->shelf, entry);
        known->is_guard = true;
    } else if (what == 3 && entry != NULL) {
        shelf_remove(&model->shelf, entry);
        known->is_there = false;
    }
}

static void
expect_slot(struct model *model, const struct known *known)
{
    struct shelf *shelf = &model->shelf;
    struct shelf_entry *entry = shelf_find(shelf, &known->slot);
    cr_assert_eq(entry != NULL, known->is_there);
    cr_assert_eq(
        shelf_find_short(shelf, known->slot.author.bytes, known->slot.kind, known->slot.detail),
        entry);
    if (entry == NULL) {
        return;
    }
    const struct bytes bytes = shelf_bytes(shelf, entry);
    cr_assert_eq(bytes.length == 0, known->is_guard);
    if (!known->is_guard) {
        cr_assert(bytes_equal(bytes, sealed_bytes(&known->sealed)));
        cr_assert_eq(shelf_find_id(shelf, verified_id(&known->record)), entry);
        cr_assert_eq(entry->arrival, known->arrival);
    }
}

static void
expect_all(struct model *model)
{
    size_t used = 0;
    size_t records = 0;
    for (unsigned i = 0; i < SLOTS; i++) {
        expect_slot(model, &model->list[i]);
        used += model->list[i].is_there;
        records += model->list[i].is_there && !model->list[i].is_guard;
    }
    cr_assert_eq(model->shelf.used, used);
    cr_assert_eq(model->shelf.records, records);
}

Test(shelf, whatever_comes_and_goes_the_rest_is_found)
{
    struct model *model = model_new();
    struct sample sample;
    sample_init(&sample, 11, NULL, 0);
    for (unsigned i = 0; i < STEPS; i++) {
        const unsigned at = (unsigned)sample_below(&sample, SLOTS);
        step(model, &model->list[at], (unsigned)sample_below(&sample, 4));
        if (i % 16 == 0) {
            expect_all(model);
        }
    }
    expect_all(model);
    model_free(model);
}

/* Those that were removed leave nothing behind that could fill it. */
Test(shelf, it_can_be_filled_and_emptied_again_and_again)
{
    struct model *model = model_new();
    for (unsigned round = 0; round < 8; round++) {
        for (unsigned i = 0; i < SLOTS; i++) {
            step(model, &model->list[i], 0);
        }
        expect_all(model);
        for (unsigned i = 0; i < SLOTS; i++) {
            step(model, &model->list[(i * 7 + round) % SLOTS], 3);
            expect_all(model);
        }
        cr_assert_eq(model->shelf.used, 0u);
    }
    for (unsigned i = 0; i < CAPACITY; i++) {
        cr_assert_eq(model->shelf.places[i].number, 0u);
    }
    model_free(model);
}

Test(shelf, arrivals_are_passed_on_in_their_order)
{
    struct model *model = model_new();
    for (unsigned i = 0; i < SLOTS; i++) {
        step(model, &model->list[i], 0);
    }
    step(model, &model->list[3], 3);
    step(model, &model->list[5], 2);
    step(model, &model->list[0], 0);
    uint64_t after = 0;
    size_t count = 0;
    const struct shelf_entry *entry;
    while ((entry = shelf_next_arrival(&model->shelf, after)) != NULL) {
        cr_assert_gt(entry->arrival, after);
        after = entry->arrival;
        count++;
    }
    cr_assert_eq(count, (size_t)SLOTS - 2);
    cr_assert_eq(after, (uint64_t)SLOTS + 1);
    model_free(model);
}

Test(shelf, an_author_has_only_so_many_slots)
{
    struct shelf shelf;
    struct sealed_record sealed;
    struct verified_record record;
    const struct network_id network = sealed_network("test");
    const struct keypair keys = sealed_keypair("greedy");
    cr_assert_eq(shelf_init(&shelf, 1024), STATUS_OK);
    const struct listing listing = {.slots_total = 1,
                                    .gpu_name = bytes_of_text("card"),
                                    .lease_min_s = 1,
                                    .lease_max_s = 1,
                                    .interval_s = 1,
                                    .meter_s = 1};
    sealed_body(&sealed, RECORD_LISTING, &keys, &listing);
    cr_assert_eq(record_open(sealed_bytes(&sealed), &network, &record), STATUS_OK);
    const struct record_view view = {.sealed = verified_bytes(&record),
                                     .envelope = *verified_envelope(&record),
                                     .id = *verified_id(&record)};
    const struct wall now = {(int64_t)SEALED_NOW_S * 1000};
    for (uint32_t i = 0; i < RECORDS_PER_AUTHOR_MAX; i++) {
        cr_assert_eq(shelf_admit(&shelf, &view, now), STATUS_OK);
        const struct guard_row guard = {.author = keys.identity,
                                        .kind = RECORD_REQUEST,
                                        .detail = i,
                                        .seq = 1,
                                        .until_s = SEALED_NOW_S};
        shelf_put_guard(&shelf, &guard);
    }
    cr_assert_eq(shelf_admit(&shelf, &view, now), STATUS_LIMIT);
    shelf_clear(&shelf);
}
