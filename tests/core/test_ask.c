/* Automatic asks follow the others of the class, and never lie under what a card's current costs. */
#include "node/core/ask.h"

#include <criterion/criterion.h>

#include "node/core/state.h"
#include "protocol/gpu_class.h"
#include "protocol/price.h"
#include "tests/core/false_host.h"

static uint16_t
class_of(const char *name)
{
    const struct gpu_class *gpu_class = NULL;
    cr_assert_eq(gpu_class_find(bytes_of_text(name), &gpu_class), STATUS_OK);
    return gpu_class->number;
}

static void
offers(struct node *node, struct false_host *host, const char *name, int64_t ask)
{
    false_host_init(host, node, name);
    host->listing.ask_uusd_per_hour = micro(ask);
    false_host_lists(host, node);
    node_wait(node, 300);
}

static int64_t
suggested(struct node *node, const char *name)
{
    node->core->effects = node->effects; /* as in a step */
    return amount_micro(ask_suggested(node->core, class_of(name)));
}

Test(ask, an_empty_book_suggests_what_is_typical)
{
    struct node *node = node_new("alone", 1);
    const struct gpu_class *gpu_class = gpu_class_by_number(class_of("rtx4090"));
    cr_assert_eq(suggested(node, "rtx4090"), gpu_class->ask_uusd_per_hour);
    node_host(node, 9000000);
    cr_assert_eq(suggested(node, "rtx4090"), gpu_class->ask_uusd_per_hour, "own asks count");
    node_free(node);
}

Test(ask, an_automatic_ask_is_the_median_of_the_others)
{
    static struct false_host hosts[3];
    struct node *node = node_new("host", 1);
    node_host(node, 9000000);
    offers(node, &hosts[0], "first", 500000);
    cr_assert_eq(suggested(node, "rtx4090"), 500000);
    offers(node, &hosts[1], "second", 200000);
    cr_assert_eq(suggested(node, "rtx4090"), 200000, "the lower of two");
    offers(node, &hosts[2], "third", 410000);
    cr_assert_eq(suggested(node, "rtx4090"), 410000);
    const struct gpu_class *other = gpu_class_by_number(class_of("rtx3060"));
    cr_assert_eq(suggested(node, "rtx3060"), other->ask_uusd_per_hour, "another class");

    const struct control_host ask = {.ask_is_auto = true};
    node_ask(node, 77, CONTROL_HOST, &ask);
    cr_assert_eq(amount_micro(node->core->offers[0].body.ask_uusd_per_hour), 410000);
    node_free(node);
}

Test(ask, no_automatic_ask_is_under_what_the_current_costs)
{
    static struct false_host host;
    struct node *node = node_new("host", 1);
    const struct gpu_class *gpu_class = gpu_class_by_number(class_of("rtx4090"));
    offers(node, &host, "cheap", 20000);
    node->core->options.current_uusd_per_kwh = micro(300000);
    const int64_t current = 300000 * gpu_class->watts / 1000;
    cr_assert_gt(current, 20000);
    cr_assert_eq(suggested(node, "rtx4090"), current);
    node->core->options.current_uusd_per_kwh = micro(1000);
    cr_assert_eq(suggested(node, "rtx4090"), 20000);
    node_free(node);
}
