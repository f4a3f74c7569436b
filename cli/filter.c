#include "cli/filter.h"

#include <assert.h>

#include "protocol/gpu_class.h"
#include "protocol/quantity.h"

/* Every value was checked when the command line was read. */
static void
expect(enum status status)
{
    assert(status == STATUS_OK);
}

static void
read_card(const struct invocation *invocation, struct request *request)
{
    const char *value;
    if ((value = option_value(invocation, "gpu")) != NULL) {
        expect(value_read_classes(value, request->classes, NULL));
    }
    if ((value = option_value(invocation, "vendor")) != NULL) {
        expect(value_read_set(&vendor_names, "vendor", value, &request->vendors, NULL));
    }
    if ((value = option_value(invocation, "vram")) != NULL) {
        expect(quantity_parse_size(bytes_of_text(value), &request->vram_min_mib, NULL));
    }
    if ((value = option_value(invocation, "fp16")) != NULL) {
        expect(quantity_parse_speed(bytes_of_text(value), &request->fp16_min_gflops, NULL));
    }
    if ((value = option_value(invocation, "bandwidth")) != NULL) {
        expect(quantity_parse_bandwidth(bytes_of_text(value), &request->bandwidth_min_mb_s, NULL));
    }
    if ((value = option_value(invocation, "cuda")) != NULL) {
        expect(quantity_parse_version(bytes_of_text(value), &request->cuda_min, NULL));
    }
    if ((value = option_value(invocation, "capability")) != NULL) {
        expect(quantity_parse_capability(bytes_of_text(value), &request->capability_min, NULL));
    }
    request->nvlink_min_mb_s = option_is_given(invocation, "nvlink") ? 1 : 0;
}

static void
read_host(const struct invocation *invocation, struct request *request)
{
    const char *value;
    request->same_fabric = option_is_given(invocation, "same-fabric");
    if ((value = option_value(invocation, "region")) != NULL) {
        expect(value_read_set(&region_names, "region", value, &request->regions, NULL));
    }
    if ((value = option_value(invocation, "up")) != NULL) {
        expect(quantity_parse_network_rate(bytes_of_text(value), &request->up_min_mbit_s, NULL));
    }
    if ((value = option_value(invocation, "down")) != NULL) {
        expect(quantity_parse_network_rate(bytes_of_text(value), &request->down_min_mbit_s, NULL));
    }
    if ((value = option_value(invocation, "reliability")) != NULL) {
        expect(quantity_parse_share(bytes_of_text(value), &request->reliability_min_bp, NULL));
    }
    if ((value = option_value(invocation, "isolation")) != NULL) {
        expect(value_read_name(&isolation_names, "isolation", bytes_of_text(value),
                               &request->isolation_min, NULL));
    }
    request->notice_min_s = option_seconds(invocation, "notice", 0);
}

static void
read_terms(const struct invocation *invocation, struct request *request)
{
    const char *value;
    if ((value = option_value(invocation, "work")) != NULL) {
        expect(value_read_name(&work_names, "kind of work", bytes_of_text(value), &request->work,
                               NULL));
    }
    if ((value = option_value(invocation, "max-price")) != NULL) {
        expect(quantity_parse_price(bytes_of_text(value), &request->ask_max_uusd_per_hour, NULL));
    }
    if ((value = option_value(invocation, "max-total")) != NULL) {
        expect(quantity_parse_amount(bytes_of_text(value), &request->total_max_uusd, NULL));
    }
    if ((value = option_value(invocation, "image")) != NULL) {
        request->image = bytes_of_text(value);
    }
    request->interruptible = option_is_given(invocation, "interruptible");
    request->count = (uint16_t)option_count(invocation, "count", request->count);
    request->hosts = (uint16_t)option_count(invocation, "hosts", request->hosts);
    request->gang_min = (uint16_t)option_count(invocation, "gang-min", request->gang_min);
    request->spares = (uint16_t)option_count(invocation, "spares", request->spares);
    request->duration_s = option_seconds(invocation, "for", request->duration_s);
}

/* A limit of zero would mean "any" to the matcher, which is not what was asked for. */
static enum status
check_limits(const struct invocation *invocation, const struct request *request, struct buffer *why)
{
    static const char *const counts[] = {"count", "hosts"};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        if (option_count(invocation, counts[i], 1) == 0) {
            buffer_append_format(why, "--%s is at least 1", counts[i]);
            return STATUS_BAD_INPUT;
        }
    }
    if (request->duration_s == 0) {
        buffer_append_format(why, "--for is at least 1s");
        return STATUS_BAD_INPUT;
    }
    if (option_is_given(invocation, "max-price") &&
        amount_is_zero(request->ask_max_uusd_per_hour)) {
        buffer_append_format(why, "no card is offered for nothing; raise --max-price");
        return STATUS_BAD_INPUT;
    }
    if (option_is_given(invocation, "max-total") && amount_is_zero(request->total_max_uusd)) {
        buffer_append_format(why, "no lease is free; raise --max-total");
        return STATUS_BAD_INPUT;
    }
    return STATUS_OK;
}

static bool
has_any_class(const struct request *request)
{
    for (size_t i = 0; i < CLASS_SET_BYTES; i++) {
        if (request->classes[i] != 0) {
            return true;
        }
    }
    return false;
}

/* What a class falls short of, as the filter's name; NULL when it may fit. */
static const char *
lacks(const struct gpu_class *class, const struct request *request)
{
    if (request->vendors != 0 && (request->vendors >> class->vendor & 1) == 0) {
        return "vendor";
    }
    if (class->vram_mib < request->vram_min_mib) {
        return "vram";
    }
    if (class->fp16_gflops < request->fp16_min_gflops) {
        return "fp16";
    }
    if (class->bandwidth_mb_s < request->bandwidth_min_mb_s) {
        return "bandwidth";
    }
    if (request->cuda_min != 0 && class->vendor != GPU_VENDOR_NVIDIA) {
        return "cuda";
    }
    if (request->nvlink_min_mb_s > class->nvlink_mb_s) {
        return "nvlink";
    }
    return NULL;
}

enum status
filter_check_classes(const struct request *request, struct buffer *why)
{
    const bool chooses = has_any_class(request);
    const char *reason = NULL;
    const struct gpu_class *largest = NULL;
    for (size_t i = 0; i < gpu_class_count(); i++) {
        const struct gpu_class *class = gpu_class_at(i);
        if (chooses && !gpu_class_set_has(request->classes, class->number)) {
            continue;
        }
        const char *lack = lacks(class, request);
        if (lack == NULL) {
            return STATUS_OK;
        }
        reason = lack;
        largest = largest == NULL || class->vram_mib > largest->vram_mib ? class : largest;
    }
    if (reason == NULL) {
        return STATUS_OK;
    }
    buffer_append_format(why, "these filters contradict each other: no %s fits --%s",
                         chooses ? "card of --gpu" : "card of any class", reason);
    if (request->vram_min_mib > largest->vram_mib) {
        buffer_append_format(why, " (the most is ");
        quantity_print_size(why, largest->vram_mib);
        buffer_append_format(why, ", %s)", largest->name);
    }
    return STATUS_BAD_INPUT;
}

enum status
filter_compile(const struct invocation *invocation, struct request *ret_request, struct buffer *why)
{
    struct request request = request_default();
    read_card(invocation, &request);
    read_host(invocation, &request);
    read_terms(invocation, &request);
    enum status status = check_limits(invocation, &request, why);
    if (status == STATUS_OK) {
        status = filter_check_classes(&request, why);
    }
    if (status == STATUS_OK) {
        const char *sentence = NULL;
        status = request_check(&request, &sentence);
        if (status != STATUS_OK) {
            buffer_append_format(why, "%s", sentence != NULL ? sentence : status_text(status));
        }
    }
    if (status == STATUS_OK) {
        *ret_request = request;
    }
    return status == STATUS_OK ? STATUS_OK : STATUS_BAD_INPUT;
}
