/* Maps for tests in either precision, and the rounding of bfloat16 from its definition, by arithmetic alone. */
#ifndef FREEZETUNE_TESTS_MAPS_H
#define FREEZETUNE_TESTS_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/ops/precision.h"

/* The number of `precision` that is nearest to v; of two that are equally near the one whose last bit is 0. Infinity
 * beyond the largest, and what is infinite or NaN as it is. */
double nearest(double v, enum precision precision);
/* Half of the distance from |v| to the next larger number of bfloat16: the most that rounding to one near |v| changes;
 * 0 for float32, whose rounding the tolerances of the tests allow for. */
double half_step(double v, enum precision precision);

/* Rounds values in place to what a map of `precision` holds. */
void round_values(float *values, size_t count, enum precision precision);

/* A map with the values, which it can hold: memory of exactly its size, for free(). */
void *map_of(const float *values, size_t count, enum precision precision);
/* An output: all NaN, between guards that begin at its very last byte. */
void *guarded_map(size_t count, enum precision precision);
bool guarded_map_intact(const void *map);
void guarded_map_free(void *map);
/* The map's values, for free(). */
float *values_of(const void *map, size_t count, enum precision precision);

/* As naive_error of a map that was rounded once: what one rounding may change is no error. */
double map_error(const void *map, const double *want, size_t count, enum precision precision);

#endif
