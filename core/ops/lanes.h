/* Loops over rows of channels: everything in the network that is not a product. Matrices are [rows, C], dense, the
 * channel last, so that a vector register holds neighbouring channels and every per-channel parameter is a plain load.
 *
 * lanes.simd.c is compiled once per instruction set; lanes() gives the table of the one in use. The sets differ in how
 * they round (fused multiply-add) but each gives the same bytes for the same input.
 */
#ifndef FREEZETUNE_LANES_H
#define FREEZETUNE_LANES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The coefficients of one Adam step, each rounded once from double: 1 - 0.999f is not 0.001f. */
struct adam_step {
    float rate;         /* lr / (1 - beta1^t) */
    float rest1;        /* 1 - beta1 */
    float beta2, rest2; /* rest2 = 1 - beta2 */
    float eps;
    float decay;            /* joins the gradient (Adam), or 0 */
    float shrink;           /* multiplies w before anything else (AdamW), or 1 */
    float correction2_root; /* sqrt(1 - beta2^t) */
};

struct lanes {
    /* y = relu?(x * scale + shift + residual * residual_scale + residual_shift). Any of the pointers scale, shift,
     * residual, residual_scale, residual_shift may be NULL: 1, 0, 0, 1, 0. OVERWRITES y, which may be x or residual. */
    void (*affine)(float *y, const float *x, size_t rows, size_t channels, const float *scale, const float *shift,
                   const float *residual, const float *residual_scale, const float *residual_shift, bool relu);

    /* sum[c] += sum of x, squares[c] += sum of x^2, in double. */
    void (*moments)(double *sum, double *squares, const float *x, size_t rows, size_t channels);

    /* g *= (y > 0), in place. */
    void (*mask)(float *g, const float *y, size_t rows, size_t channels);

    /* g *= (z * scale + shift > 0), in place: the ReLU's mask rebuilt from what was stored before BatchNorm, rounded as
     * in affine(). scale and shift may be NULL: 1, 0. */
    void (*mask_affine)(float *g, const float *z, size_t rows, size_t channels, const float *scale, const float *shift);

    /* BatchNorm's two backward sums in double: sum[c] += sum of g, product[c] += sum of g * (z - mean). */
    void (*gradient_sums)(double *sum, double *product, const float *g, const float *z, const float *mean, size_t rows,
                          size_t channels);

    /* dz = g * a + z * b + c, per channel. OVERWRITES dz, which may be g. b and c may be NULL together: 0. */
    void (*gradient_apply)(float *dz, const float *g, const float *z, const float *a, const float *b, const float *c,
                           size_t rows, size_t channels);

    /* best[c] = the larger of best[c] and relu?(x[c] * scale[c] + shift[c]) (scale and shift may be NULL: 1, 0), NaN
     * being larger than all; where[c] = place where x wins. where may be NULL. */
    void (*larger)(float *best, uint8_t *where, const float *x, size_t channels, const float *scale, const float *shift,
                   bool relu, uint8_t place);

    /* y += x. */
    void (*add)(float *y, const float *x, size_t count);

    /* y[row] = table[x[row]], per channel: pixels[count, 3] through table[3][256]. */
    void (*pixels)(float *y, const uint8_t *x, size_t count, const float *table);

    /* Optimizer steps over `count` values, in place on w and on the state. core/train/optimizer.h has the formulas.
     * sgd: `momentum` NULL is none; `first`: it starts as the gradient. */
    void (*sgd)(float *w, float *momentum, const float *dw, size_t count, float lr, float mu, float decay,
                bool nesterov, bool first);
    void (*adam)(float *w, float *m, float *v, const float *dw, size_t count, const struct adam_step *step);
};

const struct lanes *lanes(void);

#endif
