/* Any convolution: the windows of some output rows are copied side by side (im2col) into a tile that stays in the
 * cache, and multiplied by the weights. The whole matrix never exists. */
#include <string.h>

#include "core/base/sizes.h"
#include "core/ops/conv_kernels.h"
#include "core/ops/conv_tiles.h"
#include "core/ops/gemm.h"
#include "core/ops/map_lanes.h"

static bool fits(const struct conv_shape *shape)
{
    return shape->precision == PRECISION_F32;
}

static size_t window(const struct conv_shape *shape)
{
    return shape->r * shape->s * shape->c;
}

static struct tiling tiling(const struct conv_shape *shape, size_t rows)
{
    return tiling_of(rows, window(shape) + shape->k);
}

static size_t tiles(const struct conv_shape *shape, size_t images)
{
    return tiling(shape, images * shape->p * shape->q).tiles;
}

static size_t scratch_size(const struct conv_shape *shape)
{
    return tiling_most_rows(window(shape) + shape->k) * window(shape);
}

static size_t prepared_size(const struct conv_shape *shape)
{
    (void)shape;
    return 0;
}

/* Which of the columns s = s0..s1 of a window at output column q lie inside the input: *first..*last. */
static void inside(const struct conv_shape *shape, size_t q, size_t s0, size_t s1, size_t *first, size_t *last)
{
    size_t left = q * shape->stride; /* in the padded map */
    size_t low = left < shape->pad ? shape->pad - left : 0;
    size_t high = left < shape->w + shape->pad ? shape->w + shape->pad - left : 0;
    *first = low < s0 ? s0 : low > s1 ? s1 : low;
    *last = high < *first ? *first : high > s1 ? s1 : high;
}

/* Columns s0..s1 of one line r of one window, into out[s1 - s0, C]; `x` is the image. */
static void gather_line(float *out, const struct conv_input *in, const float *x, const struct conv_shape *shape,
                        size_t p, size_t q, size_t r, size_t s0, size_t s1)
{
    size_t c = shape->c, h = p * shape->stride + r, first, last;
    inside(shape, q, s0, s1, &first, &last);
    if (h < shape->pad || h >= shape->h + shape->pad)
        first = last = s0;
    if (last == first) {
        memset(out, 0, (s1 - s0) * c * sizeof *out);
        return;
    }
    const float *from = x + ((h - shape->pad) * shape->w + q * shape->stride + first - shape->pad) * c;
    if (first > s0)
        memset(out, 0, (first - s0) * c * sizeof *out);
    if (in->scale || in->relu)
        map_lanes(PRECISION_F32)
            ->affine(out + (first - s0) * c, from, last - first, c, in->scale, in->shift, NULL, NULL, NULL, in->relu);
    else
        memcpy(out + (first - s0) * c, from, (last - first) * c * sizeof *out);
    if (last < s1)
        memset(out + (last - s0) * c, 0, (s1 - last) * c * sizeof *out);
}

/* Columns j0..j1 must lie on whole pixels of the window (multiples of C). */
static const float *gather(const struct conv_task *task, size_t m0, size_t rows, size_t j0, size_t j1, float *scratch,
                           size_t *ld)
{
    const struct conv_shape *shape = &task->shape;
    size_t pixels = shape->p * shape->q, rs0 = j0 / shape->c, rs1 = j1 / shape->c;
    *ld = j1 - j0;
    for (size_t i = 0; i < rows; i++) {
        size_t m = m0 + i, n = m / pixels, p = m % pixels / shape->q, q = m % shape->q;
        const float *x = (const float *)task->in.x + n * shape->h * shape->w * shape->c;
        float *out = scratch + i * *ld;
        for (size_t rs = rs0; rs < rs1;) {
            size_t r = rs / shape->s, s0 = rs % shape->s, s1 = s0 + (rs1 - rs) < shape->s ? s0 + (rs1 - rs) : shape->s;
            gather_line(out, &task->in, x, shape, p, q, r, s0, s1);
            out += (s1 - s0) * shape->c;
            rs += s1 - s0;
        }
    }
    return scratch;
}

static void forward(const struct conv_task *task, size_t tile, float *scratch)
{
    const struct conv_shape *shape = &task->shape;
    size_t total = task->images * shape->p * shape->q, ld;
    struct tiling cut = tiling(shape, total);
    size_t m0 = tile * cut.rows_per_tile;
    size_t rows = total - m0 < cut.rows_per_tile ? total - m0 : cut.rows_per_tile;
    const float *a = gather(task, m0, rows, 0, window(shape), scratch, &ld);
    gemm(GEMM_NT, rows, shape->k, ld, a, ld, task->w, ld, 0.0f, (float *)task->y + m0 * shape->k, shape->k);
    epilogue_apply(task, m0, rows, tile, true);
}

/* ---- backward ---------------------------------------------------------------------------------------------------- */

/* Blocks of dw are whole pixels of the window, at least 192 inputs wide: BLAS packs dy again for each block, which a
 * narrow one does not pay for (conv1 has 3 inputs a pixel, so that all 49 pixels of its window are one block). */
static size_t column_block(const struct conv_shape *shape)
{
    size_t pixels = shape->c >= 192 ? 1 : ceil_div(192, shape->c);
    return pixels * shape->c;
}

static size_t backward_scratch(const struct conv_shape *shape, size_t images, size_t threads)
{
    size_t weight = weight_blocks_scratch(shape, images, column_block(shape), threads);
    size_t data = threads * tiling(shape, shape->p * shape->q).rows_per_tile * window(shape);
    return max_size(weight, data);
}

static size_t tail_tiles(const struct conv_shape *shape, size_t images)
{
    (void)shape;
    return images;
}

struct data_work {
    float *da, *scratch;
    bool add;
    const struct conv_task *task;
    const float *dy;
    const struct tail *tail;
};

/* The gradient of one window goes back to where its pixels came from: ADDS to the image da[H,W,C]. */
static void scatter_window(float *da, const float *got, const struct conv_shape *shape, size_t m)
{
    size_t c = shape->c, p = m / shape->q, q = m % shape->q, first, last;
    inside(shape, q, 0, shape->s, &first, &last);
    for (size_t r = 0; r < shape->r; r++, got += shape->s * c) {
        size_t h = p * shape->stride + r;
        if (h < shape->pad || h >= shape->h + shape->pad || last == first)
            continue;
        float *to = da + ((h - shape->pad) * shape->w + q * shape->stride + first - shape->pad) * c;
        map_lanes(PRECISION_F32)->add(to, got + first * c, (last - first) * c);
    }
}

/* One image, because neighbouring windows overlap. */
static void data_image(void *context, size_t n, size_t thread)
{
    struct data_work *work = context;
    const struct conv_shape *shape = &work->task->shape;
    size_t rows = shape->p * shape->q, width = window(shape), pixels = shape->h * shape->w;
    struct tiling cut = tiling(shape, rows);
    float *got = work->scratch + thread * cut.rows_per_tile * width, *da = work->da + n * pixels * shape->c;
    const float *dy = work->dy + n * rows * shape->k;
    if (!work->add)
        memset(da, 0, pixels * shape->c * sizeof *da);
    for (size_t m0 = 0; m0 < rows; m0 += cut.rows_per_tile) {
        size_t count = rows - m0 < cut.rows_per_tile ? rows - m0 : cut.rows_per_tile;
        gemm(GEMM_NN, count, width, shape->k, dy + m0 * shape->k, shape->k, work->task->w, width, 0.0f, got, width);
        for (size_t i = 0; i < count; i++)
            scatter_window(da, got + i * width, shape, m0 + i);
    }
    tail_apply(work->tail, work->da, n * pixels, pixels, shape->c, n, true);
}

static void backward_data(void *da, bool add, const struct conv_task *task, const void *dy, const struct tail *tail,
                          struct pool *pool, float *scratch)
{
    struct data_work work = {.da = da, .scratch = scratch, .add = add, .task = task, .dy = dy, .tail = tail};
    pool_for(pool, task->images, data_image, &work);
}

static void backward_weight(float *dw, const struct conv_task *task, const void *dy, struct pool *pool, float *scratch)
{
    weight_blocks(dw, task, dy, column_block(&task->shape), gather, pool, scratch);
}

static bool by_blas(const struct conv_shape *shape, bool backward)
{
    (void)shape;
    (void)backward;
    return true;
}

const struct conv_kernel conv_im2col = {
    .name = "im2col",
    .exact = true,
    .blas = by_blas,
    .fits = fits,
    .tiles = tiles,
    .scratch = scratch_size,
    .prepared_size = prepared_size,
    .forward = forward,
    .backward_scratch = backward_scratch,
    .tail_tiles = tail_tiles,
    .backward_data = backward_data,
    .backward_weight = backward_weight,
};
