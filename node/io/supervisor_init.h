/* The first process inside a sandbox: starts the job's program, tells how it ended, passes signals.
 *
 * It is the supervisor's program again, exec'd by bwrap as the sandbox's pid 1. With it the supervisor learns the
 * true exit status (bwrap folds signals into codes), and can stop every process of the job at once
 * where no cgroup can: pid 1's kill(-1) reaches all of them and no fork slips through.
 */
#ifndef GPULET_NODE_IO_SUPERVISOR_INIT_H
#define GPULET_NODE_IO_SUPERVISOR_INIT_H

#include <stdint.h>

/* Messages of the channel, both ways: one packet each. */
enum init_message_type {
    INIT_HELLO = 1,   /* to supervisor: alive; its credentials carry the pid the host sees */
    INIT_STARTED = 2, /* to supervisor: the job's program was exec'd */
    INIT_FAILED = 3,  /* to supervisor: it could not be, value = errno */
    INIT_EXITED = 4,  /* to supervisor: it ended, value = wait status */
    INIT_STOP = 5,    /* to init: SIGSTOP to every process */
    INIT_CONTINUE = 6,
    INIT_SIGNAL = 7, /* to init: value = signal for the job's program */
    INIT_GO = 8,     /* to init, first of all: the promise is on the disk, start the program */
};

struct init_message {
    uint32_t type;
    uint32_t value;
};

/* gpulet-job --supervise init CHANNEL STDIN STDOUT STDERR PROCESSES DATA -- PROGRAM ARGUMENT...
 * Never returns. */
_Noreturn void supervisor_init_main(int argc, char **argv);

#endif
