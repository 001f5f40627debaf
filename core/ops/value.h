/* For *.simd.c files that are compiled once per precision: a value as a map stores it, to a float and back. A file for
 * bfloat16 defines STORED_BF16 before it includes this; MAP_NAME(name) then tells both tables apart. */
#ifndef FREEZETUNE_VALUE_H
#define FREEZETUNE_VALUE_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "core/ops/simd.h"

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

typedef uint16_t values_unaligned __attribute__((vector_size(16), aligned(2), may_alias));
typedef uint32_t vector_bits __attribute__((vector_size(32)));

/* Through pointers: without AVX, such a vector is nothing that a function returns. */
ALWAYS_INLINE void get_vector(vector *v, const value *p)
{
    *v = (vector)(__builtin_convertvector(*(const values_unaligned *)p, vector_bits) << 16);
}

ALWAYS_INLINE void put_vector(value *p, const vector *v)
{
    vector_bits bits = (vector_bits)*v, rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16, nan = bits >> 16 | 0x40;
    vector_bits is_nan = (vector_bits)((bits & 0x7fffffff) > 0x7f800000);
    *(values_unaligned *)p = __builtin_convertvector((nan & is_nan) | (rounded & ~is_nan), values_unaligned);
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

ALWAYS_INLINE void get_vector(vector *v, const value *p)
{
    *v = *(const vector_unaligned *)p;
}

ALWAYS_INLINE void put_vector(value *p, const vector *v)
{
    *(vector_unaligned *)p = *v;
}

#endif

#endif
