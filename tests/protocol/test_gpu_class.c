#include "protocol/gpu_class.h"

#include <criterion/criterion.h>
#include <string.h>

#include "protocol/price.h"

static const struct gpu_class *
found(const char *text)
{
    const struct gpu_class *gpu_class = NULL;
    const enum status status = gpu_class_find(bytes_of_text(text), &gpu_class);
    cr_assert_eq(status, STATUS_OK, "%s: %s", text, status_name(status));
    return gpu_class;
}

Test(gpu_class, numbers_and_names_are_unique_and_find_their_own_row)
{
    bool seen[GPU_CLASS_NUMBER_MAX + 1] = {false};
    cr_assert_geq(gpu_class_count(), 74u);
    for (size_t i = 0; i < gpu_class_count(); i++) {
        const struct gpu_class *row = gpu_class_at(i);
        cr_assert(row->number >= 1 && row->number <= GPU_CLASS_NUMBER_MAX, "%s", row->name);
        cr_assert_not(seen[row->number], "number of %s stands twice", row->name);
        seen[row->number] = true;
        cr_assert_eq(gpu_class_by_number(row->number), row);
        cr_assert_eq(found(row->name), row, "name %s", row->name);
        cr_assert_eq(found(row->title), row, "title %s", row->title);
        char alias[64];
        for (const char *at = row->aliases; *at != '\0'; at += *at == ';') {
            const size_t length = strcspn(at, ";");
            cr_assert_lt(length, sizeof alias);
            memcpy(alias, at, length);
            alias[length] = '\0';
            cr_assert_eq(found(alias), row, "alias %s", alias);
            at += length;
        }
    }
    cr_assert_null(gpu_class_by_number(0));
    cr_assert_null(gpu_class_by_number(GPU_CLASS_NUMBER_MAX));
    cr_assert_null(gpu_class_by_number(UINT16_MAX));
}

Test(gpu_class, figures_of_a_row_make_sense_together)
{
    for (size_t i = 0; i < gpu_class_count(); i++) {
        const struct gpu_class *row = gpu_class_at(i);
        cr_assert(row->vram_mib >= 2048 && row->vram_mib <= 512 * 1024, "%s", row->name);
        cr_assert(row->bandwidth_mb_s >= 40000 && row->bandwidth_mb_s <= 9000000, "%s", row->name);
        cr_assert(row->fp16_gflops >= 1000 && row->fp16_gflops <= 3000000, "%s", row->name);
        cr_assert_eq(row->fp8_gflops > 0, (row->flags & GPU_FP8) != 0, "%s", row->name);
        cr_assert(row->fp8_gflops == 0 || row->fp8_gflops > row->fp16_gflops, "%s", row->name);
        cr_assert(row->pcie_gen >= 3 && row->pcie_gen <= 6, "%s", row->name);
        cr_assert(row->watts >= 30 && row->ask_uusd_per_hour >= 5000, "%s", row->name);
        cr_assert(row->segment == GPU_SEGMENT_GAMING || row->gamer_share == 0, "%s", row->name);
        cr_assert(row->vendor != GPU_VENDOR_NVIDIA ||
                      (row->capability >= 300 && row->capability <= 1299),
                  "%s", row->name);
    }
}

Test(gpu_class, a_card_is_found_however_it_is_written)
{
    static const char *const same[] = {
        "rtx4090", "RTX 4090", "NVIDIA GeForce RTX 4090", "RTX_4090",
        "4090",    "rtx-4090", "nvidiageforcertx4090",    " rtx 4090 "};
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        cr_assert_str_eq(found(same[i])->name, "rtx4090", "%s", same[i]);
    }
    static const char *const pairs[][2] = {
        {"NVIDIA H100 80GB HBM3", "h100-sxm"},
        {"NVIDIA A100-SXM4-80GB", "a100-sxm-80gb"},
        {"NVIDIA A100 80GB PCIe", "a100-pcie-80gb"},
        {"Tesla V100-SXM2-16GB", "v100-sxm-16gb"},
        {"NVIDIA GeForce RTX 4060 Laptop GPU", "rtx4060-laptop"},
        {"NVIDIA RTX 6000 Ada Generation", "rtx6000ada"},
        {"Quadro RTX 6000", "quadrortx6000"},
        {"AMD Radeon RX 7900 XTX", "rx7900xtx"},
        {"AMD Instinct MI300X", "mi300x"},
        {"Intel(R) Arc(TM) A770 Graphics", "arca770"},
        {"580", "rx580"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        cr_assert_str_eq(found(pairs[i][0])->name, pairs[i][1], "%s", pairs[i][0]);
    }
}

Test(gpu_class, what_is_no_card_is_refused)
{
    char long_text[400];
    const struct gpu_class *gpu_class = NULL;
    static const char *const unknown[] = {"",     " ",       "rtx",      "nvidia",
                                          "0",    "rtx409",  "rtx40900", "Microsoft Basic Display",
                                          "r tm", "\xff\xfe"};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        cr_assert_eq(gpu_class_find(bytes_of_text(unknown[i]), &gpu_class), STATUS_NOT_FOUND, "%s",
                     unknown[i]);
    }
    memset(long_text, 'a', sizeof long_text);
    cr_assert_eq(gpu_class_find(bytes_of(long_text, sizeof long_text), &gpu_class),
                 STATUS_NOT_FOUND);
    cr_assert_eq(gpu_class_find(bytes_of_text("h100"), &gpu_class), STATUS_AMBIGUOUS);
    cr_assert_null(gpu_class);
}

Test(gpu_class, memory_decides_between_variants_of_one_card)
{
    const struct gpu_class *gpu_class = NULL;
    static const struct {
        const char *name;
        uint32_t vram_mib;
        const char *expected;
    } cases[] = {
        {"NVIDIA GeForce RTX 4060 Ti", 8188, "rtx4060ti"},
        {"NVIDIA GeForce RTX 4060 Ti", 16380, "rtx4060ti-16gb"},
        {"NVIDIA GeForce RTX 3080", 12288, "rtx3080-12gb"},
        {"NVIDIA GeForce RTX 3080", 10240, "rtx3080"},
        {"NVIDIA A100-SXM4-40GB", 40960, "a100-sxm-40gb"},
        {"NVIDIA GeForce RTX 4090", 49140, "rtx4090"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(
            gpu_class_of_device(bytes_of_text(cases[i].name), cases[i].vram_mib, &gpu_class),
            STATUS_OK);
        cr_assert_str_eq(gpu_class->name, cases[i].expected);
    }
    cr_assert_eq(gpu_class_of_device(bytes_of_text("UHD Graphics 620"), 512, &gpu_class),
                 STATUS_NOT_FOUND);
}

static size_t
family_size(const char *text)
{
    uint8_t classes[CLASS_SET_BYTES] = {0};
    size_t count = 0;
    if (gpu_class_find_family(bytes_of_text(text), classes) != STATUS_OK) {
        return 0;
    }
    for (uint16_t number = 0; number <= GPU_CLASS_NUMBER_MAX; number++) {
        count += gpu_class_set_has(classes, number);
    }
    return count;
}

Test(gpu_class, a_family_has_its_variants_but_no_laptops)
{
    uint8_t classes[CLASS_SET_BYTES] = {0};
    cr_assert_eq(family_size("h100"), 3u);
    cr_assert_eq(family_size("rtx4060ti"), 2u);
    cr_assert_eq(family_size("4060 ti"), 2u);
    cr_assert_eq(family_size("rtx4090"), 1u);
    cr_assert_eq(family_size("rtx3080-12gb"), 1u);
    cr_assert_eq(family_size("rtx9999"), 0u);
    cr_assert_eq(gpu_class_find_family(bytes_of_text("rtx4090"), classes), STATUS_OK);
    cr_assert(gpu_class_set_has(classes, found("rtx4090")->number));
    cr_assert_not(gpu_class_set_has(classes, found("rtx4090-laptop")->number));
    cr_assert_not(gpu_class_set_has(classes, UINT16_MAX));
}

Test(gpu_class, a_mistyped_name_has_a_nearest_one)
{
    cr_assert_str_eq(gpu_class_nearest(bytes_of_text("rtx490")), "rtx4090");
    cr_assert_str_eq(gpu_class_nearest(bytes_of_text("NVIDIA RTX 4009")), "rtx4090");
    cr_assert_null(gpu_class_nearest(bytes_of_text("")));
    cr_assert_null(gpu_class_nearest(bytes_of_text("Iris Xe")));
}

Test(gpu_class, the_table_has_one_byte_form)
{
    static uint8_t first[GPU_CLASS_TABLE_BYTES_MAX];
    static uint8_t second[GPU_CLASS_TABLE_BYTES_MAX];
    struct buffer a;
    struct buffer b;
    buffer_init(&a, first, sizeof first);
    buffer_init(&b, second, sizeof second);
    gpu_class_table_bytes(&a);
    gpu_class_table_bytes(&b);
    cr_assert_not(a.overflowed);
    cr_assert_gt(a.length, gpu_class_count() * 44);
    cr_assert(bytes_equal(buffer_bytes(&a), buffer_bytes(&b)));
    cr_assert_eq(first[3], gpu_class_count());
}

Test(gpu_class, an_h100_is_the_unit_of_every_work)
{
    const struct gpu_class *h100 = found("h100-sxm");
    const struct gpu_class *gamer = found("rtx3060");
    for (unsigned work = 0; work < WORK_COUNT; work++) {
        cr_assert_eq(gpu_unit((enum work)work, h100->fp16_gflops, h100->bandwidth_mb_s),
                     H100E_UNIT);
        cr_assert_eq(gpu_unit((enum work)work, 0, 0), 1u);
        const uint32_t most = gpu_unit((enum work)work, UINT32_MAX, UINT32_MAX);
        cr_assert_gt(most, H100E_UNIT);
    }
    cr_assert_gt(gpu_unit(WORK_INFER, gamer->fp16_gflops, gamer->bandwidth_mb_s),
                 3 * gpu_unit(WORK_TRAIN, gamer->fp16_gflops, gamer->bandwidth_mb_s));
    cr_assert_eq(gpu_unit(WORK_TRAIN, 989400 / 2, 1), H100E_UNIT / 2);
}

Test(gpu_class, a_measured_figure_never_exceeds_the_class)
{
    cr_assert_eq(gpu_class_capped(900, 1000), 900u);
    cr_assert_eq(gpu_class_capped(1100, 1000), 1000u);
    cr_assert_eq(gpu_class_capped(0, 1000), 1000u);
    cr_assert_eq(gpu_class_capped(1100, 0), 1100u);
}
