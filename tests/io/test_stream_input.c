#include "node/io/stream_input.h"

#include <criterion/criterion.h>
#include <string.h>

#include "node/io/workload.h"
#include "protocol/limits.h"

/* The byte that belongs at an offset: another one at each of them, nearly. */
static uint8_t
byte_at(uint64_t offset)
{
    return (uint8_t)(offset * 131 + offset / 251);
}

static void
fill(uint8_t *memory, uint64_t offset, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        memory[i] = byte_at(offset + i);
    }
}

Test(stream_input, bytes_come_out_as_they_went_in_however_they_are_cut)
{
    static uint8_t chunk[STREAM_FRAME_BYTES_MAX];
    struct stream_input input = {0};
    uint64_t in = 0;
    uint64_t out = 0;
    for (size_t round = 0; round < 2000; round++) {
        const size_t length = 1 + round * 7919 % sizeof chunk;
        fill(chunk, in, length);
        if (stream_input_append(&input, in, bytes_of(chunk, length)) == STATUS_OK) {
            in += length;
        }
        const struct bytes next = stream_input_next(&input);
        cr_assert_leq(next.length, STREAM_FRAME_BYTES_MAX);
        const size_t taken = next.length > 3 ? next.length - round % 3 : next.length;
        for (size_t i = 0; i < taken; i++) {
            cr_assert_eq(next.data[i], byte_at(out + i));
        }
        stream_input_was_sent(&input, taken);
        out += taken;
        stream_input_acknowledge(&input, out);
    }
    cr_assert_gt(out, 10u << 20);
    stream_input_clear(&input);
}

Test(stream_input, what_has_not_arrived_is_handed_on_again_and_what_has_is_not)
{
    struct stream_input input = {0};
    cr_assert_eq(stream_input_append(&input, 0, bytes_of_text("abcdefgh")), STATUS_OK);
    stream_input_was_sent(&input, 8);
    stream_input_end(&input, 8);
    cr_assert(stream_input_end_is_due(&input));
    input.end_is_sent = true;
    stream_input_acknowledge(&input, 3);
    stream_input_rewind(&input);
    cr_assert(bytes_are_text(stream_input_next(&input), "defgh"));
    cr_assert(!stream_input_end_is_due(&input), "the end comes after the bytes");
    stream_input_was_sent(&input, 5);
    cr_assert(stream_input_end_is_due(&input));
    stream_input_clear(&input);
}

Test(stream_input, repeated_bytes_are_skipped_gaps_and_too_much_are_refused)
{
    static uint8_t large[STREAM_FRAME_BYTES_MAX];
    struct stream_input input = {0};
    cr_assert_eq(stream_input_append(&input, 1, bytes_of_text("x")), STATUS_OUT_OF_RANGE);
    cr_assert_eq(stream_input_append(&input, 0, bytes_of_text("abc")), STATUS_OK);
    cr_assert_eq(stream_input_append(&input, 0, bytes_of_text("ab")), STATUS_OK);
    cr_assert_eq(stream_input_append(&input, 1, bytes_of_text("bcde")), STATUS_OK);
    cr_assert(bytes_are_text(stream_input_next(&input), "abcde"));
    uint64_t offset = 5;
    while (stream_input_append(&input, offset, bytes_of(large, sizeof large)) == STATUS_OK) {
        offset += sizeof large;
    }
    cr_assert_geq(offset, WORKLOAD_STDIN_WINDOW);
    cr_assert_leq(offset, WORKLOAD_STDIN_WINDOW + 2 * sizeof large);
    cr_assert_eq(input.length, offset, "a refused piece leaves no trace");
    stream_input_clear(&input);
}

Test(stream_input, an_acknowledgement_beyond_what_is_known_moves_on)
{
    struct stream_input input = {0};
    stream_input_acknowledge(&input, 1000);
    cr_assert_eq(stream_input_append(&input, 990, bytes_of_text("0123456789abc")), STATUS_OK);
    cr_assert(bytes_are_text(stream_input_next(&input), "abc"));
    stream_input_acknowledge(&input, 10);
    cr_assert(bytes_are_text(stream_input_next(&input), "abc"), "an old one changes nothing");
    stream_input_clear(&input);
}
