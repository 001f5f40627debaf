/* Numbers from the bytes of a file, whatever this machine's order is and however they are aligned. */
#ifndef FREEZETUNE_BYTE_ORDER_H
#define FREEZETUNE_BYTE_ORDER_H

#include <stdint.h>

static inline uint32_t get_big16(const uint8_t *at)
{
    return (uint32_t)at[0] << 8 | at[1];
}

static inline uint32_t get_big32(const uint8_t *at)
{
    return get_big16(at) << 16 | get_big16(at + 2);
}

static inline uint32_t get_little16(const uint8_t *at)
{
    return (uint32_t)at[1] << 8 | at[0];
}

static inline uint32_t get_little32(const uint8_t *at)
{
    return get_little16(at + 2) << 16 | get_little16(at);
}

#endif
