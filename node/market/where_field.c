#include "node/market/where_field.h"

#include <assert.h>
#include <string.h>

#include "protocol/gpu_class.h"
#include "protocol/nearest.h"
#include "protocol/quantity.h"

#define OPERATORS_AT_LEAST ">= >"
#define OPERATORS_AT_MOST "<= <"
#define OPERATORS_EQUAL "="

#define RULE(title, how, limit, m, table, sample, text)                                            \
    {                                                                                              \
        .field = {.name = (title),                                                                 \
                  .operators = OPERATORS_##limit,                                                  \
                  .example = (sample),                                                             \
                  .help = (text)},                                                                 \
        .kind = WHERE_##how, .bound = BOUND_##limit, .member = #m,                                 \
        .offset = offsetof(struct request, m), .size = sizeof(((struct request *)NULL)->m),        \
        .names = (table)                                                                           \
    }

const struct where_rule where_rules[] = {
    RULE("gpu", CLASSES, EQUAL, classes, NULL, "rtx4090,rtx3090", "one of these cards"),
    RULE("vendor", SET, EQUAL, vendors, &vendor_names, "nvidia,amd", "one of these makers"),
    RULE("vram", SIZE, AT_LEAST, vram_min_mib, NULL, "24GiB", "memory of one GPU"),
    RULE("fp16", SPEED, AT_LEAST, fp16_min_gflops, NULL, "100", "dense fp16 TFLOPS of one GPU"),
    RULE("bandwidth", BANDWIDTH, AT_LEAST, bandwidth_min_mb_s, NULL, "800",
         "GB/s of one GPU's memory"),
    RULE("capability", CAPABILITY, AT_LEAST, capability_min, NULL, "8.9",
         "compute capability, or an AMD card's gfx number"),
    RULE("cuda", VERSION, AT_LEAST, cuda_min, NULL, "12.4", "CUDA or ROCm version"),
    RULE("nvlink", BANDWIDTH, AT_LEAST, nvlink_min_mb_s, NULL, "100",
         "GB/s between the GPUs of a host"),
    RULE("pcie", BANDWIDTH, AT_LEAST, pcie_min_mb_s, NULL, "16",
         "GB/s between a GPU and main memory"),
    RULE("up", NETWORK_RATE, AT_LEAST, up_min_mbit_s, NULL, "100", "Mbit/s to the internet"),
    RULE("down", NETWORK_RATE, AT_LEAST, down_min_mbit_s, NULL, "500", "Mbit/s from the internet"),
    RULE("cpu", NUMBER, AT_LEAST, cpu_threads_min, NULL, "8", "CPU threads for one GPU"),
    RULE("ram", SIZE, AT_LEAST, ram_min_mib, NULL, "32GiB", "main memory for one GPU"),
    RULE("disk", SIZE, AT_LEAST, disk_min_mib, NULL, "100GiB", "disk space for one GPU"),
    RULE("count", NUMBER, EQUAL, count, NULL, "2", "GPUs in one host"),
    RULE("hosts", NUMBER, EQUAL, hosts, NULL, "4", "hosts of one job"),
    RULE("fabric", YES_NO, EQUAL, same_fabric, NULL, "yes", "all hosts on one fast network"),
    RULE("work", NAME, EQUAL, work, &work_names, "train", "what the GPUs are for"),
    RULE("ask", PRICE, AT_MOST, ask_max_uusd_per_hour, NULL, "0.40", "USD for a GPU-hour"),
    RULE("unit", PRICE, AT_MOST, unit_max_uusd_per_hour, NULL, "2.50",
         "USD for the work of one H100 in an hour"),
    RULE("total", AMOUNT, AT_MOST, total_max_uusd, NULL, "20", "USD for everything"),
    RULE("duration", SECONDS, EQUAL, duration_s, NULL, "2h", "how long it runs"),
    RULE("duration_min", SECONDS, EQUAL, duration_min_s, NULL, "30m",
         "the shortest run that is of use"),
    RULE("guaranteed", FROM_NOW, AT_LEAST, guaranteed_until_s, NULL, "6h",
         "how long from now the host is open"),
    RULE("interruptible", YES_NO, EQUAL, interruptible, NULL, "yes", "may be interrupted, cheaper"),
    RULE("notice", SECONDS, AT_LEAST, notice_min_s, NULL, "30s", "warning before a reclaim"),
    RULE("minimum_run", SECONDS, AT_LEAST, minimum_run_min_s, NULL, "1h", "time without a reclaim"),
    RULE("reclaims", NUMBER, AT_MOST, reclaims_max_per_day, NULL, "1", "reclaims in a day"),
    RULE("reliability", SHARE, AT_LEAST, reliability_min_bp, NULL, "95",
         "per cent, from other renters' receipts"),
    RULE("region", SET, EQUAL, regions, &region_names, "eu,na", "one of these regions"),
    RULE("flags", SET, EQUAL, flags_required, &listing_flag_names, "ecc,fp8", "all of these"),
    RULE("isolation", NAME, AT_LEAST, isolation_min, &isolation_names, "container",
         "how well jobs are kept apart"),
};

const size_t where_rule_count = sizeof where_rules / sizeof where_rules[0];

void
where_say_nearest(struct buffer *why, struct bytes text, const char *what, const char *nearest)
{
    if (why == NULL) {
        return;
    }
    const size_t shown = text.length < NEAREST_LENGTH_MAX ? text.length : NEAREST_LENGTH_MAX;
    buffer_append_format(why, "there is no %s '%.*s'", what, (int)shown,
                         shown == 0 ? "" : (const char *)text.data);
    if (nearest != NULL) {
        buffer_append_format(why, "; did you mean '%s'?", nearest);
    }
}

static enum status
parse_money(const struct where_rule *rule, struct bytes text, uint64_t *ret_value,
            struct buffer *why)
{
    struct amount amount;
    const enum status status = rule->kind == WHERE_PRICE
                                   ? quantity_parse_price(text, &amount, why)
                                   : quantity_parse_amount(text, &amount, why);
    if (status == STATUS_OK) {
        *ret_value = (uint64_t)amount_micro(amount);
    }
    return status;
}

static enum status
parse_16(const struct where_rule *rule, struct bytes text, uint64_t *ret_value, struct buffer *why)
{
    uint16_t value = 0;
    const enum status status = rule->kind == WHERE_SHARE ? quantity_parse_share(text, &value, why)
                               : rule->kind == WHERE_VERSION
                                   ? quantity_parse_version(text, &value, why)
                                   : quantity_parse_capability(text, &value, why);
    if (status == STATUS_OK) {
        *ret_value = value;
    }
    return status;
}

static enum status
parse_32(const struct where_rule *rule, struct bytes text, uint64_t *ret_value, struct buffer *why)
{
    uint32_t value = 0;
    enum status status;
    if (rule->kind == WHERE_SIZE) {
        status = quantity_parse_size(text, &value, why);
    } else if (rule->kind == WHERE_SPEED) {
        status = quantity_parse_speed(text, &value, why);
    } else if (rule->kind == WHERE_BANDWIDTH) {
        status = quantity_parse_bandwidth(text, &value, why);
    } else if (rule->kind == WHERE_NETWORK_RATE) {
        status = quantity_parse_network_rate(text, &value, why);
    } else {
        status = quantity_parse_seconds(text, &value, why);
    }
    if (status == STATUS_OK) {
        *ret_value = value;
    }
    return status;
}

static enum status
parse_name(const struct where_rule *rule, struct bytes text, uint64_t *ret_value,
           struct buffer *why)
{
    uint8_t value = 0;
    if (name_table_find(rule->names, text, &value) != STATUS_OK) {
        where_say_nearest(why, text, rule->field.name,
                          nearest_name(text, rule->names->names, rule->names->count));
        return STATUS_BAD_INPUT;
    }
    *ret_value = value;
    return STATUS_OK;
}

static enum status
parse_yes_no(struct bytes text, uint64_t *ret_value, struct buffer *why)
{
    if (!bytes_are_text(text, "yes") && !bytes_are_text(text, "no")) {
        if (why != NULL) {
            buffer_append_format(why, "say yes or no");
        }
        return STATUS_BAD_INPUT;
    }
    *ret_value = bytes_are_text(text, "yes");
    return STATUS_OK;
}

/* Takes the part before the next comma off the list; false at its end. */
static bool
next_item(struct bytes *list, bool *is_over, struct bytes *ret_item)
{
    size_t length = 0;
    if (*is_over) {
        return false;
    }
    while (length < list->length && list->data[length] != ',') {
        length++;
    }
    *ret_item = bytes_of(list->data, length);
    *is_over = length == list->length;
    *list =
        *is_over ? bytes_of(NULL, 0) : bytes_of(list->data + length + 1, list->length - length - 1);
    return true;
}

static enum status
parse_set(const struct where_rule *rule, struct bytes text, uint64_t *ret_value, struct buffer *why)
{
    struct bytes item;
    bool is_over = false;
    uint64_t set = 0;
    while (next_item(&text, &is_over, &item)) {
        uint64_t bit = 0;
        const enum status status = parse_name(rule, item, &bit, why);
        if (status != STATUS_OK) {
            return status;
        }
        set |= UINT64_C(1) << bit;
    }
    *ret_value = set;
    return STATUS_OK;
}

enum status
where_parse_classes(struct bytes text, uint8_t ret_classes[CLASS_SET_BYTES], struct buffer *why)
{
    struct bytes item;
    bool is_over = false;
    uint8_t classes[CLASS_SET_BYTES] = {0};
    while (next_item(&text, &is_over, &item)) {
        if (gpu_class_find_family(item, classes) != STATUS_OK) {
            where_say_nearest(why, item, "GPU", gpu_class_nearest(item));
            return STATUS_BAD_INPUT;
        }
    }
    memcpy(ret_classes, classes, sizeof classes);
    return STATUS_OK;
}

enum status
where_parse_value(const struct where_rule *rule, struct bytes text, uint64_t *ret_value,
                  struct buffer *why)
{
    switch (rule->kind) {
    case WHERE_SIZE:
    case WHERE_SPEED:
    case WHERE_BANDWIDTH:
    case WHERE_NETWORK_RATE:
    case WHERE_SECONDS:
    case WHERE_FROM_NOW:
        return parse_32(rule, text, ret_value, why);
    case WHERE_VERSION:
    case WHERE_CAPABILITY:
    case WHERE_SHARE:
        return parse_16(rule, text, ret_value, why);
    case WHERE_PRICE:
    case WHERE_AMOUNT:
        return parse_money(rule, text, ret_value, why);
    case WHERE_NAME:
        return parse_name(rule, text, ret_value, why);
    case WHERE_SET:
        return parse_set(rule, text, ret_value, why);
    case WHERE_YES_NO:
        return parse_yes_no(text, ret_value, why);
    case WHERE_NUMBER:
    case WHERE_CLASSES:
        break;
    }
    return quantity_parse_count(text, UINT32_MAX, ret_value, why);
}

/* Writes a number to its member, whose width the table knows. */
void
where_store(struct request *request, const struct where_rule *rule, uint64_t value)
{
    uint8_t *member = (uint8_t *)request + rule->offset;
    if (rule->kind == WHERE_PRICE || rule->kind == WHERE_AMOUNT) {
        struct amount amount = amount_zero();
        if (amount_of_micro((int64_t)value, &amount) == STATUS_OK) {
            memcpy(member, &amount, sizeof amount);
        }
    } else if (rule->kind == WHERE_YES_NO) {
        const bool flag = value != 0;
        memcpy(member, &flag, sizeof flag);
    } else if (rule->size == sizeof(uint8_t)) {
        *member = (uint8_t)value;
    } else if (rule->size == sizeof(uint16_t)) {
        const uint16_t number = (uint16_t)value;
        memcpy(member, &number, sizeof number);
    } else if (rule->size == sizeof(uint32_t)) {
        const uint32_t number = (uint32_t)value;
        memcpy(member, &number, sizeof number);
    } else {
        assert(rule->size == sizeof value);
        memcpy(member, &value, sizeof value);
    }
}
