/* The owner of simulated cards: on test networks a file stands for the game that would be noticed. */
#ifndef GPULET_NODE_IO_OWNER_SIMULATED_H
#define GPULET_NODE_IO_OWNER_SIMULATED_H

#include <stddef.h>
#include <stdint.h>

/* Which of the first `gpu_count` cards the owner uses, one bit each, by the file `owner-uses` in the data
 * directory: numbers with anything between them, or "all". 0 when there is no such file. */
uint64_t owner_simulated(const char *data_dir, size_t gpu_count);

#endif
