/* The rows behind protocol/gpu_class.h; only protocol/gpu_class.c includes this. */
#ifndef GPULET_PROTOCOL_GPU_CLASS_TABLE_H
#define GPULET_PROTOCOL_GPU_CLASS_TABLE_H

#include <stddef.h>

#include "protocol/gpu_class.h"

extern const struct gpu_class gpu_class_table[];
extern const size_t gpu_class_table_count;

#endif
