/* The host's side of a running lease: one start, the meter, payment, reclaim, restarts and the last word. */
#include <criterion/criterion.h>
#include <string.h>

#include "protocol/codec.h"
#include "protocol/lease_state.h"
#include "tests/core/tenant.h"

static struct lease_row
row_of(const struct node *node, const struct tenant *tenant)
{
    struct lease_row row;
    cr_assert(tenant_row(node, tenant, &row));
    return row;
}

static int64_t
posted(const struct node *node, const struct tenant *tenant)
{
    return amount_micro(row_of(node, tenant).posted_uusd);
}

static struct node *
leased_node(struct tenant *ret_tenant)
{
    struct node *node = tenant_node(1, ret_tenant);
    const struct hold hold = tenant_hold(node, ret_tenant);
    tenant_say_hold(node, ret_tenant, &hold);
    cr_assert(tenant_take_held(node, ret_tenant));
    tenant_confirm(node, ret_tenant);
    return node;
}

static struct node *
running_node(struct tenant *ret_tenant)
{
    struct node *node = tenant_node(1, ret_tenant);
    tenant_run(node, ret_tenant);
    return node;
}

/* Lets the job run on to `run_ms`, told each second, as its supervisor does. */
static void
run_until(struct node *node, struct tenant *tenant, uint64_t from_ms, uint64_t run_ms)
{
    for (uint64_t at = from_ms; at < run_ms;) {
        at = at + 1000 < run_ms ? at + 1000 : run_ms;
        node_wait(node, 1000);
        tenant_job(node, tenant, JOB_RUNNING, at);
    }
}

static void
reconnect(struct node *node, struct tenant *tenant)
{
    stranger_connect(node, &tenant->stranger);
    node_wait(node, 300);
}

Test(job, start_twice_starts_one_job)
{
    struct tenant tenant;
    struct node *node = leased_node(&tenant);
    tenant_start(node, &tenant, 1000);
    cr_assert_eq(node->effect_counts[EFFECT_JOB_START], 1u);
    tenant_start(node, &tenant, 1000);
    tenant_job(node, &tenant, JOB_RUNNING, 0);
    tenant_start(node, &tenant, 5000);
    cr_assert_eq(node->effect_counts[EFFECT_JOB_START], 1u);
    cr_assert_geq(node_count_sent(node, tenant.stranger.link, MESSAGE_STARTED), 2u,
                  "the stored answer is repeated");
    cr_assert_eq(tenant_state(node, &tenant), LEASE_ACTIVE);
    node_free(node);
}

Test(job, a_first_voucher_that_does_not_pay_the_first_interval_starts_nothing)
{
    static const int64_t vouchers[] = {0, 1, 999};
    for (size_t i = 0; i < sizeof vouchers / sizeof vouchers[0]; i++) {
        struct tenant tenant;
        struct node *node = leased_node(&tenant);
        tenant_start(node, &tenant, vouchers[i]);
        cr_assert_eq(node->effect_counts[EFFECT_JOB_START], 0u);
        cr_assert_eq(tenant_refusal(node, &tenant, NULL), REFUSAL_PRICE);
        cr_assert_eq(tenant_state(node, &tenant), LEASE_LEASED);
        node_free(node);
    }
}

Test(job, nobody_starts_or_ends_anothers_lease)
{
    struct tenant tenant;
    struct tenant thief;
    struct node *node = leased_node(&tenant);
    tenant_arrive(node, &thief, "thief");
    thief.lease = tenant.lease;
    tenant_start(node, &thief, 1000);
    cr_assert_eq(tenant_refusal(node, &thief, NULL), REFUSAL_NOT_YOURS);
    cr_assert_eq(node->effect_counts[EFFECT_JOB_START], 0u);
    tenant_start(node, &tenant, 1000);
    tenant_job(node, &tenant, JOB_RUNNING, 0);
    tenant_end(node, &thief);
    tenant_pay(node, &thief, 2, 4000);
    cr_assert_eq(tenant_state(node, &tenant), LEASE_ACTIVE);
    cr_assert_eq(amount_micro(row_of(node, &tenant).voucher_uusd), 1000);
    node_free(node);
}

Test(job, the_job_may_run_as_long_as_is_paid_and_no_longer)
{
    struct tenant tenant;
    struct node *node = leased_node(&tenant);
    tenant_start(node, &tenant, 1550);
    cr_assert_eq(node->last_job.paid_run_ms, 15509u, "the last ms that costs no more");
    cr_assert_eq(node->last_job.unpaid_s, 30u, "three intervals, also when no daemon is there");
    node_free(node);
    node = leased_node(&tenant);
    tenant_start(node, &tenant, 900000);
    cr_assert_eq(node->last_job.paid_run_ms, 60000u, "the lease itself ends at 60 s");
    node_free(node);
}

Test(job, a_lower_or_older_voucher_changes_nothing)
{
    static const struct {
        uint32_t number;
        int64_t amount;
        bool counts;
    } vouchers[] = {{2, 2000, true}, {3, 1999, false}, {2, 3000, false}, {1, 5000, false},
                    {4, 2500, true}, {4, 2500, false}, {9, 2600, true},  {5, 2700, false}};
    struct tenant tenant;
    struct node *node = running_node(&tenant);
    int64_t highest = 1000;
    for (size_t i = 0; i < sizeof vouchers / sizeof vouchers[0]; i++) {
        const unsigned paid = node->effect_counts[EFFECT_JOB_PAY];
        tenant_pay(node, &tenant, vouchers[i].number, vouchers[i].amount);
        highest = vouchers[i].counts ? vouchers[i].amount : highest;
        cr_assert_eq(amount_micro(row_of(node, &tenant).voucher_uusd), highest, "voucher %zu", i);
        cr_assert_eq(node->effect_counts[EFFECT_JOB_PAY] - paid, vouchers[i].counts ? 1u : 0u,
                     "voucher %zu", i);
    }
    node_free(node);
}

Test(job, the_meter_books_what_ran_and_never_more_than_was_promised)
{
    struct tenant tenant;
    struct node *node = running_node(&tenant);
    run_until(node, &tenant, 0, 6000);
    node_wait(node, 2500);
    cr_assert_eq(posted(node, &tenant), 600);
    tenant_job(node, &tenant, JOB_RUNNING, 30000); /* a supervisor that counts too much */
    node_wait(node, 2500);
    cr_assert_eq(posted(node, &tenant), 1000, "the voucher bounds it");
    cr_assert_geq(node_count_sent(node, tenant.stranger.link, MESSAGE_SIGNED), 2u);
    node_free(node);
}

Test(job, an_unpaid_job_is_frozen_thawed_by_a_voucher_and_killed_when_none_comes)
{
    struct tenant tenant;
    struct node *node = running_node(&tenant);
    run_until(node, &tenant, 0, 10000);
    tenant_job(node, &tenant, JOB_FROZEN, 10009);
    cr_assert_eq(tenant_state(node, &tenant), LEASE_FROZEN);
    tenant_pay(node, &tenant, 2, 1000);
    cr_assert_eq(tenant_state(node, &tenant), LEASE_FROZEN, "it pays no more than what has run");
    cr_assert_eq(node->effect_counts[EFFECT_JOB_THAW], 0u);
    tenant_pay(node, &tenant, 3, 2000);
    cr_assert_eq(tenant_state(node, &tenant), LEASE_ACTIVE);
    cr_assert_eq(node->effect_counts[EFFECT_JOB_THAW], 1u);
    run_until(node, &tenant, 10009, 20000);
    tenant_job(node, &tenant, JOB_FROZEN, 20009);
    cr_assert_eq(tenant_state(node, &tenant), LEASE_FROZEN);
    node_wait(node, 3 * TENANT_INTERVAL_MS - 1000);
    cr_assert_eq(node->effect_counts[EFFECT_JOB_KILL], 0u);
    node_wait(node, 2000);
    cr_assert_eq(tenant_state(node, &tenant), LEASE_ENDING);
    cr_assert_eq(node->effect_counts[EFFECT_JOB_KILL], 1u);
    tenant_job(node, &tenant, JOB_EXITED, 20009);
    reconnect(node, &tenant);
    struct final final;
    cr_assert(tenant_final(node, &tenant, &final, NULL));
    cr_assert_eq(final.reason, END_UNPAID);
    cr_assert_eq(amount_micro(final.amount_uusd), 2000);
    node_free(node);
}

static void
own_cards_again(struct node *node)
{
    const struct event event = {.type = EVENT_OWNER_BACK, .as.owner_mask = 1};
    node_step(node, &event);
}

/* A host that lets with these terms, and a job that has run 25 s. */
static struct node *
reclaimable_node(struct tenant *ret_tenant, const struct control_host *terms)
{
    struct node *node = node_new("host", 1);
    struct control_host ask = *terms;
    ask.ask_uusd_per_hour = micro(TENANT_ASK);
    ask.lease_min_s = 1;
    ask.lease_max_s = 36000;
    ask.notice_given = true;
    node_ask(node, 1, CONTROL_HOST, &ask);
    tenant_arrive(node, ret_tenant, "renter");
    tenant_run(node, ret_tenant);
    tenant_pay(node, ret_tenant, 2, 4000);
    run_until(node, ret_tenant, 0, 25000);
    return node;
}

Test(job, a_reclaim_warns_waits_its_notice_and_charges_whole_intervals)
{
    struct tenant tenant;
    struct final final;
    const struct control_host terms = {.notice_s = 5};
    struct node *node = reclaimable_node(&tenant, &terms);
    own_cards_again(node);
    cr_assert_eq(tenant_state(node, &tenant), LEASE_DRAINING);
    cr_assert_eq(node->effect_counts[EFFECT_JOB_WARN], 1u);
    cr_assert_eq(node->effect_counts[EFFECT_JOB_KILL], 0u);
    node_wait(node, 4500);
    tenant_job(node, &tenant, JOB_RUNNING, 29500);
    cr_assert_eq(node->effect_counts[EFFECT_JOB_KILL], 0u);
    node_wait(node, 1000);
    cr_assert_eq(tenant_state(node, &tenant), LEASE_ENDING);
    cr_assert_eq(node->effect_counts[EFFECT_JOB_KILL], 1u);
    tenant_job(node, &tenant, JOB_EXITED, 30500);
    cr_assert(tenant_final(node, &tenant, &final, NULL));
    cr_assert_eq(final.reason, END_RECLAIMED);
    cr_assert_eq(final.run_ms, 20000u, "the meter stood at the trigger; whole intervals before it");
    cr_assert_eq(amount_micro(final.amount_uusd), 2000);
    node_free(node);
}

Test(job, a_reclaim_without_notice_kills_at_once)
{
    struct tenant tenant;
    const struct control_host terms = {.notice_s = 0};
    struct node *node = reclaimable_node(&tenant, &terms);
    own_cards_again(node);
    cr_assert_eq(tenant_state(node, &tenant), LEASE_ENDING);
    cr_assert_eq(node->effect_counts[EFFECT_JOB_WARN], 0u);
    cr_assert_eq(node->effect_counts[EFFECT_JOB_KILL], 1u);
    own_cards_again(node);
    cr_assert_eq(node->effect_counts[EFFECT_JOB_KILL], 1u);
    node_free(node);
}

Test(job, what_the_owner_signed_away_is_not_charged_at_a_reclaim)
{
    static const struct {
        uint32_t minimum_run_s;
        uint16_t owed_intervals;
        int64_t charged;
    } cases[] = {{0, 0, 2000}, {0, 1, 1000}, {0, 2, 0}, {0, 9, 0}, {20, 0, 2000}, {26, 0, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tenant tenant;
        struct final final;
        const struct control_host terms = {.minimum_run_s = cases[i].minimum_run_s,
                                           .reclaim_owed_intervals = cases[i].owed_intervals};
        struct node *node = reclaimable_node(&tenant, &terms);
        own_cards_again(node);
        tenant_job(node, &tenant, JOB_EXITED, 25100);
        cr_assert(tenant_final(node, &tenant, &final, NULL));
        cr_assert_eq(amount_micro(final.amount_uusd), cases[i].charged, "case %zu: %lld", i,
                     (long long)amount_micro(final.amount_uusd));
        tenant_sign_final(node, &tenant, true);
        cr_assert_eq(tenant_state(node, &tenant), LEASE_CLOSED);
        cr_assert_eq(posted(node, &tenant), cases[i].charged, "the books follow the final");
        node_free(node);
    }
}

Test(job, a_reclaimed_hold_costs_nothing)
{
    struct tenant tenant;
    struct node *node = leased_node(&tenant);
    own_cards_again(node);
    cr_assert_eq(tenant_state(node, &tenant), LEASE_VOID);
    cr_assert_eq(tenant_refusal(node, &tenant, NULL), REFUSAL_PAUSED);
    tenant_start(node, &tenant, 1000);
    cr_assert_eq(node->effect_counts[EFFECT_JOB_START], 0u);
    node_free(node);
}

Test(job, how_it_ended_decides_what_is_charged)
{
    static const struct {
        enum job_state state;
        bool lost;
        bool end_first;
        uint64_t run_ms;
        uint8_t reason;
        int64_t charged;
    } cases[] = {
        {JOB_EXITED, false, false, 7300, END_JOB_EXITED, 730},
        {JOB_EXITED, false, true, 7300, END_RENTER, 730},
        {JOB_EXITED, false, false, 14000, END_JOB_EXITED, 1000}, /* no more than the voucher */
        {JOB_FAILED, false, false, 0, END_HOST_FAILURE, 0},
        {JOB_FAILED, false, false, 9900, END_HOST_FAILURE, 0}, /* no whole interval */
        {JOB_RUNNING, true, false, 9900, END_HOST_FAILURE, 0},
        {JOB_RUNNING, true, false, 12000, END_HOST_FAILURE, 1000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tenant tenant;
        struct final final;
        struct node *node = running_node(&tenant);
        if (cases[i].end_first) {
            tenant_end(node, &tenant);
            cr_assert_eq(tenant_state(node, &tenant), LEASE_ENDING);
        }
        tenant_job(node, &tenant, cases[i].state, cases[i].run_ms);
        if (cases[i].lost) {
            const struct event event = {.type = EVENT_WORKLOAD_LOST, .as.lease = tenant.lease};
            node_step(node, &event);
        }
        cr_assert_eq(tenant_state(node, &tenant), LEASE_SETTLING, "case %zu", i);
        cr_assert(tenant_final(node, &tenant, &final, NULL));
        cr_assert_eq(final.reason, cases[i].reason, "case %zu", i);
        cr_assert_eq(amount_micro(final.amount_uusd), cases[i].charged, "case %zu: %lld", i,
                     (long long)amount_micro(final.amount_uusd));
        node_free(node);
    }
}

Test(job, the_receipt_closes_the_books_once)
{
    struct tenant tenant;
    struct node *node = running_node(&tenant);
    tenant_job(node, &tenant, JOB_EXITED, 7300);
    tenant_sign_final(node, &tenant, true);
    cr_assert_eq(tenant_state(node, &tenant), LEASE_CLOSED);
    cr_assert_eq(posted(node, &tenant), 730);
    const size_t entries = memory_store_count(node->store, TABLE_LEDGER);
    tenant_sign_final(node, &tenant, true);
    tenant_end(node, &tenant);
    tenant_job(node, &tenant, JOB_EXITED, 9000);
    tenant_pay(node, &tenant, 2, 5000);
    cr_assert_eq(memory_store_count(node->store, TABLE_LEDGER), entries);
    cr_assert_eq(tenant_state(node, &tenant), LEASE_CLOSED);
    node_free(node);
}

Test(job, a_receipt_under_a_wrong_signature_closes_nothing)
{
    struct tenant tenant;
    struct node *node = running_node(&tenant);
    tenant_job(node, &tenant, JOB_EXITED, 7300);
    tenant_sign_final(node, &tenant, false);
    cr_assert_eq(tenant_state(node, &tenant), LEASE_SETTLING);
    cr_assert_eq(node->drops, 1u);
    node_free(node);
}

Test(job, time_is_up_at_the_end_of_the_duration)
{
    struct tenant tenant;
    struct node *node = running_node(&tenant);
    tenant_pay(node, &tenant, 2, 100000);
    run_until(node, &tenant, 0, 30000);
    reconnect(node, &tenant);
    run_until(node, &tenant, 30000, 59000);
    cr_assert_eq(node->effect_counts[EFFECT_JOB_KILL], 0u);
    node->now.wall.ms -= 40000; /* the boot clock counts, not the wall clock */
    node_wait(node, 2000);
    cr_assert_eq(tenant_state(node, &tenant), LEASE_ENDING);
    cr_assert_eq(node->effect_counts[EFFECT_JOB_KILL], 1u);
    node_free(node);
}

/* Brings a lease into a state, as its host sees it. */
static void
bring_to(struct node *node, struct tenant *tenant, enum lease_state state)
{
    const struct hold hold = tenant_hold(node, tenant);
    tenant_say_hold(node, tenant, &hold);
    cr_assert(tenant_take_held(node, tenant));
    if (state >= LEASE_LEASED) {
        tenant_confirm(node, tenant);
    }
    if (state >= LEASE_STARTING) {
        tenant_start(node, tenant, 1000);
    }
    if (state >= LEASE_ACTIVE) {
        tenant_job(node, tenant, JOB_RUNNING, 5000);
    }
    if (state == LEASE_FROZEN) {
        tenant_job(node, tenant, JOB_FROZEN, 10009);
    } else if (state == LEASE_DRAINING) {
        own_cards_again(node);
    } else if (state == LEASE_ENDING) {
        tenant_end(node, tenant);
    } else if (state >= LEASE_SETTLING) {
        tenant_job(node, tenant, JOB_EXITED, 5000);
    }
    if (state == LEASE_CLOSED) {
        tenant_sign_final(node, tenant, true);
    }
    cr_assert_eq(tenant_state(node, tenant), state, "%s", lease_state_names.names[state]);
}

static const enum lease_state kept_states[] = {
    LEASE_HELD,     LEASE_LEASED, LEASE_STARTING, LEASE_ACTIVE, LEASE_FROZEN,
    LEASE_DRAINING, LEASE_ENDING, LEASE_SETTLING, LEASE_CLOSED,
};
enum { KEPT_STATES = sizeof kept_states / sizeof kept_states[0] };

static struct node *
node_in_state(struct tenant *ret_tenant, enum lease_state state)
{
    struct node *node = node_new("host", 1);
    const struct control_host ask = {.ask_uusd_per_hour = micro(TENANT_ASK),
                                     .lease_min_s = 1,
                                     .lease_max_s = 36000,
                                     .notice_given = true,
                                     .notice_s = 20};
    node_ask(node, 1, CONTROL_HOST, &ask);
    tenant_arrive(node, ret_tenant, "renter");
    bring_to(node, ret_tenant, state);
    return node;
}

/* A crash of the daemon in any state changes no word that was given: the job goes on or is missed, and both come to
 * one end without a second start. */
Test(job, a_restart_in_any_state_keeps_the_lease)
{
    for (size_t i = 0; i < KEPT_STATES; i++) {
        struct tenant tenant;
        const enum lease_state state = kept_states[i];
        struct node *node = node_in_state(&tenant, state);
        const int64_t booked = posted(node, &tenant);
        node_forget_sent(node);
        node_restart(node, false);
        cr_assert_eq(tenant_state(node, &tenant), state, "%s", lease_state_names.names[state]);
        cr_assert_eq(posted(node, &tenant), booked);
        reconnect(node, &tenant);
        if (state >= LEASE_STARTING) {
            tenant_start(node, &tenant, 1000);
            cr_assert_eq(node->effect_counts[EFFECT_JOB_START], 0u, "%s: started again",
                         lease_state_names.names[state]);
        }
        if (state == LEASE_ENDING) {
            cr_assert_geq(node->effect_counts[EFFECT_JOB_KILL], 1u, "the kill may be lost");
        }
        if (state == LEASE_SETTLING) {
            struct final final;
            cr_assert(tenant_final(node, &tenant, &final, NULL), "FINAL is said again");
        }
        node_free(node);
    }
}

Test(job, a_job_that_is_gone_after_a_restart_is_the_hosts_failure)
{
    for (size_t i = 0; i < KEPT_STATES; i++) {
        struct tenant tenant;
        struct final final;
        const enum lease_state state = kept_states[i];
        if (state < LEASE_STARTING || state > LEASE_ENDING) {
            continue;
        }
        struct node *node = node_in_state(&tenant, state);
        node_restart(node, true);
        const struct event event = {.type = EVENT_WORKLOAD_LOST, .as.lease = tenant.lease};
        node_step(node, &event);
        reconnect(node, &tenant);
        cr_assert_eq(tenant_state(node, &tenant), LEASE_SETTLING, "%s",
                     lease_state_names.names[state]);
        cr_assert(tenant_final(node, &tenant, &final, NULL));
        cr_assert_eq(node->effect_counts[EFFECT_JOB_START] > 1, 0);
        tenant_sign_final(node, &tenant, true);
        cr_assert_eq(tenant_state(node, &tenant), LEASE_CLOSED);
        node_free(node);
    }
}

Test(job, after_a_reboot_a_lease_that_never_started_is_void)
{
    static const enum lease_state states[] = {LEASE_HELD, LEASE_LEASED};
    for (size_t i = 0; i < 2; i++) {
        struct tenant tenant;
        struct node *node = node_in_state(&tenant, states[i]);
        node_restart(node, true);
        node_wait(node, 500);
        const enum lease_state now = tenant_state(node, &tenant);
        cr_assert(now == LEASE_VOID || now == LEASE_STATE_COUNT);
        tenant_arrive(node, &tenant, "other");
        const struct hold hold = tenant_hold(node, &tenant);
        tenant_say_hold(node, &tenant, &hold);
        cr_assert(tenant_take_held(node, &tenant), "the slot is free again");
        node_free(node);
    }
}

Test(job, the_final_is_the_same_however_often_it_is_said)
{
    struct tenant tenant;
    struct final final;
    struct bytes sealed;
    uint8_t first[RECORD_BYTES_MAX];
    struct node *node = node_in_state(&tenant, LEASE_SETTLING);
    cr_assert(tenant_final(node, &tenant, &final, &sealed));
    const size_t length = sealed.length;
    memcpy(first, sealed.data, length);
    for (int i = 0; i < 3; i++) {
        node_restart(node, i == 1);
        node_forget_sent(node);
        reconnect(node, &tenant);
        tenant_end(node, &tenant);
        cr_assert(tenant_final(node, &tenant, &final, &sealed));
        cr_assert_eq(sealed.length, length);
        cr_assert_eq(memcmp(sealed.data, first, length), 0);
    }
    node_free(node);
}

Test(job, a_job_without_a_lease_is_killed)
{
    struct tenant tenant;
    struct node *node = node_in_state(&tenant, LEASE_CLOSED);
    node_forget_sent(node);
    tenant_job(node, &tenant, JOB_RUNNING, 5000);
    cr_assert_eq(node->effect_counts[EFFECT_JOB_KILL], 1u);
    tenant.lease.bytes[0] ^= 1;
    tenant_job(node, &tenant, JOB_RUNNING, 5000);
    cr_assert_eq(node->effect_counts[EFFECT_JOB_KILL], 2u);
    node_free(node);
}
