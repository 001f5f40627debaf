#include "core/base/half.h"

#include <string.h>

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* ---- any layout -------------------------------------------------------------------------------------------------- */

/* A finite double's magnitude as a number of the layout's steps, which is the bit pattern without the sign: exponents
 * follow one another, so a fraction that rounds up to the next power of two carries into the exponent by itself. */
static uint64_t round_finite(uint64_t magnitude, struct float_layout to)
{
    const int bias = (1 << (to.exponent - 1)) - 1, least = 1 - bias, exponent = (int)(magnitude >> 52) - 1023;
    const uint64_t mantissa = (magnitude & ((1ull << 52) - 1)) | 1ull << 52;
    const int scale = exponent < least ? least : exponent;
    const int shift = 52 - (int)to.fraction + (scale - exponent);
    if (shift > 53 || exponent == -1023)
        return 0; /* below half of the smallest step */
    if (shift == 0)
        return magnitude;
    uint64_t kept = mantissa >> shift, rest = mantissa & ((1ull << shift) - 1), half = 1ull << (shift - 1);
    kept += rest > half || (rest == half && (kept & 1));
    return exponent < least ? kept : ((uint64_t)(exponent + bias - 1) << to.fraction) + kept;
}

bool float_round(uint64_t *bits, double value, struct float_layout to)
{
    uint64_t magnitude, sign, infinite = ((1ull << to.exponent) - 1) << to.fraction;
    memcpy(&magnitude, &value, sizeof magnitude);
    sign = magnitude >> 63 << (to.exponent + to.fraction);
    magnitude &= ~(1ull << 63);
    if (magnitude >= 0x7FFull << 52) {
        bool nan = magnitude > 0x7FFull << 52;
        uint64_t payload = (magnitude & ((1ull << 52) - 1)) >> (52 - to.fraction);
        *bits = sign | infinite | (nan ? payload | 1ull << (to.fraction - 1) : 0);
        return true;
    }
    magnitude = round_finite(magnitude, to);
    *bits = sign | (magnitude < infinite ? magnitude : infinite);
    return magnitude < infinite;
}

/* ---- half: millions of values, half of them the zeros of a ReLU, so nothing branches on a value ------------------ */

#define HALF_INFINITE 0x7C00u
#define FLOAT_INFINITE 0x7F800000u
/* Halfway between the largest half, 65504, and the next number: from here on there is infinity. */
#define HALF_OVERFLOW 65520.0f
/* The exponent's bias is 127 in a float and 15 in a half. */
#define REBIAS (127u - 15)

uint16_t half_from_float(float value)
{
    const uint32_t bits = bits_of(value), sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7FFFFFFFu;
    /* 13 bits go: a bit less than half a step is added, or half a step if that leaves an even number. */
    const uint32_t rounded = (magnitude - (REBIAS << 23) + 0xFFFu + (magnitude >> 13 & 1)) >> 13;
    /* Below 2^-14 a step is 2^-24, which is the step of a float from 0.5 to 1: the sum is rounded by the processor. */
    const uint32_t small = bits_of(float_of(magnitude) + 0.5f) - bits_of(0.5f);
    const uint32_t nan = HALF_INFINITE | 0x200u | (magnitude >> 13 & 0x3FFu);
    uint32_t half = magnitude < bits_of(0x1p-14f) ? small : rounded;
    half = magnitude >= bits_of(HALF_OVERFLOW) ? HALF_INFINITE : half;
    half = magnitude > FLOAT_INFINITE ? nan : half;
    return (uint16_t)(sign | half);
}

float half_to_float(uint16_t half)
{
    const uint32_t sign = (uint32_t)(half & 0x8000u) << 16, exponent = half >> 10 & 0x1Fu, fraction = half & 0x3FFu;
    const uint32_t small = bits_of((float)fraction * 0x1p-24f);
    const uint32_t normal = (exponent == 0x1F ? 0xFFu : exponent + REBIAS) << 23 | fraction << 13;
    return float_of(sign | (exponent == 0 ? small : normal));
}

void half_from_floats(uint16_t *restrict out, const float *restrict in, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = half_from_float(in[i]);
}

void half_to_floats(float *restrict out, const uint16_t *restrict in, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = half_to_float(in[i]);
}

bool half_holds(const float *values, size_t count)
{
    bool holds = true;
    for (size_t i = 0; i < count; i++) {
        uint32_t magnitude = bits_of(values[i]) & 0x7FFFFFFFu;
        holds &= magnitude < bits_of(HALF_OVERFLOW) || magnitude >= FLOAT_INFINITE;
    }
    return holds;
}
