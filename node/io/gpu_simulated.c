#include "node/io/gpu.h"

#include <stdio.h>
#include <string.h>

#include "protocol/gpu_class.h"
#include "protocol/limits.h"
#include "protocol/quantity.h"

enum { PCIE_3_MB_S = 15754, CUDA_VERSION = 1204 };

/* "rtx4090x2" is two of "rtx4090"; a name that is a class as a whole ("rx6800") is one of it. */
static enum status
read_item(struct bytes item, const struct gpu_class **ret_class, uint64_t *ret_count)
{
    enum status status = gpu_class_find(item, ret_class);
    if (status == STATUS_OK) {
        *ret_count = 1;
        return STATUS_OK;
    }
    size_t x = item.length;
    while (x > 0 && item.data[x - 1] != 'x' && item.data[x - 1] != 'X') {
        x--;
    }
    if (x < 2 || x == item.length) {
        return status;
    }
    const struct bytes digits = bytes_of(item.data + x, item.length - x);
    if (quantity_parse_count(digits, GPUS_MAX, ret_count, NULL) != STATUS_OK || *ret_count == 0) {
        return status;
    }
    return gpu_class_find(bytes_of(item.data, x - 1), ret_class);
}

static void
fill_card(const struct gpu_class *kind, struct gpu *gpu)
{
    *gpu = (struct gpu){.gpu_class = kind->number,
                        .vram_mib = kind->vram_mib,
                        .fp16_gflops = kind->fp16_gflops,
                        .bandwidth_mb_s = kind->bandwidth_mb_s,
                        .cuda = kind->vendor == GPU_VENDOR_NVIDIA ? CUDA_VERSION : 0,
                        .capability = kind->capability,
                        .nvlink_mb_s = kind->nvlink_mb_s,
                        .simulated = true};
    if (kind->pcie_gen >= 3 && kind->pcie_gen < 8) {
        gpu->pcie_mb_s = (uint32_t)PCIE_3_MB_S << (kind->pcie_gen - 3);
    }
    snprintf(gpu->model, sizeof gpu->model, "%s", kind->title);
    snprintf(gpu->driver, sizeof gpu->driver, "simulated");
}

/* The group of equal cards before this one, or the next new number. */
static uint16_t
group_of(const struct gpu *list, size_t count, uint16_t gpu_class)
{
    uint16_t next = 0;
    for (size_t i = 0; i < count; i++) {
        if (list[i].gpu_class == gpu_class) {
            return list[i].slot_group;
        }
        next = list[i].slot_group >= next ? (uint16_t)(list[i].slot_group + 1) : next;
    }
    return next;
}

static void
say_unknown(enum status status, struct bytes item, struct buffer *why)
{
    const char *meant = gpu_class_nearest(item);
    const int length = (int)(item.length > 60 ? 60 : item.length);
    buffer_append_format(why, "\"%.*s\" %s", length, (const char *)item.data,
                         status == STATUS_AMBIGUOUS ? "fits several kinds of GPU"
                                                    : "is no kind of GPU that is known");
    if (meant != NULL) {
        buffer_append_format(why, "; did you mean %s?", meant);
    }
}

static enum status
add_item(struct bytes item, struct gpu *list, size_t *count, struct buffer *why)
{
    const struct gpu_class *kind = NULL;
    uint64_t wanted = 0;
    const enum status status = read_item(item, &kind, &wanted);
    if (status != STATUS_OK) {
        say_unknown(status, item, why);
        return status;
    }
    const uint16_t group = group_of(list, *count, kind->number);
    if (*count + wanted > GPUS_MAX || group >= SLOT_GROUPS_MAX) {
        buffer_append_format(why, "too many cards: at most %d of %u kinds", GPUS_MAX,
                             SLOT_GROUPS_MAX);
        return STATUS_LIMIT;
    }
    for (uint64_t i = 0; i < wanted; i++) {
        fill_card(kind, &list[*count]);
        list[*count].number = (uint16_t)*count;
        list[*count].slot_group = group;
        (*count)++;
    }
    return STATUS_OK;
}

enum status
gpus_simulate(struct bytes list, struct gpu ret_list[GPUS_MAX], size_t *ret_count,
              struct buffer *why)
{
    size_t count = 0;
    enum status status = STATUS_OK;
    size_t from = 0;
    while (from < list.length && status == STATUS_OK) {
        size_t to = from;
        while (to < list.length && list.data[to] != ',') {
            to++;
        }
        size_t end = to;
        while (from < end && list.data[from] == ' ') {
            from++;
        }
        while (end > from && list.data[end - 1] == ' ') {
            end--;
        }
        status = add_item(bytes_of(list.data + from, end - from), ret_list, &count, why);
        from = to + 1;
    }
    if (status == STATUS_OK) {
        *ret_count = count;
    }
    return status;
}
