/* What a lease's job needs to start, with all memory behind it, ready to be handed to a thread. */
#ifndef GPULET_NODE_IO_JOB_SPEC_H
#define GPULET_NODE_IO_JOB_SPEC_H

#include "node/core/effect.h"
#include "node/io/workload.h"

struct job_spec;

/* Copies everything out of the order. `path` is the job's directory. STATUS_BAD_INPUT: the renter's
 * arguments; STATUS_NO_MEMORY. Owned. */
enum status job_spec_make(const struct effect_job *order, const char *path, uid_t first_uid,
                          struct job_spec **ret_spec) MUST_USE;
void job_spec_free(struct job_spec *spec);

/* What all jobs of this node share, borrowed until the job is started: the program that holds it (NULL:
 * this one) and the filter of its system calls (empty: made for it). */
void job_spec_equip(struct job_spec *spec, const char *program, struct bytes filter);

/* Borrowed from the spec. */
const struct workload_spec *job_spec_workload(const struct job_spec *spec);

#endif
