/* For *.simd.c files: the widest vector of float of the instruction set that they are compiled for, and the same number
 * of bfloat16, which it is made of and rounded to. */
#ifndef FREEZETUNE_VEC_H
#define FREEZETUNE_VEC_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#if defined(__AVX512BF16__)
#include <immintrin.h>
#endif

#include "core/ops/simd.h"

#if defined(__AVX512F__)
#define WIDTH 16
#elif defined(__AVX2__)
#define WIDTH 8
#else
#define WIDTH 4
#endif

/* Vectors that the processor holds: how large a block of a product can be. */
#if defined(__AVX512F__) || defined(__aarch64__)
#define VECTOR_REGISTERS 32
#else
#define VECTOR_REGISTERS 16
#endif

typedef float vec __attribute__((vector_size(WIDTH * sizeof(float))));
typedef int vec_mask __attribute__((vector_size(WIDTH * sizeof(int))));
typedef uint32_t vec_bits __attribute__((vector_size(WIDTH * sizeof(uint32_t))));
typedef uint16_t vec_halves __attribute__((vector_size(WIDTH * sizeof(uint16_t))));

/* n floats; n <= WIDTH is a constant after inlining wherever a whole vector is left. Missing ones are 0. */
ALWAYS_INLINE vec load(const float *p, size_t n)
{
    vec v = {0};
    memcpy(&v, p, n * sizeof *p);
    return v;
}

ALWAYS_INLINE void store(float *p, vec v, size_t n)
{
    memcpy(p, &v, n * sizeof *p);
}

/* ReLU where floor is 0. Keeps NaN, as PyTorch does. */
ALWAYS_INLINE vec at_least(vec v, float floor)
{
    return (vec)((vec_mask)v & ~(vec_mask)(v < floor));
}

/* Values in the upper half of each lane, of values in 16 bits. */
ALWAYS_INLINE vec_bits bits_of(const uint16_t *p)
{
    vec_halves v;
    memcpy(&v, p, sizeof v);
    return __builtin_convertvector(v, vec_bits) << 16;
}

ALWAYS_INLINE vec vec_of_bf16(const uint16_t *p)
{
    return (vec)bits_of(p);
}

/* Rounded to nearest, ties to even, in the lower half of each lane. See put() in value.h. bf16_of_vec leaves it to the
 * processor where that has an instruction for it, which makes zeros of denormals. */
ALWAYS_INLINE vec_bits rounded_bits(vec v)
{
    vec_bits bits = (vec_bits)v, rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16, nan = bits >> 16 | 0x40;
    vec_bits is_nan = (vec_bits)((vec_mask)(bits & 0x7fffffff) > 0x7f800000);
    return (nan & is_nan) | (rounded & ~is_nan);
}

ALWAYS_INLINE void bf16_of_vec(uint16_t *p, vec v)
{
#if defined(__AVX512BF16__)
    __m256bh h = _mm512_cvtneps_pbh((__m512)v);
#else
    vec_halves h = __builtin_convertvector(rounded_bits(v), vec_halves);
#endif
    memcpy(p, &h, sizeof h);
}

/* The same in the lower half of each lane; and of two vectors side by side, the first in the lower half. */
ALWAYS_INLINE vec_bits bf16_bits_of_vec(vec v)
{
#if defined(__AVX512BF16__)
    vec_halves h;
    bf16_of_vec((uint16_t *)&h, v);
    return __builtin_convertvector(h, vec_bits);
#else
    return rounded_bits(v);
#endif
}

ALWAYS_INLINE vec_bits bf16_pairs_of_vecs(vec low, vec high)
{
    return bf16_bits_of_vec(low) | bf16_bits_of_vec(high) << 16;
}

#endif
