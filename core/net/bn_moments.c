#include "core/net/bn_moments.h"

#include <assert.h>
#include <math.h>

#include "core/base/memory.h"
#include "core/ops/batchnorm.h"
#include "core/ops/map_lanes.h"

struct bn_moments {
    const struct plan *plan;
    size_t *layers, layers_count; /* the watched ones, as program.bns */
    size_t *offset;               /* of each step's channels, by step; NOT_WATCHED */
    size_t channels;              /* of all watched layers */
    size_t *rows;                 /* per image, of each step */
    double *sums;                 /* [most][2][channels] */
    size_t most, before, taken;   /* photos: before the current pass, and with it */
    double squares;               /* of differences between pixels, and how many of them: see bn_moments_contrast */
    double differences;
};

#define NOT_WATCHED ((size_t)-1)
enum { CONTRAST_STEP = 3 }; /* pixels */

static bool is_watched(const struct fused_op *fused)
{
    return fused->kind == OP_CONV && fused->folded && fused->bn >= 0 && fused->residual.tensor < 0;
}

static void choose_layers(struct bn_moments *moments)
{
    const struct program *program = moments->plan->program;
    for (size_t i = 0; i < program->steps_count; i++) {
        const struct fused_op *fused = &program->steps[i];
        const struct conv_shape *shape = &moments->plan->steps[i].shape;
        moments->offset[i] = NOT_WATCHED;
        if (!is_watched(fused))
            continue;
        moments->offset[i] = moments->channels;
        moments->rows[i] = shape->p * shape->q;
        moments->layers[moments->layers_count++] = i;
        moments->channels += program->bns[fused->bn].channels;
    }
}

enum status bn_moments_create(struct bn_moments **out, const struct plan *plan, size_t most, struct error *err)
{
    static const char what[] = "the moments of BatchNorm";
    size_t steps = plan->program->steps_count;
    void *memory;
    assert(most > 0);
    enum status status = memory_alloc(&memory, 1, sizeof(struct bn_moments), what, err);
    if (status != OK)
        return status;
    struct bn_moments *moments = memory;
    *moments = (struct bn_moments){.plan = plan, .most = most};
    if ((status = memory_alloc(&memory, steps, sizeof *moments->layers, what, err)) != OK)
        goto cleanup;
    moments->layers = memory;
    if ((status = memory_alloc(&memory, steps, sizeof *moments->offset, what, err)) != OK)
        goto cleanup;
    moments->offset = memory;
    if ((status = memory_alloc(&memory, steps, sizeof *moments->rows, what, err)) != OK)
        goto cleanup;
    moments->rows = memory;
    choose_layers(moments);
    if ((status = memory_alloc(&memory, moments->most * 2 * moments->channels, sizeof(double), what, err)) != OK)
        goto cleanup;
    moments->sums = memory;
    *out = moments;
    moments = NULL;
cleanup:
    bn_moments_destroy(moments);
    return status;
}

void bn_moments_destroy(struct bn_moments *moments)
{
    if (!moments)
        return;
    memory_free(moments->sums);
    memory_free(moments->rows);
    memory_free(moments->offset);
    memory_free(moments->layers);
    memory_free(moments);
}

size_t bn_moments_photos(const struct bn_moments *moments)
{
    return moments->taken;
}

bool bn_moments_full(const struct bn_moments *moments)
{
    return moments->taken == moments->most;
}

/* ---- the run ----------------------------------------------------------------------------------------------------- */

/* Of the differences between each byte of a photo and the one `step` behind it, both of the same channel, the sum of
 * their squares. */
static double square_differences(const uint8_t *bytes, size_t count, size_t step, const double scale[3])
{
    uint64_t sums[3] = {0};
    for (size_t i = 0; i + step < count; i++) {
        int difference = bytes[i + step] - bytes[i];
        sums[i % 3] += (uint64_t)(difference * difference);
    }
    return (double)sums[0] * scale[0] + (double)sums[1] * scale[1] + (double)sums[2] * scale[2];
}

static void add_contrast(struct bn_moments *moments, const uint8_t *photo)
{
    static const double std[3] = {0.229, 0.224, 0.225}; /* of ImageNet's pixels, as torchvision has them */
    size_t h = moments->plan->options.height, w = moments->plan->options.width;
    double scale[3];
    for (int c = 0; c < 3; c++)
        scale[c] = 1 / (255 * std[c] * 255 * std[c]);
    if (h <= CONTRAST_STEP || w <= CONTRAST_STEP)
        return;
    for (size_t row = 0; row < h; row++)
        moments->squares += square_differences(photo + row * w * 3, w * 3, 3 * CONTRAST_STEP, scale);
    moments->squares += square_differences(photo, h * w * 3, 3 * CONTRAST_STEP * w, scale);
    moments->differences += 3 * (double)(h * (w - CONTRAST_STEP) + w * (h - CONTRAST_STEP));
}

void bn_moments_begin(struct bn_moments *moments, const uint8_t *pixels, size_t images)
{
    size_t left = moments->most - moments->taken, floats = moments->plan->tensors[0].values;
    moments->before = moments->taken;
    moments->taken += images < left ? images : left;
    for (size_t i = moments->before; pixels && i < moments->taken; i++)
        add_contrast(moments, pixels + (i - moments->before) * floats);
}

bool bn_moments_wants(const struct bn_moments *moments, size_t index)
{
    return moments->offset[index] != NOT_WATCHED && moments->taken > moments->before;
}

void bn_moments_add(struct bn_moments *moments, size_t index, size_t image, const void *y, size_t rows)
{
    size_t slot = moments->before + image;
    if (slot >= moments->taken)
        return;
    const struct fused_op *fused = &moments->plan->program->steps[index];
    double *sum = moments->sums + slot * 2 * moments->channels + moments->offset[index];
    map_lanes(moments->plan->steps[index].shape.precision)
        ->moments(sum, sum + moments->channels, y, rows, moments->plan->program->bns[fused->bn].channels);
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

double bn_moments_contrast(const struct bn_moments *moments)
{
    return moments->differences > 0 ? moments->squares / moments->differences : 0;
}

size_t bn_moments_layers(const struct bn_moments *moments)
{
    return moments->layers_count;
}

const struct program_bn *bn_moments_layer(const struct bn_moments *moments, size_t layer)
{
    const struct program *program = moments->plan->program;
    return &program->bns[program->steps[moments->layers[layer]].bn];
}

const struct net *bn_moments_net(const struct bn_moments *moments)
{
    return moments->plan->net;
}

void bn_moments_get(double *mean, double *var, const struct bn_moments *moments, size_t layer)
{
    size_t index = moments->layers[layer];
    const struct program_bn *bn = bn_moments_layer(moments, layer);
    const struct param *params = &moments->plan->net->params[bn->param];
    double n = (double)moments->taken * (double)moments->rows[index];
    for (size_t c = 0; c < bn->channels; c++) {
        double sum = 0, squares = 0;
        for (size_t slot = 0; slot < moments->taken; slot++) {
            const double *sums = moments->sums + slot * 2 * moments->channels + moments->offset[index] + c;
            sum += sums[0];
            squares += sums[moments->channels];
        }
        double weight = (double)params[0].data[c], bias = (double)params[1].data[c];
        double running_mean = (double)params[2].data[c], running_var = (double)params[3].data[c];
        double scale = weight / sqrt(running_var + BATCHNORM_EPS), y = sum / n;
        double spread = squares / n - y * y;
        mean[c] = weight != 0 ? (y - bias) / scale + running_mean : NAN;
        var[c] = weight != 0 ? fmax(spread, 0) / (scale * scale) : NAN;
    }
}
