#include "core/ops/batchnorm.h"

#include <math.h>

static double sum_tiles(const double *sums, size_t tiles, size_t channels, size_t which, size_t c)
{
    double sum = 0;
    for (size_t tile = 0; tile < tiles; tile++)
        sum += sums[(tile * 2 + which) * channels + c];
    return sum;
}

void batchnorm_add_tiles(double *total, const double *sums, size_t tiles, size_t channels)
{
    for (size_t which = 0; which < 2; which++)
        for (size_t c = 0; c < channels; c++)
            total[which * channels + c] = sum_tiles(sums, tiles, channels, which, c);
}

static void set_scale(struct batchnorm *bn, size_t c, double mean, double var)
{
    double inverse = 1.0 / sqrt(var + BATCHNORM_EPS), scale = (double)bn->weight[c] * inverse;
    bn->mean[c] = (float)mean;
    bn->inverse[c] = (float)inverse;
    bn->scale[c] = (float)scale;
    bn->shift[c] = (float)((double)bn->bias[c] - mean * scale);
}

void batchnorm_from_sums(struct batchnorm *bn, double *statistics, const double *sums, size_t tiles, size_t rows)
{
    double n = (double)rows;
    for (size_t c = 0; c < bn->channels; c++) {
        double mean = sum_tiles(sums, tiles, bn->channels, 0, c) / n;
        double var = sum_tiles(sums, tiles, bn->channels, 1, c) / n - mean * mean;
        var = var < 0 ? 0 : var; /* rounding may take a constant channel below zero; NaN stays */
        statistics[c] = mean;    /* the channel's sums are read by now */
        statistics[bn->channels + c] = var * n / (n - 1);
        set_scale(bn, c, mean, var);
    }
}

void batchnorm_move(struct batchnorm *bn, const double *statistics)
{
    const double *mean = statistics, *unbiased = statistics + bn->channels;
    for (size_t c = 0; c < bn->channels; c++) {
        bn->running_mean[c] += (float)(BATCHNORM_MOMENTUM * (mean[c] - (double)bn->running_mean[c]));
        bn->running_var[c] += (float)(BATCHNORM_MOMENTUM * (unbiased[c] - (double)bn->running_var[c]));
    }
}

void batchnorm_from_running(struct batchnorm *bn)
{
    for (size_t c = 0; c < bn->channels; c++)
        set_scale(bn, c, bn->running_mean[c], bn->running_var[c]);
}

void batchnorm_fold(float *scale, float *shift, const struct batchnorm *bn)
{
    for (size_t c = 0; c < bn->channels; c++) {
        double s = (double)bn->weight[c] / sqrt((double)bn->running_var[c] + BATCHNORM_EPS);
        scale[c] = (float)s;
        shift[c] = (float)((double)bn->bias[c] - (double)bn->running_mean[c] * s);
    }
}

void batchnorm_backward(struct batchnorm *bn, float *dweight, float *dbias, const double *sums, size_t tiles,
                        size_t rows, bool batch)
{
    double n = (double)rows;
    for (size_t c = 0; c < bn->channels; c++) {
        double scale = bn->scale[c], inverse = bn->inverse[c], mean = bn->mean[c];
        double bias_sum = sum_tiles(sums, tiles, bn->channels, 0, c);
        double weight_sum = sum_tiles(sums, tiles, bn->channels, 1, c) * inverse;
        if (dbias)
            dbias[c] = (float)bias_sum;
        if (dweight)
            dweight[c] = (float)weight_sum;
        bn->a[c] = (float)scale;
        if (batch) {
            double b = -scale * weight_sum * inverse / n;
            bn->b[c] = (float)b;
            bn->c[c] = (float)(-scale * bias_sum / n - b * mean);
        }
    }
}
