#include "core/train/mix.h"

#include <math.h>
#include <string.h>

#include "core/ops/lanes.h"

struct mix mix_cut(double lambda, size_t x, size_t y, size_t height, size_t width)
{
    double half = 0.5 * sqrt(1 - lambda);
    size_t w = (size_t)(half * (double)width), h = (size_t)(half * (double)height);
    struct mix mix = {.kind = MIX_CUT};
    mix.left = x > w ? x - w : 0;
    mix.top = y > h ? y - h : 0;
    mix.right = x + w < width ? x + w : width;
    mix.bottom = y + h < height ? y + h : height;
    size_t inside = (mix.right - mix.left) * (mix.bottom - mix.top);
    mix.share = 1 - (double)inside / (double)(width * height);
    return mix;
}

struct mix mix_draw(double mixup, double cutmix, size_t height, size_t width, struct rng rng)
{
    bool cut = cutmix > 0;
    if (!(mixup > 0) && !cut)
        return (struct mix){.share = 1};
    if (mixup > 0 && cut)
        cut = rng_below(&rng, 2) == 1;
    double alpha = cut ? cutmix : mixup, lambda = rng_beta(&rng, alpha, alpha);
    if (!cut)
        return (struct mix){.kind = MIX_UP, .share = lambda};
    size_t x = rng_below(&rng, (uint32_t)width), y = rng_below(&rng, (uint32_t)height);
    return mix_cut(lambda, x, y, height, width);
}

struct work {
    float *x;
    const struct mix *mix;
    const struct mix_photos *photos;
    size_t from;
    float own[3 * 256], other[3 * 256]; /* mixup: the table times lambda and times 1 - lambda */
};

static void mix_up(float *x, const uint8_t *own, const uint8_t *other, const struct work *work)
{
    size_t pixels = work->photos->height * work->photos->width;
    for (size_t i = 0; i < pixels; i++, x += 3, own += 3, other += 3)
        for (size_t c = 0; c < 3; c++)
            x[c] = work->other[c * 256 + other[c]] + work->own[c * 256 + own[c]];
}

static void paste(float *x, const uint8_t *other, const struct work *work)
{
    const struct mix *mix = work->mix;
    for (size_t row = mix->top; row < mix->bottom; row++) {
        size_t at = (row * work->photos->width + mix->left) * 3;
        lanes()->pixels(x + at, other + at, mix->right - mix->left, work->photos->table);
    }
}

static void mix_one(void *context, size_t item, size_t thread)
{
    (void)thread;
    const struct work *work = context;
    const struct mix_photos *photos = work->photos;
    size_t pixels = photos->height * photos->width, image = work->from + item;
    const uint8_t *own = photos->pixels + image * pixels * 3;
    const uint8_t *other = photos->pixels + (image ? image - 1 : photos->count - 1) * pixels * 3;
    float *x = work->x + item * pixels * 3;
    if (work->mix->kind == MIX_UP) {
        mix_up(x, own, other, work);
        return;
    }
    lanes()->pixels(x, own, pixels, photos->table);
    if (work->mix->kind == MIX_CUT)
        paste(x, other, work);
}

void mix_images(float *x, const struct mix *mix, const struct mix_photos *photos, size_t from, size_t count,
                struct pool *pool)
{
    struct work work = {.x = x, .mix = mix, .photos = photos, .from = from};
    float own = (float)mix->share, other = (float)(1 - mix->share);
    for (size_t i = 0; i < 3 * 256; i++) {
        work.own[i] = photos->table[i] * own;
        work.other[i] = photos->table[i] * other;
    }
    pool_for(pool, count, mix_one, &work);
}

void mix_labels(int32_t *out, const int32_t *labels, size_t count)
{
    out[0] = labels[count - 1];
    memcpy(out + 1, labels, (count - 1) * sizeof *out);
}
