#include "core/train/mix.h"

#include <math.h>
#include <string.h>

#include "core/ops/map_lanes.h"

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

/* Rows top..bottom-1, columns left..right-1. */
struct area {
    size_t left, top, right, bottom;
};

/* The hole of a photo; nothing where it has none. */
static struct area hole_of(const struct mix_photos *photos, size_t image)
{
    const struct box *box = photos->holes ? &photos->holes[image] : NULL;
    if (!box || box->height == 0)
        return (struct area){0};
    return (struct area){.left = (size_t)box->left,
                         .top = (size_t)box->top,
                         .right = (size_t)(box->left + box->width),
                         .bottom = (size_t)(box->top + box->height)};
}

static bool inside(const struct area *area, size_t row, size_t column)
{
    return row >= area->top && row < area->bottom && column >= area->left && column < area->right;
}

static void clear(float *x, const struct area *area, size_t width)
{
    for (size_t row = area->top; row < area->bottom; row++)
        memset(x + (row * width + area->left) * 3, 0, (area->right - area->left) * 3 * sizeof *x);
}

/* Where one of the two photos of mixup has a hole the other is alone, and where both have one there is nothing. */
static void mix_up_holes(float *x, const uint8_t *own, const uint8_t *other, const struct area holes[2],
                         const struct work *work)
{
    size_t width = work->photos->width;
    const uint8_t *left[2] = {other, own};
    const float *tables[2] = {work->other, work->own};
    for (int which = 0; which < 2; which++)
        for (size_t row = holes[which].top; row < holes[which].bottom; row++)
            for (size_t column = holes[which].left; column < holes[which].right; column++)
                for (size_t c = 0, at = (row * width + column) * 3; c < 3; c++)
                    x[at + c] =
                        inside(&holes[1 - which], row, column) ? 0 : tables[which][c * 256 + left[which][at + c]];
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void paste(float *x, const uint8_t *other, const struct area *hole, const struct work *work)
{
    const struct mix *mix = work->mix;
    size_t width = work->photos->width;
    for (size_t row = mix->top; row < mix->bottom; row++) {
        size_t at = (row * width + mix->left) * 3;
        map_lanes(PRECISION_F32)->pixels(x + at, other + at, mix->right - mix->left, work->photos->table);
    }
    struct area both = {.left = hole->left > mix->left ? hole->left : mix->left,
                        .top = hole->top > mix->top ? hole->top : mix->top,
                        .right = least(hole->right, mix->right),
                        .bottom = least(hole->bottom, mix->bottom)};
    if (both.left < both.right)
        clear(x, &both, width);
}

static void mix_one(void *context, size_t item, size_t thread)
{
    (void)thread;
    const struct work *work = context;
    const struct mix_photos *photos = work->photos;
    size_t pixels = photos->height * photos->width, image = work->from + item;
    size_t neighbour = image ? image - 1 : photos->count - 1;
    const uint8_t *own = photos->pixels + image * pixels * 3, *other = photos->pixels + neighbour * pixels * 3;
    const struct area holes[2] = {hole_of(photos, image), hole_of(photos, neighbour)};
    float *x = work->x + item * pixels * 3;
    if (work->mix->kind == MIX_UP) {
        mix_up(x, own, other, work);
        mix_up_holes(x, own, other, holes, work);
        return;
    }
    map_lanes(PRECISION_F32)->pixels(x, own, pixels, photos->table);
    clear(x, &holes[0], photos->width);
    if (work->mix->kind == MIX_CUT)
        paste(x, other, &holes[1], work);
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
