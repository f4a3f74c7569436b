/* The clocks and the random source: what the core is told and never asks. */
#ifndef GPULET_NODE_IO_CLOCK_H
#define GPULET_NODE_IO_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/moment.h"

/* Both clocks, now. */
struct moment clock_now(void);

/* CLOCK_BOOTTIME in milliseconds. */
int64_t clock_boot_ms(void);

/* Names this boot of the machine: another number after a reboot, the same until then. */
uint64_t clock_boot_id(void);

/* Fills memory from the kernel's random source; ends the program when there is none. */
void random_fill(void *memory, size_t length);

/* A random number below `limit`, for jitter; limit at least 1. */
uint64_t random_below(uint64_t limit);

#endif
