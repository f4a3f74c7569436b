#include <criterion/criterion.h>

#include "node/io/supervisor_meter.h"

static struct meter
started_meter(uint64_t run_ms_limit)
{
    struct meter meter = {.run_ms_limit = run_ms_limit, .end_boot_ms = INT64_MAX};
    meter_start(&meter, 1000);
    return meter;
}

Test(supervisor_meter, counts_from_exec_to_exit_less_frozen_time)
{
    struct meter meter = {.run_ms_limit = 1000000, .end_boot_ms = INT64_MAX};
    cr_assert_eq(meter_run_ms(&meter, 5000), 0);
    meter_start(&meter, 10000);
    cr_assert_eq(meter_run_ms(&meter, 10250), 250);
    meter_set_frozen(&meter, true, 10300);
    cr_assert_eq(meter_run_ms(&meter, 20000), 300);
    cr_assert_eq(meter_frozen_ms(&meter, 20000), 9700);
    meter_set_frozen(&meter, false, 20000);
    cr_assert_eq(meter_run_ms(&meter, 20001), 301);
    meter_stop(&meter, 20050);
    cr_assert_eq(meter_run_ms(&meter, 99999), 350);
    cr_assert_eq(meter_frozen_ms(&meter, 99999), 9700);
    meter_set_frozen(&meter, true, 100000);
    cr_assert_eq(meter_run_ms(&meter, 200000), 350);
}

Test(supervisor_meter, looking_changes_nothing)
{
    struct meter meter = started_meter(100);
    for (int64_t now = 1000; now < 1050; now++) {
        cr_assert_eq(meter_run_ms(&meter, now), (uint64_t)(now - 1000));
    }
    cr_assert_eq(meter_run_ms(&meter, 1010), 10);
}

Test(supervisor_meter, freezes_at_the_limit_and_not_before)
{
    struct meter meter = started_meter(500);
    cr_assert_eq(meter_judge(&meter, 1499, 0), METER_RUN);
    cr_assert_eq(meter_wait_ms(&meter, 1499, 0, 1000), 1);
    cr_assert_eq(meter_judge(&meter, 1500, 0), METER_FREEZE);
    cr_assert(meter.is_unpaid);
    meter_set_frozen(&meter, true, 1500);
    meter.run_ms_limit = 501;
    cr_assert_eq(meter_judge(&meter, 9000, 0), METER_RUN);
    cr_assert_not(meter.is_unpaid);
}

Test(supervisor_meter, kills_what_stays_unpaid)
{
    struct meter meter = started_meter(500);
    meter.unpaid_kill_ms = 300;
    cr_assert_eq(meter_judge(&meter, 1500, 0), METER_FREEZE);
    meter_set_frozen(&meter, true, 1500);
    cr_assert_eq(meter_judge(&meter, 1799, 0), METER_FREEZE);
    cr_assert_eq(meter_wait_ms(&meter, 1799, 0, 1000), 1);
    cr_assert_eq(meter_judge(&meter, 1800, 0), METER_KILL_UNPAID);
    /* Paid in between: the time begins anew. */
    meter.run_ms_limit = 600;
    cr_assert_eq(meter_judge(&meter, 1800, 0), METER_RUN);
    meter.run_ms_limit = 500;
    cr_assert_eq(meter_judge(&meter, 1900, 0), METER_FREEZE);
    cr_assert_eq(meter_judge(&meter, 2199, 0), METER_FREEZE);
    cr_assert_eq(meter_judge(&meter, 2200, 0), METER_KILL_UNPAID);
    meter.unpaid_kill_ms = 0;
    cr_assert_eq(meter_judge(&meter, INT64_MAX, 0), METER_FREEZE);
}

Test(supervisor_meter, daemons_freeze_holds_and_end_of_lease_beats_all)
{
    struct meter meter = started_meter(1000000);
    meter.frozen_by_daemon = true;
    meter.end_boot_ms = 7000;
    cr_assert_eq(meter_judge(&meter, 1001, 6999), METER_FREEZE);
    cr_assert_eq(meter_wait_ms(&meter, 1001, 6999, 1000), 1);
    cr_assert_eq(meter_judge(&meter, 1001, 7000), METER_KILL_LEASE_OVER);
    cr_assert_eq(meter_wait_ms(&meter, 1001, 7000, 1000), 0);
}

Test(supervisor_meter, never_waits_longer_than_asked_nor_less_than_nothing)
{
    static const uint64_t limits[] = {0, 1, 500, UINT64_MAX};
    static const int64_t ends[] = {INT64_MIN, 0, 1500, INT64_MAX};
    static const uint64_t kills[] = {0, 1, UINT64_MAX};
    static const int64_t nows[] = {0, 1000, 1499, 5000, INT64_MAX};
    for (size_t i = 0; i < 4 * 4 * 3 * 5 * 2; i++) {
        struct meter meter = started_meter(limits[i % 4]);
        meter.end_boot_ms = ends[i / 4 % 4];
        meter.unpaid_kill_ms = kills[i / 16 % 3];
        const int64_t now = nows[i / 48 % 5];
        const enum meter_verdict verdict = meter_judge(&meter, now, now);
        meter_set_frozen(&meter, i / 240 == 1, now);
        const int64_t wait = meter_wait_ms(&meter, now, now, 1000);
        cr_assert_geq(wait, 0);
        cr_assert_leq(wait, 1000);
        /* Nothing due and nothing that changes by itself: no turning in circles. */
        if (verdict == METER_FREEZE && meter.unpaid_kill_ms == 0) {
            cr_assert_gt(wait, 0);
        }
    }
}
