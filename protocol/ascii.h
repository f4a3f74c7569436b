/* Letters and digits of ASCII, whatever the locale. */
#ifndef GPULET_PROTOCOL_ASCII_H
#define GPULET_PROTOCOL_ASCII_H

#include <stdbool.h>
#include <stdint.h>

bool ascii_is_digit(uint8_t byte);
bool ascii_is_letter(uint8_t byte);

/* A capital becomes its small letter; every other byte stays as it is. */
uint8_t ascii_lower(uint8_t byte);

#endif
