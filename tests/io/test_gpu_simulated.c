#include <criterion/criterion.h>
#include <string.h>

#include "node/io/gpu.h"
#include "protocol/gpu_class.h"

static struct gpu cards[GPUS_MAX];
static size_t count;
static char why_memory[512];

static enum status
simulate(const char *text)
{
    struct buffer why;
    buffer_init(&why, why_memory, sizeof why_memory - 1);
    memset(cards, 0, sizeof cards);
    const enum status status = gpus_simulate(bytes_of_text(text), cards, &count, &why);
    why_memory[why.length] = '\0';
    return status;
}

Test(gpu_simulated, a_list_becomes_cards_with_the_figures_of_their_class)
{
    const struct gpu_class *kind = NULL;
    cr_assert_eq(gpu_class_find(bytes_of_text("rtx4090"), &kind), STATUS_OK);
    cr_assert_eq(simulate("rtx4090x2,rtx3060"), STATUS_OK, "%s", why_memory);
    cr_assert_eq(count, 3);
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(cards[i].number, i);
        cr_assert(cards[i].simulated);
    }
    cr_assert_eq(cards[0].gpu_class, kind->number);
    cr_assert_eq(cards[0].vram_mib, kind->vram_mib);
    cr_assert_eq(cards[0].bandwidth_mb_s, kind->bandwidth_mb_s);
    cr_assert_str_eq(cards[0].model, "RTX 4090");
}

Test(gpu_simulated, equal_cards_share_a_slot_group_wherever_they_stand_in_the_list)
{
    cr_assert_eq(simulate(" rtx4090 , rtx3060x2,rtx4090"), STATUS_OK, "%s", why_memory);
    cr_assert_eq(count, 4);
    static const uint16_t groups[] = {0, 1, 1, 0};
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(cards[i].slot_group, groups[i]);
    }
}

Test(gpu_simulated, an_x_and_digits_at_the_end_of_a_name_belong_to_the_name_when_it_is_one)
{
    cr_assert_eq(simulate("rx6800"), STATUS_OK, "%s", why_memory);
    cr_assert_eq(count, 1);
    cr_assert_eq(simulate("rx6800x3"), STATUS_OK, "%s", why_memory);
    cr_assert_eq(count, 3);
}

Test(gpu_simulated, the_same_text_gives_the_same_cards)
{
    static struct gpu first[GPUS_MAX];
    cr_assert_eq(simulate("rtx4090x2,rx6800"), STATUS_OK);
    memcpy(first, cards, sizeof first);
    cr_assert_eq(simulate("rtx4090x2,rx6800"), STATUS_OK);
    cr_assert_eq(memcmp(first, cards, sizeof first), 0);
}

Test(gpu_simulated, what_is_no_card_or_too_many_is_refused_with_a_sentence)
{
    static const struct {
        const char *text;
        enum status status;
        const char *says;
    } cases[] = {{"rtx4091", STATUS_NOT_FOUND, "did you mean rtx4090"},
                 {"rtx4090x0", STATUS_NOT_FOUND, "rtx4090x0"},
                 {"rtx4090x65", STATUS_NOT_FOUND, "rtx4090x65"},
                 {"rtx4090x64,rtx3060", STATUS_LIMIT, "too many"},
                 {"rtx4090,,rtx3060", STATUS_NOT_FOUND, "\"\""},
                 {"h100", STATUS_AMBIGUOUS, "several"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(simulate(cases[i].text), cases[i].status, "%s", cases[i].text);
        cr_assert_not_null(strstr(why_memory, cases[i].says), "%s: %s", cases[i].text, why_memory);
    }
}
