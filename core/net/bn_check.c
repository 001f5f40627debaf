#include "core/net/bn_check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/ops/batchnorm.h"

/* bn_moments_contrast of 40 photos of ImageNet at 224 pixels. */
#define NATURAL_CONTRAST 0.316

/* The limits, measured with the right network on 20 kinds of photos and with wrong ones:
 * docs/benchmarks/running-statistics.md. */
#define INPUT_LEAST (-1.6) /* right from -1.1, trained on 0 to 255: -5 */
#define INPUT_MOST 3.2     /* right to 2.4, trained on 0 to 1: 4.2 */
#define STEM_MOST 1.75     /* right to 1.05, an averaging stem from 2.5 */
#define BLOCKS_MOST 0.27   /* right to 0.1, other strides and blur pooling from 0.46 */
#define LAST_LEAST (-1.9)  /* right from -1.4, leaky ReLU, SiLU and GELU to -2.3 */

/* s of every watched layer. */
struct shifts {
    const struct bn_moments *moments;
    double *s;          /* by layer */
    double *mean, *var; /* scratch, with room for the channels of any layer */
};

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of values without NaN, which it sorts. */
static double median(double *values, size_t count)
{
    if (count == 0)
        return NAN;
    qsort(values, count, sizeof *values, compare);
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

static const struct param *params_of(const struct bn_moments *moments, size_t layer)
{
    const struct program_bn *bn = bn_moments_layer(moments, layer);
    return &bn_moments_net(moments)->params[bn->param];
}

static double shift_of(const struct shifts *shifts, size_t layer)
{
    const struct param *params = params_of(shifts->moments, layer);
    double *var = shifts->var;
    size_t count = 0;
    bn_moments_get(shifts->mean, var, shifts->moments, layer);
    for (size_t c = 0; c < params->count; c++)
        if (isfinite(var[c]))
            var[count++] = log2((var[c] + BATCHNORM_EPS) / ((double)params[3].data[c] + BATCHNORM_EPS));
    return median(var, count);
}

static enum status shifts_create(struct shifts *out, const struct bn_moments *moments, struct error *err)
{
    size_t layers = bn_moments_layers(moments), most = 0;
    void *memory;
    for (size_t i = 0; i < layers; i++)
        most = params_of(moments, i)->count > most ? params_of(moments, i)->count : most;
    enum status status = memory_alloc(&memory, layers + 2 * most, sizeof(double), "the statistics of BatchNorm", err);
    if (status != OK)
        return status;
    *out = (struct shifts){.moments = moments, .s = memory};
    out->mean = out->s + layers;
    out->var = out->mean + most;
    for (size_t i = 0; i < layers; i++)
        out->s[i] = shift_of(out, i);
    return OK;
}

/* s of a layer of the stem ("bn1") or of a block; NAN where it is not watched. */
static double find(const struct shifts *shifts, const char *layer)
{
    size_t length = strlen(layer);
    for (size_t i = 0; i < bn_moments_layers(shifts->moments); i++) {
        const char *name = params_of(shifts->moments, i)->name;
        if (strncmp(name, layer, length) == 0 && strcmp(name + length, ".weight") == 0)
            return shifts->s[i];
    }
    return NAN;
}

static double in_block(const struct shifts *shifts, int stage, int block, const char *bn)
{
    char name[NET_NAME];
    snprintf(name, sizeof name, "layer%d.%d.%s", stage, block, bn);
    return find(shifts, name);
}

static double stem_of(const struct shifts *shifts)
{
    return in_block(shifts, 1, 0, "bn1") - find(shifts, "bn1");
}

/* Of the first block of a stage; NAN where it is no bottleneck. */
static double halving_of(const struct shifts *shifts, int stage)
{
    return in_block(shifts, stage, 0, "bn3") - in_block(shifts, stage, 0, "bn1");
}

/* NAN where there are no bottleneck blocks. */
static double blocks_of(const struct shifts *shifts)
{
    double sum = 0;
    int count = 0;
    for (int stage = 1; stage <= 3; stage++)
        for (int block = 1;; block++, count++) {
            double change = in_block(shifts, stage, block, "bn2") - in_block(shifts, stage, block, "bn1");
            if (isnan(change))
                break;
            sum += change;
        }
    double others = count > 0 ? sum / count : 0;
    return (halving_of(shifts, 2) + halving_of(shifts, 3)) / 2 - others;
}

/* Weights of a network that was never trained. */
static bool never_estimated(const struct bn_moments *moments)
{
    for (size_t i = 0; i < bn_moments_layers(moments); i++) {
        const struct param *params = params_of(moments, i);
        for (size_t c = 0; c < params->count; c++)
            if (params[2].data[c] != 0 || params[3].data[c] != 1)
                return false;
    }
    return true;
}

static enum bn_finding judge(const struct bn_check *check)
{
    if (!(check->input >= INPUT_LEAST && check->input <= INPUT_MOST))
        return BN_INPUT;
    if (check->stem > STEM_MOST)
        return BN_STEM;
    if (check->blocks > BLOCKS_MOST)
        return BN_BLOCKS;
    return check->last < LAST_LEAST ? BN_ACTIVATIONS : BN_AGREES;
}

enum status bn_check(struct bn_check *out, const struct bn_moments *moments, struct error *err)
{
    struct bn_check check = {.photos = bn_moments_photos(moments)};
    double contrast = bn_moments_contrast(moments);
    struct shifts shifts;
    *out = check;
    if (check.photos < BN_CHECK_LEAST || !(contrast > 0) || never_estimated(moments))
        return OK;
    enum status status = shifts_create(&shifts, moments, err);
    if (status != OK)
        return status;
    double blocks = blocks_of(&shifts), last = halving_of(&shifts, 4);
    check.input = find(&shifts, "bn1") - log2(contrast / NATURAL_CONTRAST);
    check.stem = stem_of(&shifts);
    check.blocks = isnan(blocks) ? 0 : blocks;
    check.last = isnan(last) ? 0 : last;
    if (!isnan(check.stem))
        check.finding = judge(&check);
    memory_free(shifts.s);
    *out = check;
    return OK;
}
