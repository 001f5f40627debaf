/* For *.simd.c files that are compiled once per precision: a value as a map stores it, to a float and back. A file for
 * bfloat16 defines STORED_BF16 before it includes this; MAP_NAME(name) then tells both tables apart. */
#ifndef FREEZETUNE_VALUE_H
#define FREEZETUNE_VALUE_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "core/ops/vec.h"

#if defined(STORED_BF16)

typedef uint16_t value;
#define MAP_NAME(name) SIMD_NAME(name##_bf16)

ALWAYS_INLINE float get(value v)
{
    uint32_t bits = (uint32_t)v << 16;
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* To nearest, ties to even: half of the last place kept is added, less one bit where that place is even. The carry goes
 * into the exponent as it should, up to infinity. A NaN would lose its mark to the carry: it keeps its upper half, made
 * quiet. */
ALWAYS_INLINE value put(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16, nan = bits >> 16 | 0x40;
    return (value)((bits & 0x7fffffff) > 0x7f800000 ? nan : rounded);
}

/* n <= WIDTH values is a constant after inlining wherever a whole vector is left. */
ALWAYS_INLINE vec get_vec(const value *p, size_t n)
{
    value row[WIDTH] = {0};
    if (n == WIDTH)
        return vec_of_bf16(p);
    memcpy(row, p, n * sizeof *row);
    return vec_of_bf16(row);
}

ALWAYS_INLINE void put_vec(value *p, vec v, size_t n)
{
    value row[WIDTH];
    if (n == WIDTH) {
        bf16_of_vec(p, v);
        return;
    }
    bf16_of_vec(row, v);
    memcpy(p, row, n * sizeof *row);
}

/* As the map would hold it. */
ALWAYS_INLINE vec round_vec(vec v)
{
    value row[WIDTH];
    bf16_of_vec(row, v);
    return vec_of_bf16(row);
}

#else

typedef float value;
#define MAP_NAME(name) SIMD_NAME(name)

ALWAYS_INLINE float get(value v)
{
    return v;
}

ALWAYS_INLINE value put(float f)
{
    return f;
}

ALWAYS_INLINE vec get_vec(const value *p, size_t n)
{
    vec v = {0};
    memcpy(&v, p, n * sizeof *p);
    return v;
}

ALWAYS_INLINE void put_vec(value *p, vec v, size_t n)
{
    memcpy(p, &v, n * sizeof *p);
}

ALWAYS_INLINE vec round_vec(vec v)
{
    return v;
}

#endif

#endif
