/* Filters on the command line, and the requests that come out. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "cli/request_options.h"
#include "protocol/gpu_class.h"

static char sentence[1024];

static enum status
compile(char *const *words, size_t count, struct request *ret_request)
{
    static struct invocation invocation;
    char *line[32] = {"gpulet", "rent"};
    struct buffer why;
    buffer_init(&why, sentence, sizeof sentence - 1);
    for (size_t i = 0; i < count; i++) {
        line[2 + i] = words[i];
    }
    line[2 + count] = "--";
    line[3 + count] = "true";
    enum status status = invocation_read((int)count + 4, line, &invocation, &why);
    if (status == STATUS_OK) {
        status = request_of_options(&invocation, ret_request, &why);
    }
    sentence[why.length] = '\0';
    return status;
}

static struct request
compiled(char *const *words, size_t count)
{
    struct request request;
    cr_assert_eq(compile(words, count, &request), STATUS_OK, "%s", sentence);
    return request;
}

Test(request_options, nothing_wanted_is_the_default_request)
{
    const struct request request = compiled(NULL, 0);
    const struct request plain = request_default();
    cr_assert_eq(request.count, 1);
    cr_assert_eq(request.duration_s, plain.duration_s);
    cr_assert_eq(request.vram_min_mib, 0);
}

Test(request_options, every_filter_reaches_its_field)
{
    char *const card[] = {"--vendor",     "nvidia",      "--vram",  "8GiB",   "--fp16",
                          "10",           "--bandwidth", "300",     "--cuda", "12.4",
                          "--capability", "8.6",         "--count", "2"};
    struct request request = compiled(card, sizeof card / sizeof card[0]);
    cr_assert_eq(request.vendors, VENDOR_SET_NVIDIA);
    cr_assert_eq(request.vram_min_mib, 8192);
    cr_assert_eq(request.fp16_min_gflops, 10000);
    cr_assert_eq(request.bandwidth_min_mb_s, 300000);
    cr_assert_eq(request.cuda_min, 1204);
    cr_assert_eq(request.capability_min, 806);
    cr_assert_eq(request.count, 2);

    char *const host[] = {"--region", "eu,na",         "--up",         "50",          "--down",
                          "1Gbit/s",  "--reliability", "95",           "--isolation", "container",
                          "--notice", "30s",           "--same-fabric"};
    request = compiled(host, sizeof host / sizeof host[0]);
    cr_assert_eq(request.regions, 1u << REGION_EU | 1u << REGION_NA);
    cr_assert_eq(request.up_min_mbit_s, 50);
    cr_assert_eq(request.down_min_mbit_s, 1000);
    cr_assert_eq(request.reliability_min_bp, 9500);
    cr_assert_eq(request.isolation_min, ISOLATION_CONTAINER);
    cr_assert_eq(request.notice_min_s, 30);
    cr_assert(request.same_fabric);

    char *const terms[] = {"--work", "train",       "--for", "2h30m",           "--max-price",
                           "0.40/h", "--max-total", "3",     "--interruptible", "--hosts",
                           "4",      "--gang-min",  "3",     "--spares",        "1"};
    request = compiled(terms, sizeof terms / sizeof terms[0]);
    cr_assert_eq(request.work, WORK_TRAIN);
    cr_assert_eq(request.duration_s, 9000);
    cr_assert_eq(amount_micro(request.ask_max_uusd_per_hour), 400000);
    cr_assert_eq(amount_micro(request.total_max_uusd), 3000000);
    cr_assert(request.interruptible);
    cr_assert_eq(request.hosts, 4);
    cr_assert_eq(request.gang_min, 3);
    cr_assert_eq(request.spares, 1);
}

Test(request_options, classes_are_found_by_name_and_a_family_is_all_its_members)
{
    const struct gpu_class *class;
    char *const words[] = {"--gpu", "rtx4090, rtx3090"};
    const struct request request = compiled(words, 2);
    cr_assert_eq(gpu_class_find(bytes_of_text("rtx4090"), &class), STATUS_OK);
    cr_assert(gpu_class_set_has(request.classes, class->number));
    cr_assert_eq(gpu_class_find(bytes_of_text("rtx4080"), &class), STATUS_OK);
    cr_assert(!gpu_class_set_has(request.classes, class->number));
}

Test(request_options, conditions_and_options_say_the_same)
{
    char *const words[] = {"--where", "vram>=24GiB ask<=0.40", "--where", "reliability>=95"};
    char *const options[] = {"--vram", "24GiB", "--max-price", "0.40", "--reliability", "95"};
    const struct request a = compiled(words, 4);
    const struct request b = compiled(options, 6);
    cr_assert_eq(a.vram_min_mib, b.vram_min_mib);
    cr_assert_eq(amount_micro(a.ask_max_uusd_per_hour), amount_micro(b.ask_max_uusd_per_hour));
    cr_assert_eq(a.reliability_min_bp, b.reliability_min_bp);
}

Test(request_options, what_no_card_can_meet_is_refused_before_anybody_is_asked)
{
    static char *const cases[][4] = {
        {"--gpu", "rtx4090", "--vram", "48GiB"},
        {"--gpu", "rtx4090", "--vendor", "amd"},
        {"--gpu", "rtx3060", "--fp16", "900"},
        {"--gpu", "rtx3060", "--bandwidth", "3000"},
        {"--vendor", "amd", "--cuda", "12.4"},
        {"--where", "vram>=24GiB", "--vram", "8GiB"},
        {"--where", "vrma>=24GiB", "--count", "1"},
        {"--where", "vram~24GiB", "--count", "1"},
        {"--max-price", "0", "--count", "1"},
        {"--max-total", "0", "--count", "1"},
        {"--for", "0s", "--count", "1"},
        {"--count", "0", "--hosts", "1"},
        {"--hosts", "2", "--gang-min", "3"},
        {"--spares", "1", "--count", "1"},
        {"--hosts", "2", "--rank", "2"},
        {"--image", "latest", "--count", "1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct request request;
        sentence[0] = '\0';
        cr_assert_eq(compile(cases[i], 4, &request), STATUS_BAD_INPUT, "%s %s %s %s", cases[i][0],
                     cases[i][1], cases[i][2], cases[i][3]);
        cr_assert(sentence[0] != '\0', "%s %s", cases[i][0], cases[i][1]);
    }
}
