#include "tests/support/naive.h"

#include <math.h>
#include <stdbool.h>

static void zero(double *x, size_t count)
{
    for (size_t i = 0; i < count; i++)
        x[i] = 0;
}

/* Where output p and tap r of one axis read: false when that is padding. */
static bool source(size_t *out, size_t p, size_t r, size_t limit, const struct conv_shape *s)
{
    size_t padded = p * s->stride + r;
    if (padded < s->pad || padded - s->pad >= limit)
        return false;
    *out = padded - s->pad;
    return true;
}

/* One multiplication of the convolution for every call: y[yi] takes x[xi] * w[wi]. Inlined with its loops: the tests of
 * kernels spend their time here. */
typedef void conv_term(void *context, size_t yi, size_t xi, size_t wi);

#define INLINED static inline __attribute__((always_inline))

INLINED void each_tap(conv_term *term, void *context, const struct conv_shape *s, size_t n, size_t p, size_t q,
                      size_t k)
{
    size_t h, w;
    for (size_t r = 0; r < s->r; r++)
        for (size_t t = 0; t < s->s; t++)
            if (source(&h, p, r, s->h, s) && source(&w, q, t, s->w, s))
                for (size_t c = 0; c < s->c; c++)
                    term(context, ((n * s->p + p) * s->q + q) * s->k + k, ((n * s->h + h) * s->w + w) * s->c + c,
                         ((k * s->r + r) * s->s + t) * s->c + c);
}

INLINED void each_term(conv_term *term, void *context, const struct conv_shape *s, size_t images)
{
    for (size_t n = 0; n < images; n++)
        for (size_t p = 0; p < s->p; p++)
            for (size_t q = 0; q < s->q; q++)
                for (size_t k = 0; k < s->k; k++)
                    each_tap(term, context, s, n, p, q, k);
}

struct conv_arrays {
    double *out;
    const double *a, *b;
};

INLINED void term_forward(void *context, size_t yi, size_t xi, size_t wi)
{
    struct conv_arrays *v = context;
    v->out[yi] += v->a[xi] * v->b[wi];
}

INLINED void term_data(void *context, size_t yi, size_t xi, size_t wi)
{
    struct conv_arrays *v = context;
    v->out[xi] += v->a[yi] * v->b[wi];
}

INLINED void term_weight(void *context, size_t yi, size_t xi, size_t wi)
{
    struct conv_arrays *v = context;
    v->out[wi] += v->a[yi] * v->b[xi];
}

void naive_conv_forward(double *y, const double *x, const double *w, const struct conv_shape *s, size_t images)
{
    zero(y, images * s->p * s->q * s->k);
    each_term(term_forward, &(struct conv_arrays){y, x, w}, s, images);
}

void naive_conv_backward_data(double *dx, const double *dy, const double *w, const struct conv_shape *s, size_t images)
{
    zero(dx, images * s->h * s->w * s->c);
    each_term(term_data, &(struct conv_arrays){dx, dy, w}, s, images);
}

void naive_conv_backward_weight(double *dw, const double *dy, const double *x, const struct conv_shape *s,
                                size_t images)
{
    zero(dw, s->k * s->r * s->s * s->c);
    each_term(term_weight, &(struct conv_arrays){dw, dy, x}, s, images);
}

void naive_moments(double *mean, double *var, const double *x, size_t rows, size_t channels)
{
    zero(mean, channels);
    zero(var, channels);
    for (size_t i = 0; i < rows * channels; i++)
        mean[i % channels] += x[i] / (double)rows;
    for (size_t i = 0; i < rows * channels; i++)
        var[i % channels] += (x[i] - mean[i % channels]) * (x[i] - mean[i % channels]) / (double)rows;
}

void naive_batchnorm_forward(double *y, const double *x, const double *gamma, const double *beta, const double *mean,
                             const double *var, double eps, size_t rows, size_t channels)
{
    for (size_t i = 0; i < rows * channels; i++) {
        size_t c = i % channels;
        y[i] = (x[i] - mean[c]) / sqrt(var[c] + eps) * gamma[c] + beta[c];
    }
}

/* Chain rule, one channel: forward  xhat = (x - mean) / sd, y = xhat * gamma + beta, with mean and sd made from x. */
static void batchnorm_channel(double *dx, double *dgamma, double *dbeta, const double *dy, const double *x,
                              double gamma, double eps, size_t rows, size_t step)
{
    double mean = 0, var = 0, count = (double)rows, dmean = 0, dvar = 0;
    for (size_t m = 0; m < rows; m++)
        mean += x[m * step] / count;
    for (size_t m = 0; m < rows; m++)
        var += (x[m * step] - mean) * (x[m * step] - mean) / count;
    double sd = sqrt(var + eps);
    *dgamma = *dbeta = 0;
    for (size_t m = 0; m < rows; m++) {
        double centred = x[m * step] - mean, dxhat = dy[m * step] * gamma;
        *dgamma += dy[m * step] * centred / sd;
        *dbeta += dy[m * step];
        dvar += dxhat * centred * -0.5 / (sd * sd * sd);
        dmean -= dxhat / sd;
    }
    for (size_t m = 0; m < rows; m++)
        dx[m * step] = dy[m * step] * gamma / sd + dvar * 2 * (x[m * step] - mean) / count + dmean / count;
}

void naive_batchnorm_backward_train(double *dx, double *dgamma, double *dbeta, const double *dy, const double *x,
                                    const double *gamma, double eps, size_t rows, size_t channels)
{
    for (size_t c = 0; c < channels; c++)
        batchnorm_channel(dx + c, &dgamma[c], &dbeta[c], dy + c, x + c, gamma[c], eps, rows, channels);
}

void naive_batchnorm_backward_eval(double *dx, double *dgamma, double *dbeta, const double *dy, const double *x,
                                   const double *gamma, const double *mean, const double *var, double eps, size_t rows,
                                   size_t channels)
{
    zero(dgamma, channels);
    zero(dbeta, channels);
    for (size_t i = 0; i < rows * channels; i++) {
        size_t c = i % channels;
        double sd = sqrt(var[c] + eps);
        dgamma[c] += dy[i] * (x[i] - mean[c]) / sd;
        dbeta[c] += dy[i];
        dx[i] = dy[i] * gamma[c] / sd;
    }
}

void naive_relu_forward(double *y, const double *x, size_t count)
{
    for (size_t i = 0; i < count; i++)
        y[i] = x[i] > 0 ? x[i] : 0;
}

void naive_relu_backward(double *dx, const double *dy, const double *x, size_t count)
{
    for (size_t i = 0; i < count; i++)
        dx[i] = x[i] > 0 ? dy[i] : 0;
}

void naive_add(double *y, const double *a, const double *b, size_t count)
{
    for (size_t i = 0; i < count; i++)
        y[i] = a[i] + b[i];
}

/* The index into x of the winner of window (n, p, q) of channel c. */
static size_t winner(const double *x, const struct conv_shape *s, size_t n, size_t p, size_t q, size_t c)
{
    size_t best = 0, h, w;
    bool found = false;
    for (size_t r = 0; r < s->r; r++)
        for (size_t t = 0; t < s->s; t++)
            if (source(&h, p, r, s->h, s) && source(&w, q, t, s->w, s)) {
                size_t index = ((n * s->h + h) * s->w + w) * s->c + c;
                if (!found || x[index] > x[best])
                    best = index;
                found = true;
            }
    return best;
}

void naive_maxpool_forward(double *y, const double *x, const struct conv_shape *s, size_t images)
{
    for (size_t n = 0; n < images; n++)
        for (size_t p = 0; p < s->p; p++)
            for (size_t q = 0; q < s->q; q++)
                for (size_t c = 0; c < s->c; c++)
                    y[((n * s->p + p) * s->q + q) * s->c + c] = x[winner(x, s, n, p, q, c)];
}

void naive_maxpool_backward(double *dx, const double *dy, const double *x, const struct conv_shape *s, size_t images)
{
    zero(dx, images * s->h * s->w * s->c);
    for (size_t n = 0; n < images; n++)
        for (size_t p = 0; p < s->p; p++)
            for (size_t q = 0; q < s->q; q++)
                for (size_t c = 0; c < s->c; c++)
                    dx[winner(x, s, n, p, q, c)] += dy[((n * s->p + p) * s->q + q) * s->c + c];
}

void naive_avgpool_forward(double *y, const double *x, size_t images, size_t pixels, size_t channels)
{
    zero(y, images * channels);
    for (size_t n = 0; n < images; n++)
        for (size_t i = 0; i < pixels; i++)
            for (size_t c = 0; c < channels; c++)
                y[n * channels + c] += x[(n * pixels + i) * channels + c] / (double)pixels;
}

void naive_avgpool_backward(double *dx, const double *dy, size_t images, size_t pixels, size_t channels)
{
    for (size_t n = 0; n < images; n++)
        for (size_t i = 0; i < pixels; i++)
            for (size_t c = 0; c < channels; c++)
                dx[(n * pixels + i) * channels + c] = dy[n * channels + c] / (double)pixels;
}

void naive_linear_forward(double *y, const double *x, const double *w, const double *b, size_t images, size_t c,
                          size_t k)
{
    for (size_t n = 0; n < images; n++)
        for (size_t j = 0; j < k; j++) {
            y[n * k + j] = b[j];
            for (size_t i = 0; i < c; i++)
                y[n * k + j] += x[n * c + i] * w[j * c + i];
        }
}

void naive_linear_backward(double *dx, double *dw, double *db, const double *dy, const double *x, const double *w,
                           size_t images, size_t c, size_t k)
{
    zero(dx, images * c);
    zero(dw, k * c);
    zero(db, k);
    for (size_t n = 0; n < images; n++)
        for (size_t j = 0; j < k; j++) {
            db[j] += dy[n * k + j];
            for (size_t i = 0; i < c; i++) {
                dx[n * c + i] += dy[n * k + j] * w[j * c + i];
                dw[j * c + i] += dy[n * k + j] * x[n * c + i];
            }
        }
}

double naive_cross_entropy(double *dz, const double *z, const int *labels, double smoothing, size_t images,
                           size_t classes)
{
    double loss = 0;
    for (size_t n = 0; n < images; n++, z += classes) {
        double largest = z[0], sum = 0;
        for (size_t j = 0; j < classes; j++)
            largest = fmax(largest, z[j]);
        for (size_t j = 0; j < classes; j++)
            sum += exp(z[j] - largest);
        for (size_t j = 0; j < classes; j++) {
            double target = smoothing / (double)classes + ((int)j == labels[n] ? 1 - smoothing : 0);
            loss -= target * (z[j] - largest - log(sum)) / (double)images;
            if (dz)
                dz[n * classes + j] = (exp(z[j] - largest) / sum - target) / (double)images;
        }
    }
    return loss;
}

double naive_mse(double *dy, const double *y, const double *target, size_t count)
{
    double loss = 0;
    for (size_t i = 0; i < count; i++) {
        double d = y[i] - target[i];
        loss += d * d / (double)count;
        if (dy)
            dy[i] = 2 * d / (double)count;
    }
    return loss;
}

double naive_error(const float *got, const double *want, size_t count)
{
    double off = 0, norm = 0;
    for (size_t i = 0; i < count; i++) {
        off += ((double)got[i] - want[i]) * ((double)got[i] - want[i]);
        norm += want[i] * want[i];
    }
    if (!(norm > 0) || !isfinite(norm) || !isfinite(off))
        return INFINITY;
    return sqrt(off / norm);
}
