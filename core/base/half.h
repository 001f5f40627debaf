/* Short floating point numbers: rounded once, to nearest, ties to even, and read back exactly.
 *
 * An IEEE 754 format is 1 sign, `exponent` bits, `fraction` bits, from the highest bit down. A half is binary16, kept
 * in a uint16_t.
 */
#ifndef FREEZETUNE_HALF_H
#define FREEZETUNE_HALF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct float_layout {
    unsigned exponent, fraction;
};

#define LAYOUT_HALF ((struct float_layout){5, 10})
#define LAYOUT_BFLOAT ((struct float_layout){8, 7})
#define LAYOUT_FLOAT ((struct float_layout){8, 23})
#define LAYOUT_DOUBLE ((struct float_layout){11, 52})

/* The bits of the value in a layout of at most a double's sizes. Infinities stay, a NaN stays a NaN. False when a
 * finite value became infinite: *bits is that infinity. */
bool float_round(uint64_t *bits, double value, struct float_layout to);

/* The same from float to half, and back; the way back is exact, a NaN keeps its payload. */
uint16_t half_from_float(float value);
float half_to_float(uint16_t half);

/* out[count] = in[count], each. They do not overlap. */
void half_from_floats(uint16_t *out, const float *in, size_t count);
void half_to_floats(float *out, const uint16_t *in, size_t count);

/* Does every finite value stay finite as a half? */
bool half_holds(const float *values, size_t count);

#endif
