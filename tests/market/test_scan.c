#include "node/market/scan.h"

#include <criterion/criterion.h>
#include <string.h>

#include "tests/market/naive_book.h"

enum { WORDS = 3, ROWS = WORDS * 64, COLUMNS = 4 };

Test(scan, fast_twins_give_the_bits_of_the_plain_one)
{
    static int32_t columns[COLUMNS][ROWS];
    scan_function functions[SCAN_FUNCTIONS_MAX];
    const size_t function_count = scan_functions(functions);
    uint64_t state = 1;
    for (int round = 0; round < 3000; round++) {
        struct scan_test tests[COLUMNS];
        uint64_t start[WORDS];
        uint64_t plain[WORDS];
        for (size_t i = 0; i < COLUMNS; i++) {
            for (size_t row = 0; row < ROWS; row++) {
                columns[i][row] = (int32_t)(random_next(&state) >> (33 + random_below(&state, 28)));
            }
            tests[i] = (struct scan_test){
                .column = columns[i],
                .kind = (enum scan_kind)random_below(&state, 4),
                .mask = random_below(&state, 2) == 0 ? INT32_MAX : (int32_t)random_below(&state, 7),
                .bound = columns[i][random_below(&state, ROWS)],
            };
        }
        for (size_t word = 0; word < WORDS; word++) {
            start[word] = random_next(&state) | random_next(&state);
        }
        const size_t count = random_below(&state, COLUMNS + 1);
        memcpy(plain, start, sizeof plain);
        functions[0](tests, count, WORDS, plain);
        for (size_t i = 1; i < function_count; i++) {
            uint64_t fast[WORDS];
            memcpy(fast, start, sizeof fast);
            functions[i](tests, count, WORDS, fast);
            cr_assert_arr_eq(plain, fast, sizeof plain, "function %zu", i);
        }
    }
}

Test(scan, each_kind_of_test_holds_at_its_bound)
{
    scan_function functions[SCAN_FUNCTIONS_MAX];
    const size_t function_count = scan_functions(functions);
    static int32_t column[64] = {0, 1, 2, 3, INT32_MAX};
    static const struct {
        enum scan_kind kind;
        int32_t mask;
        int32_t bound;
        uint64_t held;
    } cases[] = {
        {SCAN_AT_LEAST, INT32_MAX, 2, 0x1c},
        {SCAN_AT_LEAST, INT32_MAX, 0, 0x1f},
        {SCAN_AT_LEAST, INT32_MAX, INT32_MAX, 0x10},
        {SCAN_AT_MOST, INT32_MAX, 2, 0x07},
        {SCAN_AT_MOST, INT32_MAX, -1, 0},
        {SCAN_AT_LEAST, 1, 1, 0x1a},
        {SCAN_ALL_OF, 3, 0, 0x18},
        {SCAN_ANY_OF, 3, 0, 0x1e},
        {SCAN_ALL_OF, 0, 0, 0x1f},
        {SCAN_ANY_OF, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct scan_test test = {.column = column,
                                       .kind = cases[i].kind,
                                       .mask = cases[i].mask,
                                       .bound = cases[i].bound};
        for (size_t k = 0; k < function_count; k++) {
            uint64_t mask = 0x1f;
            functions[k](&test, 1, 1, &mask);
            cr_assert_eq(mask, cases[i].held, "case %zu, function %zu", i, k);
        }
    }
}
