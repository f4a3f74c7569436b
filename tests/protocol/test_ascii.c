#include "protocol/ascii.h"

#include <criterion/criterion.h>
#include <string.h>

Test(ascii, every_byte_is_what_its_character_says)
{
    static const char digits[] = "0123456789";
    static const char capitals[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static const char small[] = "abcdefghijklmnopqrstuvwxyz";
    for (unsigned i = 0; i < 256; i++) {
        const uint8_t byte = (uint8_t)i;
        const char *capital = byte == 0 ? NULL : strchr(capitals, byte);
        const bool is_small = byte != 0 && strchr(small, byte) != NULL;
        cr_assert_eq(ascii_is_digit(byte), byte != 0 && strchr(digits, byte) != NULL, "%u", i);
        cr_assert_eq(ascii_is_letter(byte), capital != NULL || is_small, "%u", i);
        cr_assert_eq(ascii_lower(byte), capital != NULL ? small[capital - capitals] : byte, "%u",
                     i);
    }
}
