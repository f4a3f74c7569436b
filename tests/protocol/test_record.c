#include "protocol/record.h"

#include <criterion/criterion.h>
#include <string.h>

#include "protocol/codec.h"
#include "protocol/envelope.h"
#include "protocol/limits.h"
#include "tests/support/sample.h"

static struct amount
micro(int64_t number)
{
    struct amount amount;
    cr_assert_eq(amount_of_micro(number, &amount), STATUS_OK);
    return amount;
}

static struct listing
good_listing(void)
{
    struct listing listing = {
        .slots_total = 2,
        .gpu_name = bytes_of_text("NVIDIA GeForce RTX 4090"),
        .vram_mib = 24564,
        .ask_uusd_per_hour = micro(350000),
        .lease_min_s = 600,
        .lease_max_s = 600,
        .interval_s = 60,
        .meter_s = 60,
        .works = 1,
    };
    listing.week_hours[20] = 0x80;
    return listing;
}

static void
expect_listing(const struct listing *listing, const char *why)
{
    const char *said = NULL;
    cr_assert_eq(codec_check(&listing_schema, listing), STATUS_OK);
    cr_assert_eq(listing_check(listing, &said), why == NULL ? STATUS_OK : STATUS_OUT_OF_RANGE);
    if (why == NULL) {
        cr_assert_null(said);
    } else {
        cr_assert_str_eq(said, why);
    }
}

Test(record, a_listing_that_keeps_the_rules_is_taken)
{
    struct listing listing = good_listing();
    expect_listing(&listing, NULL);
    cr_assert_eq(listing_check(&listing, NULL), STATUS_OK);
    listing.ask_uusd_per_hour = amount_zero();
    listing.interruptible_ask_uusd_per_hour = micro(1);
    listing.valid_from_s = 1000;
    listing.valid_until_s = 1001;
    expect_listing(&listing, NULL);
    listing.valid_until_s = 0;
    expect_listing(&listing, NULL);
}

Test(record, a_listing_that_breaks_a_rule_is_told_which)
{
    struct listing listing = good_listing();
    listing.ask_uusd_per_hour = amount_zero();
    expect_listing(&listing, "the listing has no price");
    listing = good_listing();
    listing.lease_min_s = listing.lease_max_s + 1;
    expect_listing(&listing, "the shortest lease is longer than the longest");
    listing = good_listing();
    listing.valid_from_s = 1000;
    listing.valid_until_s = 1000;
    expect_listing(&listing, "the listing ends before it begins");
    listing = good_listing();
    listing.week_hours[20] = 0;
    expect_listing(&listing, "the listing has no hour in the week");
    listing = good_listing();
    listing.works = 0;
    expect_listing(&listing, "the listing takes no kind of work");
    listing = good_listing();
    listing.meter_s = listing.interval_s + 1;
    expect_listing(&listing, "an interval is shorter than the meter's");
}

static void
expect_request(const struct request *request, const char *why)
{
    const char *said = NULL;
    cr_assert_eq(codec_check(&request_schema, request), STATUS_OK);
    cr_assert_eq(request_check(request, &said), why == NULL ? STATUS_OK : STATUS_OUT_OF_RANGE);
    if (why == NULL) {
        cr_assert_null(said);
    } else {
        cr_assert_str_eq(said, why);
    }
}

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

Test(record, the_default_request_wants_one_gpu_for_an_hour_and_is_valid)
{
    struct request request = request_default();
    expect_request(&request, NULL);
    cr_assert_eq(request.count, 1);
    cr_assert_eq(request.hosts, 1);
    cr_assert_eq(request.duration_s, 3600);
    cr_assert_eq(request.reclaims_max_per_day, UINT16_MAX);
    request.image = bytes_of_text("sha256:" HEX64);
    request.start_from_s = 5;
    request.start_until_s = 5;
    request.duration_min_s = 3600;
    request.hosts = 3;
    request.gang_min = 3;
    expect_request(&request, NULL);
}

Test(record, a_request_that_breaks_a_rule_is_told_which)
{
    struct request request = request_default();
    request.duration_min_s = 3601;
    expect_request(&request, "the shortest run time is longer than the wanted one");
    request = request_default();
    request.gang_min = 2;
    expect_request(&request, "the job's minimum is more than all its hosts");
    request = request_default();
    request.spares = 1;
    expect_request(&request, "spares are for a job on several hosts");
    request.hosts = 2;
    expect_request(&request, NULL);
    request = request_default();
    request.start_from_s = 6;
    request.start_until_s = 5;
    expect_request(&request, "the latest start lies before the earliest");
    static const char *const images[] = {
        "x",
        "sha256:",
        ("sha256:" HEX64 "0"),
        ("sha512:" HEX64),
        "sha256:0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef",
        "sha256:0123456789abcdeg0123456789abcdef0123456789abcdef0123456789abcdef"};
    for (size_t i = 0; i < sizeof images / sizeof images[0]; i++) {
        request = request_default();
        request.image = bytes_of_text(images[i]);
        if (request.image.length <= schema_field(&request_schema, "image")->maximum) {
            expect_request(&request, "the image is not sha256: and 64 hex digits");
        } else {
            cr_assert_eq(codec_check(&request_schema, &request), STATUS_OUT_OF_RANGE);
        }
    }
}

Test(record, every_kind_has_its_schema_and_name)
{
    for (unsigned kind = 0; kind <= UINT8_MAX; kind++) {
        const struct schema *schema = record_schema((uint8_t)kind);
        const bool is_free = kind > RECORD_GRANT && kind < RECORD_COMMITMENT;
        if (kind == 0 || kind >= RECORD_KIND_COUNT || (is_free && schema == NULL)) {
            cr_assert_null(schema);
            cr_assert_str_eq(record_kind_name((uint8_t)kind), "?");
            cr_assert_not(record_kind_is_public((uint8_t)kind));
            continue;
        }
        cr_assert_eq(schema->number, kind);
        cr_assert_str_eq(record_kind_name((uint8_t)kind), schema->name);
        cr_assert_eq(record_kind_is_public((uint8_t)kind),
                     kind <= RECORD_REQUEST || kind == RECORD_CLEARING);
    }
}

/* Sizes that other limits are built from: sealed is envelope, body and a signature. */
Test(record, the_largest_records_fit_where_they_are_kept)
{
    const size_t around = schema_encoded_max(&envelope_schema) - RECORD_BODY_MAX + SIGNATURE_LENGTH;
    for (uint8_t kind = 1; kind < RECORD_KIND_COUNT; kind++) {
        if (record_schema(kind) == NULL) {
            continue;
        }
        cr_assert_leq(schema_encoded_max(record_schema(kind)), (size_t)RECORD_BODY_MAX, "%s",
                      record_kind_name(kind));
    }
    cr_assert_leq(schema_encoded_max(&listing_schema) + around, (size_t)LISTING_BYTES_MAX);
    cr_assert_leq(schema_encoded_max(&lease_terms_schema), (size_t)TERMS_BYTES_MAX);
    cr_assert_leq(RECORD_BODY_MAX + around, (size_t)RECORD_BYTES_MAX);
    cr_assert_eq(RECORD_BYTES_MAX + SIGNATURE_LENGTH, COSIGNED_BYTES_MAX);
}

Test(record, order_is_by_the_first_field_that_differs)
{
    struct hold a = {.slots = 1, .ask_max_uusd_per_hour = micro(5)};
    struct hold b = a;
    cr_assert_eq(codec_compare(&hold_schema, &a, &b), 0);
    b.ttl_ms = 1;
    cr_assert_lt(codec_compare(&hold_schema, &a, &b), 0);
    a.ask_max_uusd_per_hour = micro(6);
    cr_assert_gt(codec_compare(&hold_schema, &a, &b), 0);
    b.host.bytes[31] = 1;
    cr_assert_lt(codec_compare(&hold_schema, &a, &b), 0);
}
