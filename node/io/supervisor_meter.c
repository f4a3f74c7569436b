#include "node/io/supervisor_meter.h"

/* Adds the time since the last change to the right sum. */
static void
settle(struct meter *meter, int64_t now_ms)
{
    if (meter->is_started && !meter->is_stopped && now_ms > meter->since_ms) {
        const uint64_t passed = (uint64_t)(now_ms - meter->since_ms);
        if (meter->is_frozen) {
            meter->frozen_ms += passed;
        } else {
            meter->run_ms += passed;
        }
    }
    meter->since_ms = now_ms;
}

void
meter_start(struct meter *meter, int64_t now_ms)
{
    meter->is_started = true;
    meter->since_ms = now_ms;
}

void
meter_set_frozen(struct meter *meter, bool is_frozen, int64_t now_ms)
{
    settle(meter, now_ms);
    meter->is_frozen = is_frozen;
}

void
meter_stop(struct meter *meter, int64_t now_ms)
{
    settle(meter, now_ms);
    meter->is_stopped = true;
}

uint64_t
meter_run_ms(const struct meter *meter, int64_t now_ms)
{
    struct meter copy = *meter;
    settle(&copy, now_ms);
    return copy.run_ms;
}

uint64_t
meter_frozen_ms(const struct meter *meter, int64_t now_ms)
{
    struct meter copy = *meter;
    settle(&copy, now_ms);
    return copy.frozen_ms;
}

enum meter_verdict
meter_judge(struct meter *meter, int64_t now_ms, int64_t now_boot_ms)
{
    const bool is_unpaid = meter_run_ms(meter, now_ms) >= meter->run_ms_limit;
    if (is_unpaid && !meter->is_unpaid) {
        meter->unpaid_since_ms = now_ms;
    }
    meter->is_unpaid = is_unpaid;
    if (now_boot_ms >= meter->end_boot_ms) {
        return METER_KILL_LEASE_OVER;
    }
    if (is_unpaid && meter->unpaid_kill_ms > 0 &&
        now_ms - meter->unpaid_since_ms >= (int64_t)meter->unpaid_kill_ms) {
        return METER_KILL_UNPAID;
    }
    return is_unpaid || meter->frozen_by_daemon ? METER_FREEZE : METER_RUN;
}

/* The smaller of two waits, the first of which may be long over. */
static int64_t
sooner(int64_t wait_ms, int64_t most_ms)
{
    if (wait_ms < 0) {
        return 0;
    }
    return wait_ms < most_ms ? wait_ms : most_ms;
}

int64_t
meter_wait_ms(const struct meter *meter, int64_t now_ms, int64_t now_boot_ms, int64_t most_ms)
{
    int64_t wait_ms = most_ms;
    if (meter->end_boot_ms <= now_boot_ms) {
        return 0;
    }
    if (now_boot_ms > INT64_MAX - most_ms || meter->end_boot_ms < now_boot_ms + most_ms) {
        wait_ms = sooner(meter->end_boot_ms - now_boot_ms, wait_ms);
    }
    if (meter->is_unpaid && meter->unpaid_kill_ms > 0 && meter->unpaid_kill_ms < INT64_MAX) {
        const int64_t passed = now_ms - meter->unpaid_since_ms;
        wait_ms = sooner((int64_t)meter->unpaid_kill_ms - passed, wait_ms);
    }
    if (meter->is_started && !meter->is_frozen && !meter->is_stopped && !meter->is_unpaid) {
        const uint64_t run_ms = meter_run_ms(meter, now_ms);
        const uint64_t left = meter->run_ms_limit > run_ms ? meter->run_ms_limit - run_ms : 0;
        if (left < (uint64_t)wait_ms) {
            wait_ms = (int64_t)left;
        }
    }
    return wait_ms;
}
