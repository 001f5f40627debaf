/* The 1x1 convolution of any stride, and the linear layer: a product of the activations themselves. Rows are copied
 * only to apply a conv_input or to skip pixels. */
#include <string.h>

#include "core/base/sizes.h"
#include "core/ops/conv_kernels.h"
#include "core/ops/conv_tiles.h"
#include "core/ops/gemm.h"
#include "core/ops/map_lanes.h"

static bool fits(const struct conv_shape *shape)
{
    return shape->r == 1 && shape->s == 1 && shape->pad == 0 && shape->precision == PRECISION_F32;
}

static struct tiling tiling(const struct conv_shape *shape, size_t images)
{
    return tiling_of(images * shape->p * shape->q, shape->c + shape->k);
}

static size_t tiles(const struct conv_shape *shape, size_t images)
{
    return tiling(shape, images).tiles;
}

static size_t scratch_size(const struct conv_shape *shape)
{
    return tiling_most_rows(shape->c + shape->k) * shape->c;
}

static size_t prepared_size(const struct conv_shape *shape)
{
    (void)shape;
    return 0;
}

/* Where output row m reads its pixel, as a row of the input. */
static size_t input_row(const struct conv_shape *shape, size_t m)
{
    size_t pixels = shape->p * shape->q, n = m / pixels, p = m % pixels / shape->q, q = m % shape->q;
    return (n * shape->h + p * shape->stride) * shape->w + q * shape->stride;
}

static const float *gather(const struct conv_task *task, size_t m0, size_t rows, size_t j0, size_t j1, float *scratch,
                           size_t *ld)
{
    const struct conv_shape *shape = &task->shape;
    const struct conv_input *in = &task->in;
    size_t channels = j1 - j0;
    const struct map_lanes *lanes = map_lanes(PRECISION_F32);
    const float *all = in->x;
    bool plain = !in->scale && !in->relu;
    if (shape->stride == 1 && plain) {
        *ld = shape->c;
        return all + m0 * shape->c + j0;
    }
    *ld = channels;
    const float *scale = in->scale ? in->scale + j0 : NULL, *shift = in->shift ? in->shift + j0 : NULL;
    if (shape->stride == 1 && channels == shape->c) {
        lanes->affine(scratch, all + m0 * shape->c, rows, channels, scale, shift, NULL, NULL, NULL, in->relu);
        return scratch;
    }
    for (size_t i = 0; i < rows; i++) {
        const float *x = all + input_row(shape, m0 + i) * shape->c + j0;
        if (plain)
            memcpy(scratch + i * channels, x, channels * sizeof *x);
        else
            lanes->affine(scratch + i * channels, x, 1, channels, scale, shift, NULL, NULL, NULL, in->relu);
    }
    return scratch;
}

static size_t tile_rows(const struct conv_shape *shape, size_t images, size_t tile, size_t *m0)
{
    struct tiling cut = tiling(shape, images);
    size_t rows = images * shape->p * shape->q;
    *m0 = tile * cut.rows_per_tile;
    return rows - *m0 < cut.rows_per_tile ? rows - *m0 : cut.rows_per_tile;
}

static void forward(const struct conv_task *task, size_t tile, float *scratch)
{
    const struct conv_shape *shape = &task->shape;
    size_t m0, rows = tile_rows(shape, task->images, tile, &m0), ld;
    const float *a = gather(task, m0, rows, 0, shape->c, scratch, &ld);
    gemm(GEMM_NT, rows, shape->k, shape->c, a, ld, task->w, shape->c, 0.0f, (float *)task->y + m0 * shape->k, shape->k);
    epilogue_apply(task, m0, rows, tile, true);
}

/* ---- backward ---------------------------------------------------------------------------------------------------- */
enum { CHANNEL_BLOCK = 256 };

static size_t backward_scratch(const struct conv_shape *shape, size_t images, size_t threads)
{
    size_t weight = weight_blocks_scratch(shape, images, CHANNEL_BLOCK, threads);
    size_t data = shape->stride == 1 ? 0 : threads * shape->p * shape->q * shape->c;
    return max_size(weight, data);
}

static size_t tail_tiles(const struct conv_shape *shape, size_t images)
{
    return shape->stride == 1 ? tiles(shape, images) : images;
}

struct data_work {
    float *da, *scratch;
    bool add;
    const struct conv_task *task;
    const float *dy;
    const struct tail *tail;
};

/* Stride 1: rows of da are rows of dy. */
static void data_tile(void *context, size_t tile, size_t thread)
{
    (void)thread;
    struct data_work *work = context;
    const struct conv_shape *shape = &work->task->shape;
    size_t m0, rows = tile_rows(shape, work->task->images, tile, &m0);
    float *da = work->da + m0 * shape->c;
    gemm(GEMM_NN, rows, shape->c, shape->k, work->dy + m0 * shape->k, shape->k, work->task->w, shape->c,
         work->add ? 1.0f : 0.0f, da, shape->c);
    tail_apply(work->tail, work->da, m0, rows, shape->c, tile, true);
}

/* Any other stride, one image: the pixels that were skipped have no gradient. */
static void data_image(void *context, size_t n, size_t thread)
{
    struct data_work *work = context;
    const struct conv_shape *shape = &work->task->shape;
    size_t rows = shape->p * shape->q, pixels = shape->h * shape->w, c = shape->c;
    float *got = work->scratch + thread * rows * c, *da = work->da + n * pixels * c;
    gemm(GEMM_NN, rows, c, shape->k, work->dy + n * rows * shape->k, shape->k, work->task->w, c, 0.0f, got, c);
    if (!work->add)
        memset(da, 0, pixels * c * sizeof *da);
    for (size_t m = 0; m < rows; m++)
        map_lanes(PRECISION_F32)->add(da + input_row(shape, m) * c, got + m * c, c);
    tail_apply(work->tail, work->da, n * pixels, pixels, c, n, true);
}

static void backward_data(void *da, bool add, const struct conv_task *task, const void *dy, const struct tail *tail,
                          struct pool *pool, float *scratch)
{
    struct data_work work = {.da = da, .scratch = scratch, .add = add, .task = task, .dy = dy, .tail = tail};
    if (task->shape.stride == 1)
        pool_for(pool, tiles(&task->shape, task->images), data_tile, &work);
    else
        pool_for(pool, task->images, data_image, &work);
}

static void backward_weight(float *dw, const struct conv_task *task, const void *dy, struct pool *pool, float *scratch)
{
    weight_blocks(dw, task, dy, CHANNEL_BLOCK, gather, pool, scratch);
}

static bool by_blas(const struct conv_shape *shape, bool backward)
{
    (void)shape;
    (void)backward;
    return true;
}

const struct conv_kernel conv_pointwise = {
    .name = "pointwise",
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
