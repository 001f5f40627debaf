/* Numbers in the bytes of a file: read and written whatever this machine's order is and however they are aligned.
 *
 *   big      the highest byte first (JPEG, PNG, ISO media boxes)
 *   little   the lowest byte first (BMP, GIF, WebP, zip, pickles, safetensors)
 *
 * The bytes must be there: who reads asks first. <endian.h> wants _DEFAULT_SOURCE, which the Makefile sets. */
#ifndef FREEZETUNE_BYTE_ORDER_H
#define FREEZETUNE_BYTE_ORDER_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The number in `width` (0..8) bytes. */
static inline uint64_t get_big(const uint8_t *at, size_t width)
{
    uint64_t value = 0;
    memcpy((uint8_t *)&value + sizeof value - width, at, width);
    return be64toh(value);
}

static inline uint64_t get_little(const uint8_t *at, size_t width)
{
    uint64_t value = 0;
    memcpy(&value, at, width);
    return le64toh(value);
}

/* OVERWRITES `width` (0..8) bytes with the low ones of the value. */
static inline void put_little(uint8_t *at, uint64_t value, size_t width)
{
    value = htole64(value);
    memcpy(at, &value, width);
}

static inline uint32_t get_big16(const uint8_t *at)
{
    return (uint32_t)get_big(at, 2);
}

static inline uint32_t get_big32(const uint8_t *at)
{
    return (uint32_t)get_big(at, 4);
}

static inline uint32_t get_little16(const uint8_t *at)
{
    return (uint32_t)get_little(at, 2);
}

static inline uint32_t get_little32(const uint8_t *at)
{
    return (uint32_t)get_little(at, 4);
}

static inline uint64_t get_little64(const uint8_t *at)
{
    return get_little(at, 8);
}

#endif
