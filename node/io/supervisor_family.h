/* Signals to a process's descendants, where no cgroup reaches them. */
#ifndef GPULET_NODE_IO_SUPERVISOR_FAMILY_H
#define GPULET_NODE_IO_SUPERVISOR_FAMILY_H

#include <stddef.h>
#include <sys/types.h>

/* Sends the signal to every descendant of the process, not to itself, and returns to how many. One
 * that forks meanwhile may leave a child out: the sandbox's first process gets those, in its own
 * time. Among hundreds of busy processes that time is long, which is why we do not wait for it. */
size_t family_signal(pid_t ancestor, int signal_number);

#endif
