#include "core/base/crc32c.h"

#define POLYNOMIAL 0x82F63B78u /* 0x1EDC6F41, bits reflected */

/* The sum of four bits: the two halves of a byte go through it one after the other. */
static uint32_t half_byte(uint32_t bits)
{
    for (int i = 0; i < 4; i++)
        bits = bits >> 1 ^ ((bits & 1) != 0 ? POLYNOMIAL : 0);
    return bits;
}

uint32_t crc32c(const void *bytes, size_t size)
{
    uint32_t table[16], crc = 0xFFFFFFFFu;
    const uint8_t *at = bytes;
    for (uint32_t i = 0; i < 16; i++)
        table[i] = half_byte(i);
    for (size_t i = 0; i < size; i++) {
        crc ^= at[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}
