#include "cli/request_options.h"

#include <string.h>
#include <time.h>

#include "node/market/where.h"
#include "protocol/gpu_class.h"
#include "protocol/quantity.h"

/* An option and the condition that it stands for; a flag has its value here. */
struct translation {
    const char *option;
    const char *field;
    const char *operation;
    const char *value; /* NULL: the option's */
};

static const struct translation translations[] = {
    {"gpu", "gpu", "=", NULL},
    {"vendor", "vendor", "=", NULL},
    {"vram", "vram", ">=", NULL},
    {"fp16", "fp16", ">=", NULL},
    {"bandwidth", "bandwidth", ">=", NULL},
    {"cuda", "cuda", ">=", NULL},
    {"capability", "capability", ">=", NULL},
    {"nvlink", "nvlink", ">=", "1"},
    {"same-fabric", "fabric", "=", "yes"},
    {"region", "region", "=", NULL},
    {"up", "up", ">=", NULL},
    {"down", "down", ">=", NULL},
    {"reliability", "reliability", ">=", NULL},
    {"work", "work", "=", NULL},
    {"isolation", "isolation", ">=", NULL},
    {"notice", "notice", ">=", NULL},
    {"interruptible", "interruptible", "=", "yes"},
    {"count", "count", "=", NULL},
    {"hosts", "hosts", "=", NULL},
    {"for", "duration", "=", NULL},
    {"max-price", "ask", "<=", NULL},
    {"max-total", "total", "<=", NULL},
};

static enum status
add_options(const struct invocation *invocation, struct where *where, struct buffer *why)
{
    for (size_t i = 0; i < sizeof translations / sizeof translations[0]; i++) {
        const struct translation *known = &translations[i];
        if (!option_is_given(invocation, known->option)) {
            continue;
        }
        const char *value =
            known->value != NULL ? known->value : option_value(invocation, known->option);
        enum status status = where_add(where, bytes_of_text(known->field),
                                       bytes_of_text(known->operation), bytes_of_text(value), why);
        if (status != STATUS_OK) {
            buffer_append_format(why, " (option --%s)", known->option);
            return status;
        }
    }
    return STATUS_OK;
}

static enum status
add_conditions(const struct invocation *invocation, struct where *where, struct buffer *why)
{
    for (size_t i = 0; i < invocation->given_count; i++) {
        const struct given *given = &invocation->given[i];
        if (strcmp(given->name, "where") != 0) {
            continue;
        }
        enum status status = where_parse(where, bytes_of_text(given->value), why);
        if (status != STATUS_OK) {
            return status;
        }
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
request_check_classes(const struct request *request, struct buffer *why)
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

/* A limit of zero would mean "any" to the matcher, which is not what was asked for. */
static enum status
check_limits(const struct invocation *invocation, const struct request *request, struct buffer *why)
{
    if (request->duration_s == 0) {
        buffer_append_format(why, "a lease takes at least 1s (option --for)");
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
    if (option_is_given(invocation, "rank") &&
        option_count(invocation, "rank", 0) >= request->hosts) {
        buffer_append_format(why, "the ranks of %u host%s are 0 to %u (option --rank)",
                             request->hosts, request->hosts == 1 ? "" : "s", request->hosts - 1u);
        return STATUS_BAD_INPUT;
    }
    return request_check_classes(request, why);
}

enum status
request_of_options(const struct invocation *invocation, struct request *ret_request,
                   struct buffer *why)
{
    struct request request = request_default();
    const char *image = option_value(invocation, "image");
    request.gang_min = (uint16_t)option_count(invocation, "gang-min", 0);
    request.spares = (uint16_t)option_count(invocation, "spares", 0);
    request.image = bytes_of_text(image == NULL ? "" : image);
    struct where where = where_start(&request, (uint64_t)time(NULL));
    enum status status = add_options(invocation, &where, why);
    if (status == STATUS_OK) {
        status = add_conditions(invocation, &where, why);
    }
    if (status == STATUS_OK) {
        status = where_finish(&where, &request, why);
    }
    if (status == STATUS_OK) {
        status = check_limits(invocation, &request, why);
    }
    if (status != STATUS_OK) {
        return STATUS_BAD_INPUT;
    }
    *ret_request = request;
    return STATUS_OK;
}
