/* How long a job ran, and when it must stop: plain arithmetic over the times it is told. */
#ifndef GPULET_NODE_IO_SUPERVISOR_METER_H
#define GPULET_NODE_IO_SUPERVISOR_METER_H

#include <stdbool.h>
#include <stdint.h>

/* Times are ms of CLOCK_MONOTONIC, which stands still while the machine sleeps, except `end_boot_ms`
 * and `now_boot_ms` of CLOCK_BOOTTIME. */
struct meter {
    uint64_t run_ms;    /* up to `since_ms` */
    uint64_t frozen_ms; /* the same */
    int64_t since_ms;
    bool is_started;
    bool is_frozen;
    bool is_stopped;
    bool frozen_by_daemon;
    uint64_t run_ms_limit;
    int64_t end_boot_ms;
    uint64_t unpaid_kill_ms; /* 0: never for this reason */
    int64_t unpaid_since_ms; /* when is_unpaid */
    bool is_unpaid;
};

enum meter_verdict {
    METER_RUN,
    METER_FREEZE,
    METER_KILL_LEASE_OVER,
    METER_KILL_UNPAID,
};

void meter_start(struct meter *meter, int64_t now_ms);
/* The job was frozen, or runs again. */
void meter_set_frozen(struct meter *meter, bool is_frozen, int64_t now_ms);
/* The job is over; nothing counts any more. */
void meter_stop(struct meter *meter, int64_t now_ms);
uint64_t meter_run_ms(const struct meter *meter, int64_t now_ms);
uint64_t meter_frozen_ms(const struct meter *meter, int64_t now_ms);

/* What must be done with the job now. Notes since when it is unpaid. */
enum meter_verdict meter_judge(struct meter *meter, int64_t now_ms, int64_t now_boot_ms);

/* In how many ms the verdict can change by itself; `most_ms` when not before. */
int64_t meter_wait_ms(const struct meter *meter, int64_t now_ms, int64_t now_boot_ms,
                      int64_t most_ms);

#endif
