/* BatchNorm over the rows of z[M,C], as torch.nn.BatchNorm2d: biased variance to normalise, unbiased variance into the
 * running one, momentum 0.1, eps 1e-5 (Ioffe and Szegedy, arXiv 1502.03167; PyTorch's page of BatchNorm2d).
 *
 * It never makes a pass of its own over the activations where it can help it: forward it turns sums that the
 * convolution gathered into one scale and one shift per channel, which the readers of z apply; backward it turns two
 * sums into three coefficients.
 *
 *   forward   y = z * scale + shift       scale = weight / sqrt(var + eps), shift = bias - mean * scale
 *   backward  dbias = sum(g),  dweight = sum(g * (z - mean)) / sqrt(var + eps)
 *     batch:  dz = g * a + z * b + c      a = scale
 *                                         b = -scale * dweight / (M sqrt(var + eps))
 *                                         c = -scale * dbias / M - b * mean
 *     eval:   dz = g * a                  the statistics are constants
 */
#ifndef FREEZETUNE_BATCHNORM_H
#define FREEZETUNE_BATCHNORM_H

#include <stdbool.h>
#include <stddef.h>

#define BATCHNORM_EPS 1e-5
#define BATCHNORM_MOMENTUM 0.1

/* Per channel, for one forward and backward pass; each pointer has C floats. */
struct batchnorm {
    size_t channels;
    const float *weight, *bias;
    float *running_mean, *running_var;

    float *mean, *inverse; /* of this pass; inverse = 1 / sqrt(var + eps) */
    float *scale, *shift;  /* forward */
    float *a, *b, *c;      /* backward */
};

/* From sums[tiles][2][C] (sum and sum of squares, added here in order) over `rows` rows: fills mean, inverse, scale and
 * shift. OVERWRITES statistics[2][C] with the mean and the unbiased variance, which may lie where sums begin.
 * rows >= 2. */
void batchnorm_from_sums(struct batchnorm *bn, double *statistics, const double *sums, size_t tiles, size_t rows);

/* OVERWRITES total[2][C] with the sums of sums[tiles][2][C], added in order. */
void batchnorm_add_tiles(double *total, const double *sums, size_t tiles, size_t channels);

/* Moves the running statistics by statistics[2][C] of one pass. */
void batchnorm_move(struct batchnorm *bn, const double *statistics);

/* The same four from the running statistics, which stay. */
void batchnorm_from_running(struct batchnorm *bn);

/* scale and shift alone, for BatchNorm folded into a convolution. */
void batchnorm_fold(float *scale, float *shift, const struct batchnorm *bn);

/* From sums[tiles][2][C] (sum of g, sum of g * (z - mean)): OVERWRITES dweight and dbias (either may be NULL) and fills
 * a, b and c (b and c only when `batch`). */
void batchnorm_backward(struct batchnorm *bn, float *dweight, float *dbias, const double *sums, size_t tiles,
                        size_t rows, bool batch);

#endif
