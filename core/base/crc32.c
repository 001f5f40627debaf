/* Sixteen bytes a step: tables[k][b] is the sum of byte b followed by k zero bytes, and sums of parts are added by
 * exclusive or (Kounavis and Berry, "A Systematic Approach to Building High Performance Software-Based CRC
 * Generators", ISCC 2005). */
#include "core/base/crc32.h"

#include <pthread.h>

enum { STEP = 16 };
#define POLYNOMIAL 0xEDB88320u

static uint32_t tables[STEP][256];
static pthread_once_t made = PTHREAD_ONCE_INIT;

static void make_tables(void)
{
    for (uint32_t b = 0; b < 256; b++) {
        uint32_t sum = b;
        for (int bit = 0; bit < 8; bit++)
            sum = sum & 1 ? sum >> 1 ^ POLYNOMIAL : sum >> 1;
        tables[0][b] = sum;
    }
    for (int k = 1; k < STEP; k++)
        for (uint32_t b = 0; b < 256; b++)
            tables[k][b] = tables[k - 1][b] >> 8 ^ tables[0][tables[k - 1][b] & 0xFF];
}

/* Four bytes, the first of which has `after` bytes of the step behind it. */
static uint32_t part(uint32_t four, int after)
{
    return tables[after][four & 0xFF] ^ tables[after - 1][four >> 8 & 0xFF] ^ tables[after - 2][four >> 16 & 0xFF] ^
           tables[after - 3][four >> 24];
}

static uint32_t load(const unsigned char *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

uint32_t crc32_add(uint32_t crc, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    pthread_once(&made, make_tables);
    crc = ~crc;
    for (; size >= STEP; size -= STEP, at += STEP)
        crc = part(load(at) ^ crc, 15) ^ part(load(at + 4), 11) ^ part(load(at + 8), 7) ^ part(load(at + 12), 3);
    for (; size > 0; size--, at++)
        crc = crc >> 8 ^ tables[0][(crc ^ *at) & 0xFF];
    return ~crc;
}
