/* Loops over rows of a map's channels: everything in the network that is not a product. Matrices are [rows, C], dense,
 * the channel last, so that a vector register holds neighbouring channels and every per-channel parameter is a plain
 * load. Maps are void pointers here: values of the precision whose table it is. They are computed with as floats.
 *
 * map_lanes.simd.c is compiled once per precision and instruction set; map_lanes() gives the table of the one in use.
 * The sets differ in how they round (fused multiply-add) but each gives the same bytes for the same input.
 */
#ifndef FREEZETUNE_MAP_LANES_H
#define FREEZETUNE_MAP_LANES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/ops/precision.h"

struct map_lanes {
    /* y = relu?(x * scale + shift + residual * residual_scale + residual_shift), rounded once. Any of the pointers
     * scale, shift, residual, residual_scale, residual_shift may be NULL: 1, 0, 0, 1, 0. OVERWRITES y, which may be x
     * or residual. */
    void (*affine)(void *y, const void *x, size_t rows, size_t channels, const float *scale, const float *shift,
                   const void *residual, const float *residual_scale, const float *residual_shift, bool relu);

    /* sum[c] += sum of x, squares[c] += sum of x^2, in double; in bfloat16 four rows are added as floats first. */
    void (*moments)(double *sum, double *squares, const void *x, size_t rows, size_t channels);

    /* g *= (y > 0), in place. */
    void (*mask)(void *g, const void *y, size_t rows, size_t channels);

    /* g *= (z * scale + shift > 0), in place: the ReLU's mask rebuilt from what was stored before BatchNorm, rounded as
     * in affine(). scale and shift may be NULL: 1, 0. */
    void (*mask_affine)(void *g, const void *z, size_t rows, size_t channels, const float *scale, const float *shift);

    /* BatchNorm's two backward sums, in the same way: sum[c] += sum of g, product[c] += sum of g * (z - mean). */
    void (*gradient_sums)(double *sum, double *product, const void *g, const void *z, const float *mean, size_t rows,
                          size_t channels);

    /* dz = g * a + z * b + c, per channel. OVERWRITES dz, which may be g. b and c may be NULL together: 0. */
    void (*gradient_apply)(void *dz, const void *g, const void *z, const float *a, const float *b, const float *c,
                           size_t rows, size_t channels);

    /* y[c] = the mean over the rows of relu?(x * scale + shift), summed in double; rows are `ld` apart. scale and shift
     * may be NULL: 1, 0. OVERWRITES. */
    void (*average)(float *y, const void *x, size_t ld, size_t rows, size_t channels, const float *scale,
                    const float *shift, bool relu);

    /* y[c] = the largest of relu?(x[i][c] * scale[c] + shift[c]) for i < count, 1 or more (scale and shift may be NULL:
     * 1, 0), NaN being larger than all; where[c] = place[i] of the first that is. where may be NULL. Values are rounded
     * before they are compared. OVERWRITES. */
    void (*largest)(void *y, uint8_t *where, const void *const *x, const uint8_t *place, size_t count, size_t channels,
                    const float *scale, const float *shift, bool relu);

    /* sum[c] += dy[c] where where[c] == place: back through `largest`. */
    void (*winners)(float *sum, const void *dy, const uint8_t *where, size_t channels, uint8_t place);

    /* y += x. */
    void (*add)(void *y, const void *x, size_t count);

    /* y[row] = table[x[row]], per channel: pixels[count, 3] through table[3][256]. */
    void (*pixels)(void *y, const uint8_t *x, size_t count, const float *table);

    /* y = x, from floats and to floats. */
    void (*narrow)(void *y, const float *x, size_t count);
    void (*widen)(float *y, const void *x, size_t count);
};

const struct map_lanes *map_lanes(enum precision precision);

#endif
