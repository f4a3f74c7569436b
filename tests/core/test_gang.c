/* The renter's side of a gang, against hosts made by hand: all or nothing, and what comes after. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "node/core/state.h"
#include "protocol/codec.h"
#include "tests/core/false_host.h"

enum { CLIENT = 5, HOSTS_MAX = 4 };

struct scene {
    struct node *node;
    struct false_host hosts[HOSTS_MAX];
    size_t count;
};

static struct scene *
scene_new(size_t hosts)
{
    struct scene *scene = calloc(1, sizeof *scene);
    cr_assert_not_null(scene);
    scene->node = node_new("renter", 0);
    scene->count = hosts;
    for (size_t i = 0; i < hosts; i++) {
        char name[32];
        snprintf(name, sizeof name, "host-%zu", i);
        false_host_init(&scene->hosts[i], scene->node, name);
    }
    return scene;
}

static void
scene_free(struct scene *scene)
{
    node_free(scene->node);
    free(scene);
}

static void
rent(struct scene *scene, uint16_t hosts, uint16_t least, bool attached)
{
    static uint8_t memory[4096];
    struct request request = request_default();
    struct buffer buffer;
    request.duration_s = 600;
    request.hosts = hosts;
    request.gang_min = least;
    buffer_init(&buffer, memory, sizeof memory);
    cr_assert_eq(codec_encode(&request_schema, &request, &buffer), STATUS_OK);
    const struct control_rent ask = {
        .request = buffer_bytes(&buffer),
        .attached = attached,
        .arguments = {.count = 1, .items = {bytes_of_text("/bin/true")}},
        .environment = {.count = 1, .items = {bytes_of_text("MASTER_PORT=1")}}};
    node_ask(scene->node, CLIENT, CONTROL_RENT, &ask);
}

static struct node *
all_hold(struct scene *scene)
{
    for (size_t i = 0; i < scene->count; i++) {
        if (false_host_sees_hold(&scene->hosts[i], scene->node)) {
            false_host_holds(&scene->hosts[i], scene->node);
        }
    }
    node_wait(scene->node, 300);
    return scene->node;
}

static unsigned
starts_sent(const struct scene *scene)
{
    unsigned count = 0;
    for (size_t i = 0; i < scene->count; i++) {
        count += node_count_sent(scene->node, scene->hosts[i].self.link, MESSAGE_START) > 0;
    }
    return count;
}

static struct scene *
running(size_t all, uint16_t hosts, uint16_t least, bool attached)
{
    struct scene *scene = scene_new(all);
    rent(scene, hosts, least, attached);
    all_hold(scene);
    for (size_t i = 0; i < all; i++) {
        (void)false_host_leases(&scene->hosts[i], scene->node);
    }
    node_wait(scene->node, 300);
    for (size_t i = 0; i < all; i++) {
        if (false_host_sees_start(&scene->hosts[i], scene->node)) {
            false_host_starts(&scene->hosts[i], scene->node);
        }
    }
    return scene;
}

Test(gang, nothing_starts_before_enough_are_ready_and_then_all_do)
{
    struct scene *scene = scene_new(3);
    struct node *node = scene->node;
    rent(scene, 3, 3, true);
    all_hold(scene);
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(starts_sent(scene), 0u, "with %zu ready", i);
        cr_assert_eq(node_count_sent(node, scene->hosts[i].self.link, MESSAGE_GANG_CONFIRM), 1u);
        cr_assert(false_host_leases(&scene->hosts[i], node));
    }
    node_wait(node, 300);
    cr_assert_eq(starts_sent(scene), 3u);
    cr_assert_eq(node_rows(node, CLIENT, ROW_MEMBER), 3u);
    scene_free(scene);
}

static bool
has_entry(const struct start_message *start, const char *entry)
{
    for (size_t i = 0; i < start->environment.count; i++) {
        if (bytes_are_text(start->environment.items[i], entry)) {
            return true;
        }
    }
    return false;
}

Test(gang, members_are_told_who_they_are)
{
    struct scene *scene = running(2, 2, 2, true);
    bool seen[2] = {false, false};
    for (size_t i = 0; i < 2; i++) {
        struct bytes frame;
        static struct start_message start;
        cr_assert(node_last_sent(scene->node, scene->hosts[i].self.link, MESSAGE_START, &frame));
        cr_assert_eq(message_decode(&start_message_schema, frame, &start), STATUS_OK);
        const bool is_first = has_entry(&start, "RANK=0");
        seen[is_first ? 0 : 1] = true;
        cr_assert_eq(has_entry(&start, "RANK=1"), !is_first);
        cr_assert_eq(has_entry(&start, "OMPI_COMM_WORLD_RANK=1"), !is_first);
        cr_assert_eq(has_entry(&start, "GPULET_GANG_RANK=0"), is_first);
        cr_assert(has_entry(&start, "WORLD_SIZE=2"));
        cr_assert(has_entry(&start, "PMI_SIZE=2"));
        cr_assert(has_entry(&start, "MASTER_ADDR=rank-0.gpulet"));
        cr_assert(has_entry(&start, "GPULET_GANG_PEERS=rank-0.gpulet,rank-1.gpulet"));
        cr_assert(has_entry(&start, "MASTER_PORT=1"), "what the person sets goes before");
        cr_assert_not(has_entry(&start, "MASTER_PORT=29500"));
    }
    cr_assert(seen[0] && seen[1], "every rank once");
    scene_free(scene);
}

/* Below the minimum every hold and lease goes back, and no voucher was signed. */
Test(gang, too_few_that_get_ready_cost_nothing)
{
    struct scene *scene = scene_new(3);
    struct node *node = scene->node;
    rent(scene, 3, 3, true);
    all_hold(scene);
    cr_assert(false_host_leases(&scene->hosts[0], node));
    cr_assert(false_host_leases(&scene->hosts[1], node));
    node_wait(node, 11000);
    cr_assert_eq(starts_sent(scene), 0u);
    for (size_t i = 0; i < 2; i++) {
        const struct lease_row row = false_host_row(&scene->hosts[i], node);
        cr_assert_eq(row.state, LEASE_VOID);
        cr_assert(amount_is_zero(row.voucher_uusd));
        cr_assert_geq(node_count_sent(node, scene->hosts[i].self.link, MESSAGE_CANCEL), 1u);
    }
    scene_free(scene);
}

Test(gang, with_the_minimum_it_begins_without_the_rest)
{
    struct scene *scene = scene_new(3);
    struct node *node = scene->node;
    rent(scene, 3, 2, true);
    all_hold(scene);
    cr_assert(false_host_leases(&scene->hosts[0], node));
    cr_assert(false_host_leases(&scene->hosts[1], node));
    node_wait(node, 11000);
    cr_assert_eq(starts_sent(scene), 2u);
    scene_free(scene);
}

/* The certificate may be out: what its members say after a crash is given back. */
Test(gang, a_crash_before_go_starts_nothing)
{
    struct scene *scene = scene_new(2);
    struct node *node = scene->node;
    rent(scene, 2, 2, false);
    all_hold(scene);
    cr_assert(false_host_leases(&scene->hosts[0], node));
    cr_assert_eq(memory_store_count(node->store, TABLE_GANGS), 1u);
    node_restart(node, false);
    node_forget_sent(node);
    stranger_connect(node, &scene->hosts[1].self);
    (void)false_host_leases(&scene->hosts[1], node);
    node_wait(node, 30000);
    cr_assert_eq(starts_sent(scene), 0u);
    cr_assert_eq(memory_store_count(node->store, TABLE_GANGS), 0u);
    for (size_t i = 0; i < 2; i++) {
        cr_assert_eq(false_host_row(&scene->hosts[i], node).state, LEASE_VOID);
    }
    node_free(node);
    free(scene);
}

Test(gang, a_crash_before_the_certificate_leaves_nothing)
{
    struct scene *scene = scene_new(2);
    rent(scene, 2, 2, false);
    cr_assert(false_host_sees_hold(&scene->hosts[0], scene->node));
    false_host_holds(&scene->hosts[0], scene->node);
    node_restart(scene->node, false);
    cr_assert_eq(memory_store_count(scene->node->store, TABLE_GANGS), 0u);
    cr_assert_eq(memory_store_count(scene->node->store, TABLE_LEASES), 0u);
    scene_free(scene);
}

Test(gang, a_lost_member_is_replaced_under_its_rank)
{
    struct scene *scene = running(2, 2, 2, true);
    struct node *node = scene->node;
    struct bytes frame;
    static struct start_message start;
    cr_assert_eq(starts_sent(scene), 2u);
    struct false_host *third = &scene->hosts[2];
    false_host_init(third, node, "host-third");
    scene->count = 3;
    const struct final final = {.reason = END_HOST_FAILURE,
                                .started_at_s = (uint64_t)node->now.wall.ms / 1000,
                                .ended_at_s = (uint64_t)node->now.wall.ms / 1000};
    false_host_ends(&scene->hosts[0], node, &final);
    node_wait(node, 300);
    cr_assert(false_host_sees_hold(third, node));
    false_host_holds(third, node);
    node_wait(node, 300);
    cr_assert(false_host_leases(third, node));
    node_wait(node, 300);
    cr_assert(node_last_sent(node, third->self.link, MESSAGE_START, &frame));
    cr_assert_eq(message_decode(&start_message_schema, frame, &start), STATUS_OK);
    cr_assert(has_entry(&start, "GPULET_GANG_GENERATION=2"));
    cr_assert_eq(node_rows(node, CLIENT, ROW_MEMBER), 3u);
    cr_assert_eq(node_dones(node, CLIENT, NULL), 0u);
    scene_free(scene);
}

Test(gang, below_the_minimum_without_a_spare_all_end)
{
    struct scene *scene = running(2, 2, 2, true);
    struct node *node = scene->node;
    uint8_t status = 0;
    const struct final final = {.reason = END_HOST_FAILURE,
                                .started_at_s = (uint64_t)node->now.wall.ms / 1000,
                                .ended_at_s = (uint64_t)node->now.wall.ms / 1000};
    false_host_ends(&scene->hosts[0], node, &final);
    node_wait(node, 25000);
    cr_assert_eq(node_count_sent(node, scene->hosts[1].self.link, MESSAGE_END), 0u);
    node_wait(node, 8000);
    cr_assert_geq(node_count_sent(node, scene->hosts[1].self.link, MESSAGE_END), 1u);
    node_wait(node, 15000);
    cr_assert_eq(node_dones(node, CLIENT, &status), 1u);
    cr_assert_eq(status, STATUS_REFUSED);
    cr_assert_eq(node_rows(node, CLIENT, ROW_CHARGE), 2u);
    scene_free(scene);
}

Test(gang, a_member_that_fails_ends_the_others)
{
    struct scene *scene = running(2, 2, 1, true);
    struct node *node = scene->node;
    const struct final final = {.reason = END_JOB_EXITED,
                                .exit_code = 3,
                                .started_at_s = (uint64_t)node->now.wall.ms / 1000,
                                .ended_at_s = (uint64_t)node->now.wall.ms / 1000};
    false_host_ends(&scene->hosts[0], node, &final);
    node_wait(node, 300);
    cr_assert_geq(node_count_sent(node, scene->hosts[1].self.link, MESSAGE_END), 1u);
    scene_free(scene);
}

Test(gang, it_ends_with_its_reader_and_a_detached_one_does_not)
{
    for (int attached = 0; attached < 2; attached++) {
        struct scene *scene = running(2, 2, 2, attached != 0);
        const struct event gone = {.type = EVENT_CONTROL_GONE, .as.control_gone = {CLIENT}};
        node_step(scene->node, &gone);
        node_wait(scene->node, 300);
        const unsigned ends = node_count_sent(scene->node, scene->hosts[0].self.link, MESSAGE_END);
        cr_assert_eq(ends > 0, attached != 0);
        scene_free(scene);
    }
}

Test(gang, what_it_cannot_do_is_refused_at_once)
{
    static const uint16_t cases[][2] = {{65, 0}, {4000, 3}, {3, 4}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene *scene = scene_new(1);
        uint8_t status = 0;
        rent(scene, cases[i][0], cases[i][1], true);
        cr_assert_eq(node_dones(scene->node, CLIENT, &status), 1u);
        cr_assert_neq(status, STATUS_OK);
        cr_assert_not(false_host_sees_hold(&scene->hosts[0], scene->node));
        scene_free(scene);
    }
}

Test(gang, all_members_share_one_fast_network_when_asked_to)
{
    static const uint64_t fabrics[] = {9, 7, 0, 7};
    for (uint16_t hosts = 2; hosts <= 3; hosts++) {
        static uint8_t memory[4096];
        struct scene *scene = scene_new(4);
        struct request request = request_default();
        struct buffer buffer;
        for (size_t i = 0; i < 4; i++) {
            scene->hosts[i].listing.fabric = fabrics[i];
            false_host_lists(&scene->hosts[i], scene->node);
        }
        request.hosts = hosts;
        request.same_fabric = true;
        buffer_init(&buffer, memory, sizeof memory);
        cr_assert_eq(codec_encode(&request_schema, &request, &buffer), STATUS_OK);
        const struct control_rent ask = {
            .request = buffer_bytes(&buffer),
            .arguments = {.count = 1, .items = {bytes_of_text("/bin/true")}}};
        node_ask(scene->node, CLIENT, CONTROL_RENT, &ask);
        cr_assert_not(false_host_sees_hold(&scene->hosts[0], scene->node));
        cr_assert(false_host_sees_hold(&scene->hosts[1], scene->node));
        cr_assert_not(false_host_sees_hold(&scene->hosts[2], scene->node));
        cr_assert(false_host_sees_hold(&scene->hosts[3], scene->node));
        all_hold(scene);
        node_wait(scene->node, 500);
        cr_assert_eq(node_count_sent(scene->node, scene->hosts[1].self.link, MESSAGE_GANG_CONFIRM),
                     hosts == 2 ? 1u : 0u);
        scene_free(scene);
    }
}

Test(gang, one_gang_is_in_admission_at_a_time)
{
    struct scene *scene = scene_new(4);
    rent(scene, 2, 2, true);
    unsigned asked = 0;
    for (size_t i = 0; i < 4; i++) {
        asked += false_host_sees_hold(&scene->hosts[i], scene->node);
    }
    cr_assert_eq(asked, 2u);
    static uint8_t memory[4096];
    struct request request = request_default();
    struct buffer buffer;
    request.hosts = 2;
    buffer_init(&buffer, memory, sizeof memory);
    cr_assert_eq(codec_encode(&request_schema, &request, &buffer), STATUS_OK);
    const struct control_rent ask = {
        .request = buffer_bytes(&buffer),
        .arguments = {.count = 1, .items = {bytes_of_text("/bin/true")}}};
    node_ask(scene->node, CLIENT + 1, CONTROL_RENT, &ask);
    node_wait(scene->node, 500);
    asked = 0;
    for (size_t i = 0; i < 4; i++) {
        asked += false_host_sees_hold(&scene->hosts[i], scene->node);
    }
    cr_assert_eq(asked, 2u, "the second one waits for the first");
    scene_free(scene);
}
