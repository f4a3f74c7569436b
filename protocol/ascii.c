#include "protocol/ascii.h"

bool
ascii_is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

bool
ascii_is_letter(uint8_t byte)
{
    return ascii_lower(byte) >= 'a' && ascii_lower(byte) <= 'z';
}

uint8_t
ascii_lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte - 'A' + 'a') : byte;
}
