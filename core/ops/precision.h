/* How the values of a map are stored: as float, or as bfloat16, the upper half of one. To compute with them,
 * floats are made of them; a result is rounded once, to nearest, ties to even, when it is stored. Parameters, their
 * gradients and statistics are float in every precision. A map is a void pointer; what knows its shape knows its
 * precision, and its places are counted in values. */
#ifndef FREEZETUNE_PRECISION_H
#define FREEZETUNE_PRECISION_H

#include <stddef.h>
#include <stdint.h>

enum precision { PRECISION_F32, PRECISION_BF16, PRECISIONS };
extern const char *const precision_names[]; /* "f32", "bf16", NULL at the end */

/* Bytes of a value. */
static inline size_t precision_size(enum precision precision)
{
    return precision == PRECISION_BF16 ? sizeof(uint16_t) : sizeof(float);
}

/* Floats of memory that hold `values` of them. */
static inline size_t precision_floats(size_t values, enum precision precision)
{
    return precision == PRECISION_BF16 ? (values + 1) / 2 : values;
}

/* Where value `at` of a map is. */
static inline void *map_at(void *map, size_t at, enum precision precision)
{
    return (char *)map + at * precision_size(precision);
}

static inline const void *map_from(const void *map, size_t at, enum precision precision)
{
    return (const char *)map + at * precision_size(precision);
}

#endif
