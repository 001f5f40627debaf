/* Every operator once more, written straight from its definition in double precision: slow, obvious, no tricks. The
 * unit tests compare the fast code with these, and the gradient tests compare these with finite differences.
 *
 * Letters as in the tree: N images, H W pixels, C channels in, R S kernel, P Q pixels out, K channels out, M rows; the
 * last letter fastest. All outputs are OVERWRITTEN and never alias an input.
 */
#ifndef FREEZETUNE_NAIVE_H
#define FREEZETUNE_NAIVE_H

#include <stddef.h>

#include "core/ops/conv.h"

/* y[N,P,Q,K] = sum over r, s, c of x[n, p*stride + r - pad, q*stride + s - pad, c] * w[k,r,s,c], x being 0 outside. */
void naive_conv_forward(double *y, const double *x, const double *w, const struct conv_shape *shape, size_t images);
void naive_conv_backward_data(double *dx, const double *dy, const double *w, const struct conv_shape *shape,
                              size_t images);
void naive_conv_backward_weight(double *dw, const double *dy, const double *x, const struct conv_shape *shape,
                                size_t images);

/* mean[C] and var[C] (biased) of x[M,C]. */
void naive_moments(double *mean, double *var, const double *x, size_t rows, size_t channels);

/* y = (x - mean) / sqrt(var + eps) * gamma + beta (Ioffe and Szegedy, 2015). In training mean and var are those of
 * naive_moments over x; in evaluation they are given. */
void naive_batchnorm_forward(double *y, const double *x, const double *gamma, const double *beta, const double *mean,
                             const double *var, double eps, size_t rows, size_t channels);
/* Training: mean and var depend on x, so dx has three terms. */
void naive_batchnorm_backward_train(double *dx, double *dgamma, double *dbeta, const double *dy, const double *x,
                                    const double *gamma, double eps, size_t rows, size_t channels);
/* Evaluation: mean and var are constants. */
void naive_batchnorm_backward_eval(double *dx, double *dgamma, double *dbeta, const double *dy, const double *x,
                                   const double *gamma, const double *mean, const double *var, double eps, size_t rows,
                                   size_t channels);

void naive_relu_forward(double *y, const double *x, size_t count);
void naive_relu_backward(double *dx, const double *dy, const double *x, size_t count);
void naive_add(double *y, const double *a, const double *b, size_t count);

/* Max pooling of x[N,H,W,C]; outside of x lies minus infinity. Of equal values in a window the first, in reading order,
 * takes the gradient. shape->k is not used. */
void naive_maxpool_forward(double *y, const double *x, const struct conv_shape *shape, size_t images);
void naive_maxpool_backward(double *dx, const double *dy, const double *x, const struct conv_shape *shape,
                            size_t images);

/* y[N,C] = mean of x[N,pixels,C] over the pixels. */
void naive_avgpool_forward(double *y, const double *x, size_t images, size_t pixels, size_t channels);
void naive_avgpool_backward(double *dx, const double *dy, size_t images, size_t pixels, size_t channels);

/* y[N,K] = x[N,C] w[K,C]^T + b[K]. */
void naive_linear_forward(double *y, const double *x, const double *w, const double *b, size_t images, size_t c,
                          size_t k);
void naive_linear_backward(double *dx, double *dw, double *db, const double *dy, const double *x, const double *w,
                           size_t images, size_t c, size_t k);

/* The mean over N of -log softmax(z)[label], with labels smoothed: the target is (1 - smoothing) at the label plus
 * smoothing / K everywhere. dz[N,K] is its gradient; NULL: not wanted. */
double naive_cross_entropy(double *dz, const double *z, const int *labels, double smoothing, size_t images,
                           size_t classes);
/* The mean of (y - target)^2 over all values; dy its gradient, NULL: not wanted. */
double naive_mse(double *dy, const double *y, const double *target, size_t count);

/* |got - want| / |want| (Euclidean norms). Infinite when count is 0, when a value is not finite or when want is all
 * zeros: none of these can pass `error <= tolerance`. */
double naive_error(const float *got, const double *want, size_t count);

#endif
