#include "node/io/owner_simulated.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

Test(owner_simulated, the_file_says_which_cards_the_owner_uses)
{
    static const struct {
        const char *text;
        size_t cards;
        uint64_t mask;
    } cases[] = {
        {"all\n", 2, 3},         {"0\n", 2, 1},          {"1", 2, 2},
        {"0,1,5", 2, 3},         {"0 2\n3", 4, 13},      {"", 4, 0},
        {"nobody", 4, 0},        {"63", 64, 1ull << 63}, {"64 999999999999 2", 64, 4},
        {"all", 64, UINT64_MAX}, {"all", 0, 0},
    };
    char directory[] = "/tmp/gpulet-owner-XXXXXX";
    char path[64];
    cr_assert_not_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/owner-uses", directory);
    cr_assert_eq(owner_simulated(directory, 4), 0u, "no file, no owner");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        FILE *file = fopen(path, "w");
        cr_assert_not_null(file);
        fputs(cases[i].text, file);
        fclose(file);
        cr_assert_eq(owner_simulated(directory, cases[i].cards), cases[i].mask, "\"%s\": %llx",
                     cases[i].text, (unsigned long long)owner_simulated(directory, cases[i].cards));
    }
    unlink(path);
    rmdir(directory);
}
