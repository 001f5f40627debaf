/* Any convolution without im2col: products of panels (panel.h) on the rows of the input themselves.
 *
 * In a row of the padded input the S*C values under one line r of a window lie side by side, the next line of it a row
 * further, and the windows of the next output pixel begin stride*C values later. So a row of outputs is one product,
 * with nothing copied but the padding and what conv_input says:
 *
 *   forward   y[p, 0..Q, K] = windows[Q, R*S*C] w^T     element (q, r*S*C + i) is x[p*stride + r - pad, q*stride*C + i]
 *   data      the same on rows of dy (data_panels.h)
 *   weight    dw = dy^T windows, both packed in groups of rows (weight_panels.h)
 */
#include <string.h>

#include "core/base/sizes.h"
#include "core/ops/conv_kernels.h"
#include "core/ops/conv_tiles.h"
#include "core/ops/data_panels.h"
#include "core/ops/map_lanes.h"
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
    return shape->c < PANEL / 2 && shape->precision == PRECISION_F32;
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

static size_t together(const struct conv_shape *shape)
{
    return images_together(shape->precision, shape->p * shape->q);
}

static size_t tiles(const struct conv_shape *shape, size_t images)
{
    return ceil_div(images, together(shape)) * image_tiles(shape);
}

/* Values under one line of a window, and what is multiplied of them: one more if they must be even and are not. That
 * one meets a weight of zero: it may be any finite number, and in a padded row there always is one. */
static size_t line(const struct conv_shape *shape)
{
    return shape->s * shape->c;
}

static size_t summed_line(const struct conv_shape *shape)
{
    return panel_rows(line(shape), shape->precision);
}

/* Values of a padded row of the input. */
static size_t padded_row(const struct conv_shape *shape)
{
    return (shape->w + 2 * shape->pad) * shape->c + summed_line(shape) - line(shape);
}

/* Values of the padded rows of one image. */
static size_t padded_rows(const struct conv_shape *shape)
{
    return ((tile_rows(shape) - 1) * shape->stride + shape->r) * padded_row(shape);
}

static size_t scratch_size(const struct conv_shape *shape)
{
    return precision_floats(together(shape) * padded_rows(shape), shape->precision);
}

static size_t window(const struct conv_shape *shape)
{
    return shape->r * line(shape);
}

/* A panel of prepared weights, for 32 outputs, is summed over R lines. */
static size_t panel_size(const struct conv_shape *shape)
{
    return shape->r * summed_line(shape) * PANEL;
}

static size_t prepared_size(const struct conv_shape *shape)
{
    return precision_floats(ceil_div(shape->k, PANEL) * panel_size(shape), shape->precision);
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
    const struct conv_shape *shape = work->shape;
    size_t k0 = panel * PANEL, n = min_size(PANEL, shape->k - k0);
    for (size_t r = 0; r < shape->r; r++)
        panel_lanes(shape->precision)
            ->transpose(
                map_at(work->prepared, panel * panel_size(shape) + r * summed_line(shape) * PANEL, shape->precision),
                work->w + k0 * window(shape) + r * line(shape), window(shape), n, line(shape));
}

static void prepare(float *prepared, const float *w, const struct conv_shape *shape, struct pool *pool)
{
    struct prepare_work work = {prepared, w, shape};
    pool_for(pool, ceil_div(shape->k, PANEL), prepare_panel, &work);
}

/* The input rows under output rows p0..p0+rows of image n, through the conv_input, with their padding. */
static void pad_rows(void *out, const struct conv_task *task, size_t n, size_t p0, size_t rows)
{
    const struct conv_shape *shape = &task->shape;
    const struct conv_input *in = &task->in;
    size_t count = (rows - 1) * shape->stride + shape->r, size = precision_size(shape->precision);
    size_t row = padded_row(shape), side = shape->pad * shape->c, inner = shape->w * shape->c;
    for (size_t i = 0; i < count; i++, out = map_at(out, row, shape->precision)) {
        size_t h = p0 * shape->stride + i;
        if (h < shape->pad || h - shape->pad >= shape->h) {
            memset(out, 0, row * size);
            continue;
        }
        memset(out, 0, side * size);
        map_lanes(shape->precision)
            ->affine(map_at(out, side, shape->precision),
                     map_from(in->x, (n * shape->h + h - shape->pad) * inner, shape->precision), shape->w, shape->c,
                     in->scale, in->shift, NULL, NULL, NULL, in->relu);
        memset(map_at(out, side + inner, shape->precision), 0, (row - side - inner) * size);
    }
}

static void forward(const struct conv_task *task, size_t tile, float *scratch)
{
    const struct conv_shape *shape = &task->shape;
    size_t n = tile / image_tiles(shape) * together(shape), p0 = tile % image_tiles(shape) * tile_rows(shape);
    size_t images = min_size(together(shape), task->images - n), rows = min_size(tile_rows(shape), shape->p - p0);
    const struct panel_lines lines = {rows, shape->stride * padded_row(shape), shape->q};
    for (size_t i = 0; i < images; i++)
        pad_rows(map_at(scratch, i * padded_rows(shape), shape->precision), task, n + i, p0, rows);
    for (size_t k = 0; k < shape->k; k += PANEL)
        for (size_t i = 0; i < images; i++) {
            size_t m = ((n + i) * shape->p + p0) * shape->q;
            struct panel_left windows = {map_from(scratch, i * padded_rows(shape), shape->precision),
                                         shape->stride * shape->c, summed_line(shape), padded_row(shape)};
            struct panel_finish finish;
            panel_product_lines(shape->precision, map_at(task->y, m * shape->k + k, shape->precision), shape->k,
                                windows, &lines,
                                map_from(task->prepared, k / PANEL * panel_size(shape), shape->precision),
                                min_size(PANEL, shape->k - k), shape->r * summed_line(shape), false,
                                epilogue_finish(&finish, task, m, k));
        }
    if (task->epilogue.sums) /* of whole images, where there are several */
        epilogue_apply(task, (n * shape->p + p0) * shape->q, images * rows * shape->q, tile, true);
}

/* ---- gradient of the input --------------------------------------------------------------------------------------- */

/* data_panels.h and im2col both have an image for a tile. */
static size_t tail_tiles(const struct conv_shape *shape, size_t images)
{
    (void)shape;
    return images;
}

static void backward_data(void *da, bool add, const struct conv_task *task, const void *dy, const struct tail *tail,
                          struct pool *pool, float *scratch)
{
    if (few_channels(&task->shape))
        conv_im2col.backward_data(da, add, task, dy, tail, pool, scratch);
    else
        data_panels_run(da, add, task, dy, tail, pool, scratch);
}

/* ---- gradient of the weights: a window is R runs of S*C values, a unit one row of outputs ------------------------ */

static void weight_pack(void *panels, size_t count, size_t at, const struct conv_task *task, size_t m0, size_t rows,
                        float *scratch)
{
    const struct conv_shape *shape = &task->shape;
    size_t p = m0 / shape->q, step = ceil_div(line(shape), PANEL) * count * PANEL;
    pad_rows(scratch, task, p / shape->p, p % shape->p, 1);
    for (size_t r = 0; r < shape->r; r++)
        panel_lanes(shape->precision)
            ->pack_summed(map_at(panels, r * step + at * PANEL, shape->precision), count * PANEL,
                          map_from(scratch, r * padded_row(shape), shape->precision), shape->stride * shape->c, rows,
                          line(shape), NULL, NULL, false);
}

static struct weight_panels weight_panels(const struct conv_shape *shape)
{
    return (struct weight_panels){.parts = shape->r,
                                  .width = line(shape),
                                  .unit = shape->q,
                                  .scratch = precision_floats(shape->r * padded_row(shape), shape->precision),
                                  .pack = weight_pack};
}

static void backward_weight(float *dw, const struct conv_task *task, const void *dy, struct pool *pool, float *scratch)
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
    return max_size(weight, data_panels_scratch(shape, threads));
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
