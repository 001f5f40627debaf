#include "tests/support/maps.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/guarded.h"

enum { BF16_DIGITS = 8 }; /* bits of the significand, with the one that is not stored */

/* The distance of two neighbours in the binade of v, or among the denormals. */
static double step_at(double v)
{
    int exponent = v == 0 ? FLT_MIN_EXP : ilogb(v) + 1;
    return ldexp(1, (exponent < FLT_MIN_EXP ? FLT_MIN_EXP : exponent) - BF16_DIGITS);
}

double nearest(double v, enum precision precision)
{
    if (!isfinite(v))
        return v;
    if (precision == PRECISION_F32)
        return (double)(float)v;
    double step = step_at(v), rounded = nearbyint(v / step) * step; /* both exact: a step is a power of two */
    return fabs(rounded) < ldexp(1, FLT_MAX_EXP) ? rounded : copysign(INFINITY, v);
}

double half_step(double v, enum precision precision)
{
    return precision == PRECISION_BF16 ? step_at(v) / 2 : 0;
}

void round_values(float *values, size_t count, enum precision precision)
{
    for (size_t i = 0; i < count; i++)
        values[i] = (float)nearest((double)values[i], precision);
}

static void *must(void *memory)
{
    if (!memory) {
        fprintf(stderr, "no memory for a test\n");
        abort();
    }
    return memory;
}

static void store(void *map, size_t at, float v, enum precision precision)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    uint16_t upper = (uint16_t)(bits >> 16);
    if (precision == PRECISION_F32)
        memcpy((char *)map + at * sizeof v, &v, sizeof v);
    else
        memcpy((char *)map + at * sizeof upper, &upper, sizeof upper);
}

static float load(const void *map, size_t at, enum precision precision)
{
    uint16_t upper;
    float v;
    if (precision == PRECISION_F32) {
        memcpy(&v, (const char *)map + at * sizeof v, sizeof v);
        return v;
    }
    memcpy(&upper, (const char *)map + at * sizeof upper, sizeof upper);
    uint32_t bits = (uint32_t)upper << 16;
    memcpy(&v, &bits, sizeof v);
    return v;
}

void *map_of(const float *values, size_t count, enum precision precision)
{
    void *map = must(malloc(count ? count * precision_size(precision) : 1));
    for (size_t i = 0; i < count; i++)
        store(map, i, values[i], precision);
    return map;
}

float *values_of(const void *map, size_t count, enum precision precision)
{
    float *values = must(malloc(count ? count * sizeof *values : 1));
    for (size_t i = 0; i < count; i++)
        values[i] = load(map, i, precision);
    return values;
}

/* [bytes of the map][guard][map][guard], so that the map is 64-byte aligned. */
enum { HEAD = 64, GUARD = 64 };
static const unsigned char guard_byte = 0xa5;

void *guarded_map(size_t count, enum precision precision)
{
    size_t bytes = count * precision_size(precision), all = HEAD + GUARD + bytes + GUARD;
    unsigned char *memory = must(aligned_alloc(64, (all + 63) / 64 * 64));
    memcpy(memory, &bytes, sizeof bytes);
    memset(memory + HEAD, guard_byte, GUARD);
    memset(memory + HEAD + GUARD, 0xff, bytes); /* NaN in either precision */
    memset(memory + HEAD + GUARD + bytes, guard_byte, GUARD);
    return memory + HEAD + GUARD;
}

bool guarded_map_intact(const void *map)
{
    const unsigned char *before = (const unsigned char *)map - GUARD, *after = map;
    size_t bytes;
    memcpy(&bytes, before - HEAD, sizeof bytes);
    after += bytes;
    for (size_t i = 0; i < GUARD; i++)
        if (before[i] != guard_byte || after[i] != guard_byte)
            return false;
    return true;
}

void guarded_map_free(void *map)
{
    if (map)
        free((unsigned char *)map - GUARD - HEAD);
}

double map_error(const void *map, const double *want, size_t count, enum precision precision)
{
    double off = 0, norm = 0;
    for (size_t i = 0; i < count; i++) {
        double got = (double)load(map, i, precision);
        double allowed = half_step(fmax(fabs(got), fabs(want[i])), precision);
        double beyond = fmax(fabs(got - want[i]) - allowed, 0);
        if (!isfinite(got))
            return INFINITY;
        off += beyond * beyond;
        norm += want[i] * want[i];
    }
    return norm > 0 && isfinite(norm) && isfinite(off) ? sqrt(off / norm) : INFINITY;
}
