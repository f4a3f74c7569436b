#include "node/market/scan.h"

#include <stdbool.h>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

enum { WORD_ROWS = 64 };

static bool
holds(const struct scan_test *test, int32_t value)
{
    const int32_t masked = value & test->mask;
    switch (test->kind) {
    case SCAN_AT_LEAST:
        return masked >= test->bound;
    case SCAN_AT_MOST:
        return masked <= test->bound;
    case SCAN_ALL_OF:
        return masked == test->mask;
    case SCAN_ANY_OF:
        break;
    }
    return masked != 0;
}

static void
scan_plain(const struct scan_test *tests, size_t test_count, size_t words, uint64_t *masks)
{
    for (size_t word = 0; word < words; word++) {
        uint64_t mask = masks[word];
        for (size_t i = 0; i < test_count && mask != 0; i++) {
            const int32_t *rows = tests[i].column + word * WORD_ROWS;
            for (uint64_t left = mask; left != 0; left &= left - 1) {
                const int bit = __builtin_ctzll(left);
                mask &= ~((uint64_t)!holds(&tests[i], rows[bit]) << bit);
            }
        }
        masks[word] = mask;
    }
}

#if defined(__x86_64__)

enum { VECTOR_ROWS = 8 };

/* Eight rows as a mask of all ones where the test holds. */
__attribute__((target("avx2"), always_inline)) static inline __m256i
held_by_eight(enum scan_kind kind, __m256i masked, __m256i against)
{
    const __m256i ones = _mm256_set1_epi32(-1);
    switch (kind) {
    case SCAN_AT_LEAST: /* `against` is the bound less one */
        return _mm256_cmpgt_epi32(masked, against);
    case SCAN_AT_MOST:
        return _mm256_andnot_si256(_mm256_cmpgt_epi32(masked, against), ones);
    case SCAN_ALL_OF: /* `against` is the mask */
        return _mm256_cmpeq_epi32(masked, against);
    case SCAN_ANY_OF:
        break;
    }
    return _mm256_andnot_si256(_mm256_cmpeq_epi32(masked, _mm256_setzero_si256()), ones);
}

__attribute__((target("avx2"), always_inline)) static inline uint64_t
held_by_word(enum scan_kind kind, const int32_t *rows, __m256i mask, __m256i against)
{
    uint64_t held = 0;
    for (unsigned at = 0; at < WORD_ROWS; at += VECTOR_ROWS) {
        const __m256i values = _mm256_loadu_si256((const __m256i *)(const void *)(rows + at));
        const __m256i eight = held_by_eight(kind, _mm256_and_si256(values, mask), against);
        const unsigned bits = (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(eight));
        held |= (uint64_t)bits << at;
    }
    return held;
}

/* One word of rows by one test; the kind is a constant in each branch. */
__attribute__((target("avx2"))) static uint64_t
scan_word(const struct scan_test *test, const int32_t *rows)
{
    const __m256i mask = _mm256_set1_epi32(test->mask);
    switch (test->kind) {
    case SCAN_AT_LEAST:
        return held_by_word(SCAN_AT_LEAST, rows, mask, _mm256_set1_epi32(test->bound - 1));
    case SCAN_AT_MOST:
        return held_by_word(SCAN_AT_MOST, rows, mask, _mm256_set1_epi32(test->bound));
    case SCAN_ALL_OF:
        return held_by_word(SCAN_ALL_OF, rows, mask, mask);
    case SCAN_ANY_OF:
        break;
    }
    return held_by_word(SCAN_ANY_OF, rows, mask, mask);
}

__attribute__((target("avx2"))) static void
scan_by_eights(const struct scan_test *tests, size_t test_count, size_t words, uint64_t *masks)
{
    for (size_t word = 0; word < words; word++) {
        uint64_t mask = masks[word];
        for (size_t i = 0; i < test_count && mask != 0; i++) {
            mask &= scan_word(&tests[i], tests[i].column + word * WORD_ROWS);
        }
        masks[word] = mask;
    }
}

__attribute__((target("avx512f"), always_inline)) static inline __mmask16
held_by_sixteen(enum scan_kind kind, __m512i values, __m512i mask, __m512i bound)
{
    const __m512i masked = _mm512_and_si512(values, mask);
    switch (kind) {
    case SCAN_AT_LEAST:
        return _mm512_cmpge_epi32_mask(masked, bound);
    case SCAN_AT_MOST:
        return _mm512_cmple_epi32_mask(masked, bound);
    case SCAN_ALL_OF:
        return _mm512_cmpeq_epi32_mask(masked, mask);
    case SCAN_ANY_OF:
        break;
    }
    return _mm512_test_epi32_mask(values, mask);
}

__attribute__((target("avx512f"), always_inline)) static inline uint64_t
held_by_four(enum scan_kind kind, const struct scan_test *test, const int32_t *rows)
{
    const __m512i mask = _mm512_set1_epi32(test->mask);
    const __m512i bound = _mm512_set1_epi32(test->bound);
    /* All four loads at once; a loop waits for each. */
    const uint64_t a = held_by_sixteen(kind, _mm512_loadu_si512(rows), mask, bound);
    const uint64_t b = held_by_sixteen(kind, _mm512_loadu_si512(rows + 16), mask, bound);
    const uint64_t c = held_by_sixteen(kind, _mm512_loadu_si512(rows + 32), mask, bound);
    const uint64_t d = held_by_sixteen(kind, _mm512_loadu_si512(rows + 48), mask, bound);
    return a | b << 16 | c << 32 | d << 48;
}

__attribute__((target("avx512f"))) static void
scan_by_sixteens(const struct scan_test *tests, size_t test_count, size_t words, uint64_t *masks)
{
    for (size_t word = 0; word < words; word++) {
        uint64_t mask = masks[word];
        for (size_t i = 0; i < test_count && mask != 0; i++) {
            const int32_t *rows = tests[i].column + word * WORD_ROWS;
            switch (tests[i].kind) {
            case SCAN_AT_LEAST:
                mask &= held_by_four(SCAN_AT_LEAST, &tests[i], rows);
                break;
            case SCAN_AT_MOST:
                mask &= held_by_four(SCAN_AT_MOST, &tests[i], rows);
                break;
            case SCAN_ALL_OF:
                mask &= held_by_four(SCAN_ALL_OF, &tests[i], rows);
                break;
            case SCAN_ANY_OF:
                mask &= held_by_four(SCAN_ANY_OF, &tests[i], rows);
                break;
            }
        }
        masks[word] = mask;
    }
}

/* What the processor has, and what of its registers the operating system keeps (XCR0). */
size_t
scan_functions(scan_function ret_functions[SCAN_FUNCTIONS_MAX])
{
    enum { KEEPS_AVX = 0x06, KEEPS_AVX512 = 0xe6 };
    unsigned a = 0;
    unsigned b = 0;
    unsigned c = 0;
    unsigned d = 0;
    unsigned kept = 0;
    unsigned kept_high = 0;
    size_t count = 0;
    ret_functions[count++] = scan_plain;
    if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & bit_OSXSAVE) == 0 ||
        __get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) {
        return count;
    }
    __asm__ volatile("xgetbv" : "=a"(kept), "=d"(kept_high) : "c"(0));
    if ((b & bit_AVX2) != 0 && (kept & KEEPS_AVX) == KEEPS_AVX) {
        ret_functions[count++] = scan_by_eights;
    }
    if ((b & bit_AVX512F) != 0 && (kept & KEEPS_AVX512) == KEEPS_AVX512) {
        ret_functions[count++] = scan_by_sixteens;
    }
    return count;
}

#else

size_t
scan_functions(scan_function ret_functions[SCAN_FUNCTIONS_MAX])
{
    ret_functions[0] = scan_plain;
    return 1;
}

#endif

scan_function
scan_best(void)
{
    scan_function functions[SCAN_FUNCTIONS_MAX];
    const size_t count = scan_functions(functions);
    return functions[count - 1];
}
