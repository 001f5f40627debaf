/* Any convolution without im2col: products of panels (panel.h) on the rows of the input themselves.
 *
 * In a row of the padded input the S*C values under one line r of a window lie side by side, the next line of it a row
 * further, and the windows of the next output pixel begin stride*C values later. So a row of outputs is one product,
 * with nothing copied but the padding and what conv_input says:
 *
 *   forward   y[p, 0..Q, K] = windows[Q, R*S*C] w^T     element (q, r*S*C + i) is x[p*stride + r - pad, q*stride*C + i]
 *   data      da[h, every stride-th pixel, C] += dy[p, 0..Q, K] w[r,s]      for each p*stride + r - pad = h, and s
 *   weight    dw = dy^T windows, both packed in groups of rows (weight_panels.h)
 */
#include <string.h>

#include "core/base/sizes.h"
#include "core/ops/conv_kernels.h"
#include "core/ops/lanes.h"
#include "core/ops/panel.h"
#include "core/ops/weight_panels.h"

enum { TILE_PIXELS = 384 }; /* of the output, about */

static bool fits(const struct conv_shape *shape)
{
    return shape->r > 1 || shape->s > 1 || shape->pad > 0;
}

/* Backward is left to im2col for few channels: runs of a few values leave most of a panel empty. The case is conv1,
 * whose lines of 7 x 3 = 21 values would leave a third of each panel of 32 empty in the weight gradient. Forward has no
 * such limit: there a row of windows is one product over all 147 values (2.26 instead of 2.77 ms a photo). */
static bool few_channels(const struct conv_shape *shape)
{
    return shape->c < PANEL / 2;
}

/* Rows of outputs of a tile, all of one image: a tile pads its own rows of the input, and about 384 pixels keep what is
 * padded twice (the lines that two tiles share) small beside the product, on 112x112 as on 7x7 maps. */
static size_t tile_rows(const struct conv_shape *shape)
{
    return min_size(shape->p, ceil_div(TILE_PIXELS, shape->q));
}

static size_t image_tiles(const struct conv_shape *shape)
{
    return ceil_div(shape->p, tile_rows(shape));
}

static size_t tiles(const struct conv_shape *shape, size_t images)
{
    return images * image_tiles(shape);
}

/* Floats of a padded row of the input. */
static size_t padded_row(const struct conv_shape *shape)
{
    return (shape->w + 2 * shape->pad) * shape->c;
}

static size_t scratch_size(const struct conv_shape *shape)
{
    return ((tile_rows(shape) - 1) * shape->stride + shape->r) * padded_row(shape);
}

static size_t window(const struct conv_shape *shape)
{
    return shape->r * shape->s * shape->c;
}

/* [K/32][R*S*C][32] */
static size_t prepared_size(const struct conv_shape *shape)
{
    return ceil_div(shape->k, PANEL) * PANEL * window(shape);
}

struct prepare_work {
    float *prepared;
    const float *w;
    const struct conv_shape *shape;
};

static void prepare_panel(void *context, size_t panel, size_t thread)
{
    (void)thread;
    struct prepare_work *work = context;
    size_t width = window(work->shape), k0 = panel * PANEL;
    panel_lanes()->transpose(work->prepared + k0 * width, work->w + k0 * width, width,
                             min_size(PANEL, work->shape->k - k0), width);
}

static void prepare(float *prepared, const float *w, const struct conv_shape *shape, struct pool *pool)
{
    struct prepare_work work = {prepared, w, shape};
    pool_for(pool, ceil_div(shape->k, PANEL), prepare_panel, &work);
}

/* The input rows under output rows p0..p0+rows of one image, through the conv_input, with their padding. */
static void pad_rows(float *out, const struct conv_input *in, const struct conv_shape *shape, size_t p0, size_t rows)
{
    size_t count = (rows - 1) * shape->stride + shape->r, row = padded_row(shape), side = shape->pad * shape->c;
    for (size_t i = 0; i < count; i++, out += row) {
        size_t h = p0 * shape->stride + i;
        if (h < shape->pad || h - shape->pad >= shape->h) {
            memset(out, 0, row * sizeof *out);
            continue;
        }
        const float *x = in->x + (h - shape->pad) * shape->w * shape->c;
        memset(out, 0, side * sizeof *out);
        lanes()->affine(out + side, x, shape->w, shape->c, in->scale, in->shift, NULL, NULL, NULL, in->relu);
        memset(out + row - side, 0, side * sizeof *out);
    }
}

static void forward(const struct conv_task *task, size_t tile, float *scratch)
{
    const struct conv_shape *shape = &task->shape;
    size_t n = tile / image_tiles(shape), p0 = tile % image_tiles(shape) * tile_rows(shape);
    size_t rows = min_size(tile_rows(shape), shape->p - p0);
    size_t m0 = (n * shape->p + p0) * shape->q;
    float *y = task->y + m0 * shape->k;
    struct conv_input image = task->in;
    image.x += n * shape->h * shape->w * shape->c;
    pad_rows(scratch, &image, shape, p0, rows);
    for (size_t k = 0; k < shape->k; k += PANEL)
        for (size_t p = 0; p < rows; p++) {
            struct panel_left windows = {scratch + p * shape->stride * padded_row(shape), shape->stride * shape->c,
                                         shape->s * shape->c, padded_row(shape)};
            struct panel_finish finish;
            panel_lanes()->product(y + p * shape->q * shape->k + k, shape->k, windows,
                                   task->prepared + k * window(shape), shape->q, min_size(PANEL, shape->k - k),
                                   window(shape), false,
                                   epilogue_finish(&finish, &task->epilogue, m0 + p * shape->q, shape->k, k));
        }
    if (task->epilogue.sums)
        epilogue_apply(&task->epilogue, y, m0, rows * shape->q, shape->k, tile, true);
}

/* ---- gradient of the input: one image an item, because neighbouring rows of outputs share rows of it ------------- */

/* As im2col, to which some are left. */
static size_t tail_tiles(const struct conv_shape *shape, size_t images)
{
    (void)shape;
    return images;
}

struct data_work {
    float *da, *weights;
    bool add;
    const struct conv_task *task;
    const float *dy;
    const struct tail *tail;
};

/* [C/32][R*S][K][32], one tap an item. */
static void data_weights(void *context, size_t tap, size_t thread)
{
    (void)thread;
    struct data_work *work = context;
    const struct conv_shape *shape = &work->task->shape;
    size_t taps = shape->r * shape->s;
    panel_lanes()->pack(work->weights + tap * shape->k * PANEL, taps * shape->k * PANEL, work->task->w + tap * shape->c,
                        window(shape), shape->k, shape->c, NULL, NULL, false);
}

/* Columns of da that tap s reaches: first, first + stride, ... (`count` of them) from dy's columns q, q + 1, ... */
struct reach {
    size_t first, q, count;
};

static struct reach reach_of(const struct conv_shape *shape, size_t s)
{
    /* column = q*stride + s - pad must be in 0..W-1 */
    size_t q = s >= shape->pad ? 0 : ceil_div(shape->pad - s, shape->stride);
    size_t first = q * shape->stride + s - shape->pad;
    if (q >= shape->q || first >= shape->w)
        return (struct reach){0, 0, 0};
    size_t inside = (shape->w - 1 - first) / shape->stride + 1;
    return (struct reach){first, q, min_size(inside, shape->q - q)};
}

/* Row p of dy through line r of the weights, onto row h of da, channels c..c+n. */
static void data_line(float *da, const float *dy, const struct conv_shape *shape, const float *weights, size_t r,
                      size_t n)
{
    for (size_t s = 0; s < shape->s; s++) {
        struct reach reach = reach_of(shape, s);
        if (reach.count)
            panel_lanes()->product(da + reach.first * shape->c, shape->stride * shape->c,
                                   (struct panel_left){dy + reach.q * shape->k, shape->k, shape->k, 0},
                                   weights + (r * shape->s + s) * shape->k * PANEL, reach.count, n, shape->k, true,
                                   NULL);
    }
}

static void data_image(void *context, size_t n, size_t thread)
{
    (void)thread;
    struct data_work *work = context;
    const struct conv_shape *shape = &work->task->shape;
    size_t pixels = shape->h * shape->w, c = shape->c;
    float *da = work->da + n * pixels * c;
    const float *dy = work->dy + n * shape->p * shape->q * shape->k;
    if (!work->add)
        memset(da, 0, pixels * c * sizeof *da);
    for (size_t c0 = 0; c0 < c; c0 += PANEL)
        for (size_t p = 0; p < shape->p; p++)
            for (size_t r = 0; r < shape->r; r++) {
                size_t h = p * shape->stride + r;
                if (h >= shape->pad && h - shape->pad < shape->h)
                    data_line(da + (h - shape->pad) * shape->w * c + c0, dy + p * shape->q * shape->k, shape,
                              work->weights + c0 * shape->r * shape->s * shape->k, r, min_size(PANEL, c - c0));
            }
    tail_apply(work->tail, da, n * pixels, pixels, c, n, true);
}

static void backward_data(float *da, bool add, const struct conv_task *task, const float *dy, const struct tail *tail,
                          struct pool *pool, float *scratch)
{
    if (few_channels(&task->shape)) {
        conv_im2col.backward_data(da, add, task, dy, tail, pool, scratch);
        return;
    }
    struct data_work work = {.da = da, .weights = scratch, .add = add, .task = task, .dy = dy, .tail = tail};
    pool_for(pool, task->shape.r * task->shape.s, data_weights, &work);
    pool_for(pool, task->images, data_image, &work);
}

/* ---- gradient of the weights: a window is R runs of S*C values, a unit one row of outputs ------------------------ */

static void weight_pack(float *panels, size_t count, size_t at, const struct conv_task *task, size_t m0, size_t rows,
                        float *scratch)
{
    const struct conv_shape *shape = &task->shape;
    size_t line = m0 / shape->q, run = shape->s * shape->c, step = ceil_div(run, PANEL) * count * PANEL;
    struct conv_input image = task->in;
    image.x += line / shape->p * shape->h * shape->w * shape->c;
    pad_rows(scratch, &image, shape, line % shape->p, 1);
    for (size_t r = 0; r < shape->r; r++)
        panel_lanes()->pack(panels + r * step + at * PANEL, count * PANEL, scratch + r * padded_row(shape),
                            shape->stride * shape->c, rows, run, NULL, NULL, false);
}

static struct weight_panels weight_panels(const struct conv_shape *shape)
{
    return (struct weight_panels){.parts = shape->r,
                                  .width = shape->s * shape->c,
                                  .unit = shape->q,
                                  .scratch = shape->r * padded_row(shape),
                                  .pack = weight_pack};
}

static void backward_weight(float *dw, const struct conv_task *task, const float *dy, struct pool *pool, float *scratch)
{
    if (few_channels(&task->shape)) {
        conv_im2col.backward_weight(dw, task, dy, pool, scratch);
        return;
    }
    struct weight_panels how = weight_panels(&task->shape);
    weight_panels_run(dw, &how, task, dy, pool, scratch);
}

static size_t backward_scratch(const struct conv_shape *shape, size_t images, size_t threads)
{
    if (few_channels(shape))
        return conv_im2col.backward_scratch(shape, images, threads);
    struct weight_panels how = weight_panels(shape);
    size_t weight = weight_panels_scratch(&how, shape, images, threads);
    size_t data = ceil_div(shape->c, PANEL) * PANEL * shape->r * shape->s * shape->k;
    return max_size(weight, data);
}

static bool by_blas(const struct conv_shape *shape, bool backward)
{
    return backward && few_channels(shape);
}

const struct conv_kernel conv_direct = {
    .name = "direct",
    .exact = true,
    .wide = true,
    .rows_alone = true,
    .over_residual = true,
    .blas = by_blas,
    .fits = fits,
    .tiles = tiles,
    .scratch = scratch_size,
    .prepared_size = prepared_size,
    .prepare = prepare,
    .forward = forward,
    .backward_scratch = backward_scratch,
    .tail_tiles = tail_tiles,
    .backward_data = backward_data,
    .backward_weight = backward_weight,
};
