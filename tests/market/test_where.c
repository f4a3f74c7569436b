#include "node/market/where.h"

#include <criterion/criterion.h>
#include <string.h>

#include "protocol/gpu_class.h"

enum { NOW_S = 1000000 };

struct outcome {
    enum status status;
    struct request request;
    char why[400];
};

static struct outcome
asked(const char *text)
{
    struct outcome outcome = {.why = ""};
    struct buffer why;
    const struct request start = request_default();
    struct where where = where_start(&start, NOW_S);
    buffer_init(&why, outcome.why, sizeof outcome.why - 1);
    outcome.status = where_parse(&where, bytes_of_text(text), &why);
    if (outcome.status == STATUS_OK) {
        outcome.status = where_finish(&where, &outcome.request, &why);
    }
    cr_assert_not(why.overflowed);
    cr_assert_eq(outcome.status == STATUS_OK, why.length == 0, "%s: %s", text, outcome.why);
    return outcome;
}

static struct request
good(const char *text)
{
    const struct outcome outcome = asked(text);
    cr_assert_eq(outcome.status, STATUS_OK, "%s: %s", text, outcome.why);
    return outcome.request;
}

Test(where, every_condition_reaches_its_field)
{
    const struct request request =
        good("gpu=rtx4090,h100 vendor=nvidia vram>=24GiB fp16>100 bandwidth>=800 capability>=8.9 "
             "cuda>=12.4 nvlink>=100 pcie>=16 up>=100 down>500 cpu>=8 ram>=32GiB disk>=100GiB "
             "count=2 hosts=4 fabric=yes work=train ask<0.40 unit<=2.50 total<=20 duration=2h "
             "duration_min=30m guaranteed>=6h interruptible=yes notice>=30s minimum_run>=1h "
             "reclaims<=1 reliability>=95 region=eu,na flags=ecc,fp8 isolation>=container");
    unsigned classes = 0;
    for (uint16_t number = 0; number <= GPU_CLASS_NUMBER_MAX; number++) {
        classes += gpu_class_set_has(request.classes, number);
    }
    cr_assert_eq(classes, 4u);
    cr_assert_eq(request.vendors, (uint32_t)VENDOR_SET_NVIDIA);
    cr_assert_eq(request.vram_min_mib, 24576u);
    cr_assert_eq(request.fp16_min_gflops, 100001u);
    cr_assert_eq(request.bandwidth_min_mb_s, 800000u);
    cr_assert_eq(request.capability_min, 809);
    cr_assert_eq(request.cuda_min, 1204);
    cr_assert_eq(request.nvlink_min_mb_s, 100000u);
    cr_assert_eq(request.pcie_min_mb_s, 16000u);
    cr_assert_eq(request.up_min_mbit_s, 100u);
    cr_assert_eq(request.down_min_mbit_s, 501u);
    cr_assert_eq(request.cpu_threads_min, 8);
    cr_assert_eq(request.ram_min_mib, 32768u);
    cr_assert_eq(request.disk_min_mib, 102400u);
    cr_assert_eq(request.count, 2);
    cr_assert_eq(request.hosts, 4);
    cr_assert(request.same_fabric && request.interruptible);
    cr_assert_eq(request.work, WORK_TRAIN);
    cr_assert_eq(amount_micro(request.ask_max_uusd_per_hour), 399999);
    cr_assert_eq(amount_micro(request.unit_max_uusd_per_hour), 2500000);
    cr_assert_eq(amount_micro(request.total_max_uusd), 20000000);
    cr_assert_eq(request.duration_s, 7200u);
    cr_assert_eq(request.duration_min_s, 1800u);
    cr_assert_eq(request.guaranteed_until_s, (uint64_t)NOW_S + 21600);
    cr_assert_eq(request.notice_min_s, 30u);
    cr_assert_eq(request.minimum_run_min_s, 3600u);
    cr_assert_eq(request.reclaims_max_per_day, 1);
    cr_assert_eq(request.reliability_min_bp, 9500);
    cr_assert_eq(request.regions, 1u << REGION_EU | 1u << REGION_NA);
    cr_assert_eq(request.flags_required, (uint32_t)(LISTING_ECC | LISTING_FP8));
    cr_assert_eq(request.isolation_min, ISOLATION_CONTAINER);
}

Test(where, spaces_around_operators_are_allowed_and_nothing_is_a_request_too)
{
    cr_assert_eq(good("  vram >= 24GiB   ask <0.40 ").vram_min_mib, 24576u);
    cr_assert_eq(good("").count, 1);
    cr_assert_eq(good("reclaims<1").reclaims_max_per_day, 0);
}

Test(where, what_is_wrong_is_refused_and_named)
{
    static const struct {
        const char *text;
        enum status status;
        const char *says;
    } cases[] = {
        {"vran>=24GiB", STATUS_NOT_FOUND, "'vram'"},
        {"relaibility>=95", STATUS_NOT_FOUND, "'reliability'"},
        {"colour=red", STATUS_NOT_FOUND, "colour"},
        {"vram=24GiB", STATUS_BAD_INPUT, "vram>=24GiB"},
        {"vram<24GiB", STATUS_BAD_INPUT, "vram"},
        {"vram==24GiB", STATUS_BAD_INPUT, "vram"},
        {"ask>0.40", STATUS_BAD_INPUT, "ask<=0.40"},
        {"ask!=0.40", STATUS_BAD_INPUT, "ask"},
        {"gpu>=rtx4090", STATUS_BAD_INPUT, "gpu=rtx4090"},
        {"gpu=rtx490", STATUS_BAD_INPUT, "'rtx4090'"},
        {"gpu=rtx4090,", STATUS_BAD_INPUT, "GPU"},
        {"region=mars", STATUS_BAD_INPUT, "mars"},
        {"region=asai", STATUS_BAD_INPUT, "'asia'"},
        {"flags=ecc,fp9", STATUS_BAD_INPUT, "'fp8'"},
        {"interruptible=maybe", STATUS_BAD_INPUT, "yes or no"},
        {"vram>=24GB", STATUS_BAD_INPUT, "24GiB"},
        {"vram>=", STATUS_BAD_INPUT, "vram"},
        {"vram", STATUS_BAD_INPUT, "vram"},
        {">=24GiB", STATUS_BAD_INPUT, "conditions"},
        {"vram>=24 GiB", STATUS_BAD_INPUT, "24"},
        {"vram>=8GiB vram>=24GiB", STATUS_EXISTS, "twice"},
        {"ask<0", STATUS_OUT_OF_RANGE, "ask"},
        {"ask<=0", STATUS_OUT_OF_RANGE, "ask"},
        {"ask<0.000001", STATUS_OUT_OF_RANGE, "ask"},
        {"reliability>=101", STATUS_OUT_OF_RANGE, "reliability"},
        {"reliability>100", STATUS_OUT_OF_RANGE, "reliability"},
        {"count=0", STATUS_OUT_OF_RANGE, "count"},
        {"count=65", STATUS_OUT_OF_RANGE, "count"},
        {"count=99999999999999999999", STATUS_OUT_OF_RANGE, "count"},
        {"isolation>vm", STATUS_OUT_OF_RANGE, "isolation"},
        {"gpu=rtx4090 vendor=amd", STATUS_REFUSED, "vendor"},
        {"gpu=rtx3060 fp16>=100", STATUS_REFUSED, "fp16"},
        {"vendor=intel bandwidth>=5000", STATUS_REFUSED, "bandwidth"},
        {"duration=1h duration_min=2h", STATUS_REFUSED, "longer"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct outcome outcome = asked(cases[i].text);
        cr_assert_eq(outcome.status, cases[i].status, "'%s': %s %s", cases[i].text,
                     status_name(outcome.status), outcome.why);
        cr_assert_not_null(strstr(outcome.why, cases[i].says), "'%s' says: %s", cases[i].text,
                           outcome.why);
    }
}

Test(where, any_bytes_are_answered_and_nothing_is_half_done)
{
    static const char alphabet[] = "vramask<>=!~ ,.0123456789GiB/h%\t\n\x01\xff";
    uint64_t number = 1;
    for (int round = 0; round < 20000; round++) {
        char text[24];
        const struct request start = request_default();
        struct where where = where_start(&start, NOW_S);
        number = number * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        uint64_t bits = number;
        const size_t length = (size_t)(number >> 59) % sizeof text;
        for (size_t i = 0; i < length; i++) {
            bits = bits * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            text[i] = alphabet[(bits >> 33) % sizeof alphabet]; /* its NUL too */
        }
        const enum status with = where_parse(&where, bytes_of(text, length), NULL);
        struct request request;
        cr_assert(with != STATUS_OK || where_finish(&where, &request, NULL) != STATUS_OK ||
                  request_check(&request, NULL) == STATUS_OK);
    }
}

Test(where, the_examples_of_the_help_are_accepted)
{
    for (size_t i = 0; i < where_field_count(); i++) {
        const struct where_field field = where_field_at(i);
        const char *rest = field.operators;
        cr_assert(strlen(field.help) > 5 && strlen(field.name) > 1);
        while (*rest != '\0') {
            const size_t length = strcspn(rest, " ");
            const struct request start = request_default();
            struct where where = where_start(&start, NOW_S);
            cr_assert_eq(where_add(&where, bytes_of_text(field.name), bytes_of(rest, length),
                                   bytes_of_text(field.example), NULL),
                         STATUS_OK, "%s", field.name);
            struct request request;
            cr_assert_eq(where_finish(&where, &request, NULL), STATUS_OK, "%s", field.name);
            cr_assert(memcmp(&request, &start, sizeof start) != 0, "%s", field.name);
            rest += length + (rest[length] == ' ');
        }
    }
}
