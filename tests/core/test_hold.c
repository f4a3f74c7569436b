/* The host's promise: who gets slots, for how long, and that no slot is promised twice. */
#include <criterion/criterion.h>
#include <string.h>

#include "protocol/codec.h"
#include "protocol/lease_state.h"
#include "tests/core/tenant.h"

Test(hold, the_same_hold_gets_the_same_promise)
{
    struct tenant tenant;
    struct node *node = tenant_node(2, &tenant);
    const struct hold hold = tenant_hold(node, &tenant);
    tenant_say_hold(node, &tenant, &hold);
    cr_assert(tenant_take_held(node, &tenant));
    uint8_t first[RECORD_BYTES_MAX];
    const size_t length = tenant.held_length;
    memcpy(first, tenant.held_bytes, length);
    for (int i = 0; i < 3; i++) {
        node_forget_sent(node);
        node_wait(node, 500);
        tenant_repeat_hold(node, &tenant);
        cr_assert(tenant_take_held(node, &tenant));
        cr_assert_eq(tenant.held_length, length);
        cr_assert_eq(memcmp(tenant.held_bytes, first, length), 0, "another promise");
    }
    cr_assert_eq(memory_store_count(node->store, TABLE_LEASES), 1u);
    node_free(node);
}

Test(hold, a_promise_survives_a_restart_but_not_a_reboot)
{
    for (int reboot = 0; reboot < 2; reboot++) {
        struct tenant tenant;
        struct node *node = tenant_node(1, &tenant);
        const struct hold hold = tenant_hold(node, &tenant);
        tenant_say_hold(node, &tenant, &hold);
        cr_assert(tenant_take_held(node, &tenant));
        node_restart(node, reboot != 0);
        stranger_connect(node, &tenant.stranger);
        node_wait(node, 300);
        node_forget_sent(node);
        tenant_confirm(node, &tenant);
        cr_assert_eq(tenant_leases_got(node, &tenant, NULL), reboot != 0 ? 0u : 1u);
        cr_assert_eq(tenant_refusal(node, &tenant, NULL),
                     reboot != 0 ? REFUSAL_TOO_LATE : REFUSAL_NONE);
        node_free(node);
    }
}

Test(hold, confirm_after_the_deadline_is_refused_and_the_slot_is_free)
{
    struct tenant tenant;
    struct tenant other;
    struct node *node = tenant_node(1, &tenant);
    const struct hold hold = tenant_hold(node, &tenant);
    tenant_say_hold(node, &tenant, &hold);
    cr_assert(tenant_take_held(node, &tenant));
    /* Time passes without a tick in between: the deadline itself counts, not who notices it. */
    node->now.boot.ms += HOLD_TTL_MS;
    node->now.wall.ms += HOLD_TTL_MS;
    tenant_confirm(node, &tenant);
    cr_assert_eq(tenant_leases_got(node, &tenant, NULL), 0u);
    cr_assert_eq(tenant_refusal(node, &tenant, NULL), REFUSAL_TOO_LATE);
    node_wait(node, 1000);
    tenant_arrive(node, &other, "other");
    const struct hold again = tenant_hold(node, &other);
    tenant_say_hold(node, &other, &again);
    cr_assert(tenant_take_held(node, &other));
    node_free(node);
}

Test(hold, a_wall_clock_that_jumps_moves_no_deadline)
{
    struct tenant tenant;
    struct node *node = tenant_node(1, &tenant);
    const struct hold hold = tenant_hold(node, &tenant);
    tenant_say_hold(node, &tenant, &hold);
    cr_assert(tenant_take_held(node, &tenant));
    node->now.wall.ms += 60000;
    node_wait(node, HOLD_TTL_MS - 500);
    tenant_confirm(node, &tenant);
    cr_assert_eq(tenant_leases_got(node, &tenant, NULL), 1u);
    node_free(node);
}

Test(hold, confirm_gives_one_lease_however_often_it_is_said)
{
    struct tenant tenant;
    struct node *node = tenant_node(1, &tenant);
    struct bytes first;
    struct bytes again;
    const struct hold hold = tenant_hold(node, &tenant);
    tenant_say_hold(node, &tenant, &hold);
    cr_assert(tenant_take_held(node, &tenant));
    tenant_confirm(node, &tenant);
    cr_assert_eq(tenant_leases_got(node, &tenant, &first), 1u);
    tenant_repeat_confirm(node, &tenant);
    cr_assert_eq(tenant_leases_got(node, &tenant, &again), 2u);
    cr_assert(bytes_equal(first, again));
    /* A repeated HOLD, too, is answered by what it has become. */
    tenant_repeat_hold(node, &tenant);
    cr_assert_eq(tenant_leases_got(node, &tenant, &again), 3u);
    cr_assert(bytes_equal(first, again));
    cr_assert_eq(memory_store_count(node->store, TABLE_LEASES), 1u);
    node_free(node);
}

Test(hold, other_terms_than_the_promised_ones_are_not_signed)
{
    for (int change = 0; change < 7; change++) {
        struct tenant tenant;
        struct node *node = tenant_node(2, &tenant);
        const struct hold hold = tenant_hold(node, &tenant);
        tenant_say_hold(node, &tenant, &hold);
        cr_assert(tenant_take_held(node, &tenant));
        switch (change) {
        case 0:
            tenant.terms.duration_s++;
            break;
        case 1:
            tenant.terms.ask_uusd_per_hour = micro(TENANT_ASK - 1);
            break;
        case 2:
            tenant.terms.slot_mask = 3;
            break;
        case 3:
            tenant.terms.slot_seq--;
            break;
        case 4:
            tenant.terms.latest_start_s += 1000;
            break;
        case 5:
            tenant.terms.interval_s += 1000;
            break;
        default:
            tenant.terms.renter = node->options.keypair.identity;
            break;
        }
        tenant_confirm(node, &tenant);
        cr_assert_eq(tenant_leases_got(node, &tenant, NULL), 0u, "change %d", change);
        cr_assert_neq(tenant_state(node, &tenant), LEASE_LEASED, "change %d", change);
        node_free(node);
    }
}

Test(hold, nobody_confirms_or_cancels_for_another)
{
    struct tenant tenant;
    struct tenant thief;
    struct node *node = tenant_node(1, &tenant);
    const struct hold hold = tenant_hold(node, &tenant);
    tenant_say_hold(node, &tenant, &hold);
    cr_assert(tenant_take_held(node, &tenant));
    tenant_arrive(node, &thief, "thief");
    thief.terms = tenant.terms;
    thief.hold = tenant.hold;
    tenant_confirm(node, &thief);
    cr_assert_eq(tenant_leases_got(node, &thief, NULL), 0u);
    const struct cancel_message cancel = {.hold = tenant.hold};
    stranger_says(node, &thief.stranger, &cancel_message_schema, &cancel);
    cr_assert_eq(tenant_state(node, &tenant), LEASE_HELD);
    tenant_confirm(node, &tenant);
    cr_assert_eq(tenant_leases_got(node, &tenant, NULL), 1u);
    node_free(node);
}

Test(hold, a_key_has_one_open_hold)
{
    struct tenant tenant;
    struct node *node = tenant_node(4, &tenant);
    const struct hold hold = tenant_hold(node, &tenant);
    tenant_say_hold(node, &tenant, &hold);
    cr_assert(tenant_take_held(node, &tenant));
    tenant_say_hold(node, &tenant, &hold);
    cr_assert(!tenant_take_held(node, &tenant));
    cr_assert_eq(tenant_refusal(node, &tenant, NULL), REFUSAL_ONE_HOLD_A_KEY);
    node_free(node);
}

Test(hold, a_cancelled_hold_is_free_at_once)
{
    struct tenant tenant;
    struct node *node = tenant_node(1, &tenant);
    const struct hold hold = tenant_hold(node, &tenant);
    for (int i = 0; i < 3; i++) {
        tenant_say_hold(node, &tenant, &hold);
        cr_assert(tenant_take_held(node, &tenant), "round %d", i);
        const struct cancel_message cancel = {.hold = tenant.hold};
        stranger_says(node, &tenant.stranger, &cancel_message_schema, &cancel);
        cr_assert_eq(memory_store_count(node->store, TABLE_LEASES), 0u);
    }
    node_free(node);
}

Test(hold, each_lapsed_hold_doubles_the_wait)
{
    struct tenant tenant;
    struct node *node = tenant_node(1, &tenant);
    uint32_t wait_ms = 0;
    for (uint32_t lapses = 0; lapses < 12; lapses++) {
        const struct hold hold = tenant_hold(node, &tenant);
        tenant_say_hold(node, &tenant, &hold);
        cr_assert(tenant_take_held(node, &tenant), "after %u lapses", lapses);
        node_wait(node, HOLD_TTL_MS);
        tenant_say_hold(node, &tenant, &hold);
        cr_assert_eq(tenant_refusal(node, &tenant, &wait_ms), REFUSAL_WAIT);
        const uint32_t doubled = HOLD_LAPSE_WAIT_MS_MIN << lapses;
        const uint32_t wanted = doubled < HOLD_LAPSE_WAIT_MS_MAX ? doubled : HOLD_LAPSE_WAIT_MS_MAX;
        cr_assert_leq(wait_ms, wanted, "after %u lapses", lapses + 1);
        cr_assert_geq(wait_ms + 2000, wanted, "after %u lapses", lapses + 1);
        node_wait(node, wait_ms);
        stranger_connect(node, &tenant.stranger); /* a silent link is dropped meanwhile */
    }
    /* Who keeps its word begins anew. */
    const struct hold hold = tenant_hold(node, &tenant);
    tenant_say_hold(node, &tenant, &hold);
    cr_assert(tenant_take_held(node, &tenant));
    tenant_confirm(node, &tenant);
    tenant_start(node, &tenant, 1000);
    tenant_job(node, &tenant, JOB_EXITED, 10);
    tenant_say_hold(node, &tenant, &hold);
    cr_assert(tenant_take_held(node, &tenant));
    node_free(node);
}

Test(hold, an_unknown_key_gets_half_of_the_free_slots_at_most)
{
    static const struct {
        size_t gpus;
        uint16_t wanted;
        bool granted;
    } cases[] = {{1, 1, true},  {2, 1, true},  {2, 2, false}, {4, 2, true},
                 {4, 3, false}, {4, 4, false}, {5, 2, true},  {5, 3, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tenant tenant;
        struct node *node = tenant_node(cases[i].gpus, &tenant);
        struct hold hold = tenant_hold(node, &tenant);
        hold.slots = cases[i].wanted;
        tenant_say_hold(node, &tenant, &hold);
        cr_assert_eq(tenant_take_held(node, &tenant), cases[i].granted, "case %zu", i);
        cr_assert_eq(tenant_refusal(node, &tenant, NULL),
                     cases[i].granted ? REFUSAL_NONE : REFUSAL_NO_HISTORY, "case %zu", i);
        node_free(node);
    }
}

static void
set_standing(struct node *node, const struct tenant *tenant, uint8_t standing)
{
    char hex[ID_HEX_SIZE];
    id_to_hex(tenant->stranger.keypair.identity.bytes, hex);
    const struct control_standing question = {.peer = bytes_of_text(hex), .standing = standing};
    node_ask(node, 77, CONTROL_STANDING, &question);
}

Test(hold, the_owner_allows_and_denies)
{
    struct tenant tenant;
    struct node *node = tenant_node(4, &tenant);
    struct hold hold = tenant_hold(node, &tenant);
    hold.slots = 4;
    set_standing(node, &tenant, 1);
    tenant_say_hold(node, &tenant, &hold);
    cr_assert(tenant_take_held(node, &tenant), "an allowed key is known");
    const struct cancel_message cancel = {.hold = tenant.hold};
    stranger_says(node, &tenant.stranger, &cancel_message_schema, &cancel);
    set_standing(node, &tenant, 2);
    hold.slots = 1;
    tenant_say_hold(node, &tenant, &hold);
    cr_assert(!tenant_take_held(node, &tenant));
    cr_assert_eq(tenant_refusal(node, &tenant, NULL), REFUSAL_DENIED);
    node_free(node);
}

Test(hold, promised_slots_are_distinct_and_then_the_host_is_busy)
{
    enum { CARDS = 4 };
    struct tenant tenants[CARDS + 1];
    static const char *const names[] = {"a", "b", "c", "d", "e"};
    struct node *node = tenant_node(CARDS, &tenants[0]);
    uint64_t taken = 0;
    for (size_t i = 0; i <= CARDS; i++) {
        struct bytes frame;
        tenant_arrive(node, &tenants[i], names[i]);
        set_standing(node, &tenants[i], 1);
        const struct hold hold = tenant_hold(node, &tenants[i]);
        tenant_say_hold(node, &tenants[i], &hold);
        if (i == CARDS) {
            cr_assert(!tenant_take_held(node, &tenants[i]));
            cr_assert(node_last_sent(node, tenants[i].stranger.link, MESSAGE_BUSY, &frame));
            break;
        }
        cr_assert(tenant_take_held(node, &tenants[i]));
        cr_assert_eq(__builtin_popcountll(tenants[i].terms.slot_mask), 1);
        cr_assert_eq(taken & tenants[i].terms.slot_mask, 0u, "a slot is promised twice");
        taken |= tenants[i].terms.slot_mask;
    }
    node_free(node);
}

Test(hold, slot_seq_grows_over_restarts_and_clocks_that_go_back)
{
    struct tenant tenant;
    struct node *node = tenant_node(1, &tenant);
    uint64_t last = 0;
    for (int i = 0; i < 6; i++) {
        const struct hold hold = tenant_hold(node, &tenant);
        tenant_say_hold(node, &tenant, &hold);
        cr_assert(tenant_take_held(node, &tenant), "round %d", i);
        cr_assert_gt(tenant.terms.slot_seq, last);
        last = tenant.terms.slot_seq;
        const struct cancel_message cancel = {.hold = tenant.hold};
        stranger_says(node, &tenant.stranger, &cancel_message_schema, &cancel);
        node->now.wall.ms -= i == 2 ? 30000 : 0;
        node_restart(node, i == 3);
        stranger_connect(node, &tenant.stranger);
        node_wait(node, 300);
        tenant_look(node, &tenant);
    }
    node_free(node);
}

Test(hold, a_hold_that_does_not_fit_is_refused_with_its_reason)
{
    for (int change = 0; change < 8; change++) {
        static const enum refusal wanted[] = {
            REFUSAL_PRICE,           REFUSAL_DURATION, REFUSAL_NOT_YOURS, REFUSAL_LISTING_CHANGED,
            REFUSAL_LISTING_CHANGED, REFUSAL_TOO_LATE, REFUSAL_TOO_LATE,  REFUSAL_DISK_FULL};
        struct tenant tenant;
        struct node *node = tenant_node(2, &tenant);
        struct hold hold = tenant_hold(node, &tenant);
        int64_t clock_ms = 0;
        switch (change) {
        case 0:
            hold.ask_max_uusd_per_hour = micro(TENANT_ASK - 1);
            break;
        case 1:
            hold.duration_s = 36001;
            break;
        case 2:
            hold.host = tenant.stranger.keypair.identity;
            break;
        case 3:
            hold.listing.bytes[0] ^= 1;
            break;
        case 4:
            hold.slots = 3;
            break;
        case 5:
            clock_ms = 130000;
            break;
        case 6:
            clock_ms = -130000;
            break;
        default:
            node_step(node, &(struct event){.type = EVENT_SPACE, .as.space = DISK_FULL});
            break;
        }
        node->now.wall.ms -= clock_ms; /* signed at another time than it arrives */
        struct buffer kept;
        uint8_t memory[COSIGNED_BYTES_MAX];
        const struct bytes sealed =
            stranger_seals(node, &tenant.stranger, RECORD_HOLD, &hold, memory);
        buffer_init(&kept, tenant.hold_bytes, sizeof tenant.hold_bytes);
        buffer_append(&kept, sealed.data, sealed.length);
        tenant.hold_length = kept.length;
        node->now.wall.ms += clock_ms;
        tenant_repeat_hold(node, &tenant);
        cr_assert_eq(
            tenant_refusal(node, &tenant, NULL), wanted[change], "change %d: %s", change,
            name_table_name(&refusal_names, (uint64_t)tenant_refusal(node, &tenant, NULL)));
        cr_assert_eq(memory_store_count(node->store, TABLE_LEASES), 0u, "change %d", change);
        node_free(node);
    }
}

Test(hold, a_paused_host_promises_nothing)
{
    struct tenant tenant;
    struct node *node = tenant_node(1, &tenant);
    const struct control_cards all = {.gpu_mask = 0};
    const struct hold hold = tenant_hold(node, &tenant);
    node_ask(node, 5, CONTROL_PAUSE, &all);
    tenant_say_hold(node, &tenant, &hold);
    cr_assert(!tenant_take_held(node, &tenant));
    node_ask(node, 6, CONTROL_RESUME, &all);
    node_wait(node, 1000);
    tenant_look(node, &tenant);
    const struct hold again = tenant_hold(node, &tenant);
    tenant_say_hold(node, &tenant, &again);
    cr_assert(tenant_take_held(node, &tenant));
    node_free(node);
}

Test(hold, a_lease_that_is_not_started_in_time_is_void)
{
    struct tenant tenant;
    struct node *node = tenant_node(1, &tenant);
    const struct hold hold = tenant_hold(node, &tenant);
    tenant_say_hold(node, &tenant, &hold);
    cr_assert(tenant_take_held(node, &tenant));
    tenant_confirm(node, &tenant);
    node->now.boot.ms += LATEST_START_S * 1000;
    node->now.wall.ms += LATEST_START_S * 1000;
    tenant_start(node, &tenant, 1000);
    cr_assert_eq(tenant_state(node, &tenant), LEASE_VOID);
    cr_assert_eq(tenant_refusal(node, &tenant, NULL), REFUSAL_TOO_LATE);
    cr_assert_eq(node->effect_counts[EFFECT_JOB_START], 0u);
    cr_assert_eq(memory_store_count(node->store, TABLE_LEDGER), 0u);
    node_free(node);
}

/* A node whose own program is asked. */
static struct node *
deciding_node(struct tenant *ret_tenant)
{
    struct node *node = tenant_node(1, ret_tenant);
    node->options.has_decide_program = true;
    node_restart(node, false);
    stranger_connect(node, &ret_tenant->stranger);
    node_wait(node, 1000);
    tenant_look(node, ret_tenant);
    node_forget_sent(node);
    return node;
}

static void
decide(struct node *node, uint64_t token, bool accepted)
{
    const struct event event = {.type = EVENT_DECIDED,
                                .as.decided = {.token = token, .accepted = accepted}};
    node_step(node, &event);
}

Test(hold, the_own_program_is_asked_first)
{
    for (int accepted = 0; accepted < 2; accepted++) {
        struct tenant tenant;
        struct node *node = deciding_node(&tenant);
        const struct hold hold = tenant_hold(node, &tenant);
        tenant_say_hold(node, &tenant, &hold);
        cr_assert_eq(node->effect_counts[EFFECT_DECIDE], 1u);
        cr_assert(!tenant_take_held(node, &tenant));
        cr_assert_eq(memory_store_count(node->store, TABLE_LEASES), 0u);
        decide(node, node->last_decision + 1, true); /* of another question */
        cr_assert(!tenant_take_held(node, &tenant));
        decide(node, node->last_decision, accepted != 0);
        cr_assert_eq(tenant_take_held(node, &tenant), accepted != 0);
        cr_assert_eq(tenant_refusal(node, &tenant, NULL),
                     accepted != 0 ? REFUSAL_NONE : REFUSAL_DECIDED);
        node_free(node);
    }
}

Test(hold, a_hold_decided_twice_is_promised_once)
{
    struct tenant tenant;
    struct node *node = deciding_node(&tenant);
    const struct hold hold = tenant_hold(node, &tenant);
    tenant_say_hold(node, &tenant, &hold);
    const uint64_t first = node->last_decision;
    tenant_repeat_hold(node, &tenant);
    const uint64_t second = node->last_decision;
    decide(node, first, true);
    cr_assert(tenant_take_held(node, &tenant));
    tenant_confirm(node, &tenant);
    decide(node, second, true);
    cr_assert_eq(tenant_state(node, &tenant), LEASE_LEASED);
    cr_assert_eq(memory_store_count(node->store, TABLE_LEASES), 1u);
    node_free(node);
}

Test(hold, an_answer_of_the_program_that_comes_too_late_promises_nothing)
{
    struct tenant tenant;
    struct node *node = deciding_node(&tenant);
    const struct hold hold = tenant_hold(node, &tenant);
    tenant_say_hold(node, &tenant, &hold);
    node_wait(node, 4000);
    decide(node, node->last_decision, true);
    cr_assert(!tenant_take_held(node, &tenant));
    cr_assert_eq(memory_store_count(node->store, TABLE_LEASES), 0u);
    node_free(node);
}
