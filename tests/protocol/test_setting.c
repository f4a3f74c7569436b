#include "protocol/setting.h"

#include <criterion/criterion.h>
#include <string.h>

Test(setting, every_default_is_a_value_of_its_setting_and_every_name_is_found)
{
    cr_assert_gt(setting_count(), 20);
    for (size_t i = 0; i < setting_count(); i++) {
        const struct setting *setting = setting_at(i);
        char memory[256];
        struct buffer why;
        buffer_init(&why, memory, sizeof memory);
        cr_assert_eq(setting_check(setting, bytes_of_text(setting->initial), &why), STATUS_OK, "%s",
                     setting->name);
        cr_assert_eq(setting_find(bytes_of_text(setting->name)), setting, "%s", setting->name);
        cr_assert_gt(strlen(setting->help), 10);
        cr_assert_gt(strlen(setting_kind_shown(setting->kind)), 0);
    }
}

Test(setting, unknown_names_are_not_found_and_near_ones_suggested)
{
    cr_assert_null(setting_find(bytes_of_text("")));
    cr_assert_null(setting_find(bytes_of_text("Label")));
    cr_assert_null(setting_find(bytes_of_text("lis")));
    cr_assert_str_eq(setting_nearest(bytes_of_text("lissten")), "listen");
    cr_assert_str_eq(setting_nearest(bytes_of_text("simulat")), "simulate");
    cr_assert_null(setting_nearest(bytes_of_text("quantum-teleporter")));
}

Test(setting, values_of_another_kind_are_refused_with_a_sentence)
{
    static const struct {
        const char *name;
        const char *value;
    } cases[] = {{"listen", ""},
                 {"listen", "tcp://"},
                 {"listen", "tcp://:7700"},
                 {"listen", "tcp://1.2.3.4"},
                 {"listen", "tcp://1.2.3.4:x"},
                 {"listen", "tcp://host:1"},
                 {"listen", "tcp://[::1]:1"},
                 {"label", "a\nb"},
                 {"label", "0123456789012345678901234567890123456789012345678901234567890123"},
                 {"issuer", "00"},
                 {"issuer", "zz00000000000000000000000000000000000000000000000000000000000000"},
                 {"up", "fast"},
                 {"ram", "1"},
                 {"spend-per-day", "-1"},
                 {"seed", "18446744073709551616"},
                 {"region", "mars"},
                 {"log-level", "loud"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char memory[300];
        struct buffer why;
        buffer_init(&why, memory, sizeof memory);
        const struct setting *setting = setting_find(bytes_of_text(cases[i].name));
        cr_assert_not_null(setting);
        cr_assert_neq(setting_check(setting, bytes_of_text(cases[i].value), &why), STATUS_OK,
                      "%s = %s", cases[i].name, cases[i].value);
        cr_assert_gt(why.length, 5, "%s = %s", cases[i].name, cases[i].value);
        cr_assert_neq(setting_check(setting, bytes_of_text(cases[i].value), NULL), STATUS_OK);
    }
}

Test(setting, test_networks_are_told_by_their_names)
{
    static const char *const tests[] = {"test", "test-1", "testing"};
    static const char *const others[] = {"", "tes", "main", "Test", "my-test"};
    for (size_t i = 0; i < 3; i++) {
        cr_assert(network_name_is_test(bytes_of_text(tests[i])));
    }
    for (size_t i = 0; i < 5; i++) {
        cr_assert(!network_name_is_test(bytes_of_text(others[i])));
    }
}
