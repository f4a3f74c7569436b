#include <criterion/criterion.h>
#include <string.h>

#include "tests/io/workload_fixture.h"

static struct fixture fixture;

Test(workload, exit_code_is_the_programs)
{
    static const struct {
        const char *script;
        uint32_t code;
    } cases[] = {{"true", 0}, {"false", 1}, {"exit 42", 42}, {"exit 255", 255}, {"exit 137", 137}};
    if (fixture_cannot_run()) {
        cr_skip_test();
    }
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fixture_init_shell(&fixture, cases[i].script);
        fixture_run(&fixture, 5000);
        cr_assert_eq(fixture.status.end, WORKLOAD_END_EXITED, "%s: %s", cases[i].script,
                     fixture.status.reason);
        cr_assert_eq(fixture.status.exit_code, cases[i].code);
        cr_assert_eq(fixture.status.signal_number, 0);
        fixture_clear(&fixture);
    }
}
