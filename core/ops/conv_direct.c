/* Any convolution without im2col: products of panels (panel.h) on the rows of the input themselves.
 *
 * In a row of the padded input the S*C values under one line r of a window lie side by side, the next line of it a row
 * further, and the windows of the next output pixel begin stride*C values later. So a row of outputs is one product,
 * with nothing copied but the padding and what conv_input says:
 *
 *   forward   y[p, 0..Q, K] = windows[Q, R*S*C] w^T     element (q, r*S*C + i) is x[p*stride + r - pad, q*stride*C + i]
 *   data      the same on rows of dy, a class of pixels of da at a time (below)
 *   weight    dw = dy^T windows, both packed in groups of rows (weight_panels.h)
 */
#include <string.h>

#include "core/base/sizes.h"
#include "core/ops/conv_kernels.h"
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

static size_t tiles(const struct conv_shape *shape, size_t images)
{
    return images * image_tiles(shape);
}

/* Values under one line of a window, and what is multiplied of them: one more if they must be even and are not. That one
 * meets a weight of zero: it may be any finite number, and in a padded row there always is one. */
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

static size_t scratch_size(const struct conv_shape *shape)
{
    return precision_floats(((tile_rows(shape) - 1) * shape->stride + shape->r) * padded_row(shape), shape->precision);
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
    size_t n = tile / image_tiles(shape), p0 = tile % image_tiles(shape) * tile_rows(shape);
    size_t rows = min_size(tile_rows(shape), shape->p - p0);
    size_t m0 = (n * shape->p + p0) * shape->q;
    pad_rows(scratch, task, n, p0, rows);
    for (size_t k = 0; k < shape->k; k += PANEL)
        for (size_t p = 0; p < rows; p++) {
            size_t m = m0 + p * shape->q;
            struct panel_left windows = {map_from(scratch, p * shape->stride * padded_row(shape), shape->precision),
                                         shape->stride * shape->c, summed_line(shape), padded_row(shape)};
            struct panel_finish finish;
            panel_lanes(shape->precision)
                ->product(map_at(task->y, m * shape->k + k, shape->precision), shape->k, windows,
                          map_from(task->prepared, k / PANEL * panel_size(shape), shape->precision), shape->q,
                          min_size(PANEL, shape->k - k), shape->r * summed_line(shape), false,
                          epilogue_finish(&finish, task, m, k));
        }
    if (task->epilogue.sums)
        epilogue_apply(task, m0, rows * shape->q, tile, true);
}

/* ---- gradient of the input ------------------------------------------------------------------------------------------
 * With the padding, pixel h + pad of the input is reached by line r of the window of output row p when it is
 * p * stride + r. So only lines r = h + pad modulo stride reach it, the t-th of these, r = class + t * stride, from output
 * row (h + pad) / stride - t; columns likewise. Pixels of one class (row and column modulo stride) are a convolution of
 * stride 1 of dy with the lines and columns of that class, the last first: one product for a row of them, on rows of dy
 * that are padded with zeros.
 *
 * One image is an item, because it is padded as one. */

/* Along one side: `taps` of the window, `in` pixels of da, `out` of dy. */
struct side {
    size_t taps, in, out, stride, pad;
};

static struct side rows_side(const struct conv_shape *shape)
{
    return (struct side){shape->r, shape->h, shape->p, shape->stride, shape->pad};
}

static struct side columns_side(const struct conv_shape *shape)
{
    return (struct side){shape->s, shape->w, shape->q, shape->stride, shape->pad};
}

/* Zeros before dy: what the t-th tap reaches back; and the pixels of a padded side, which the last pixel of da ends. */
static size_t side_before(struct side side)
{
    return ceil_div(side.taps, side.stride) - 1;
}

static size_t side_padded(struct side side)
{
    return side_before(side) + max_size(side.out, (side.in - 1 + side.pad) / side.stride + 1);
}

/* Taps of a class, and of all classes before it. */
static size_t class_taps(struct side side, size_t class)
{
    return class < side.taps ? ceil_div(side.taps - class, side.stride) : 0;
}

static size_t taps_before(struct side side, size_t class)
{
    size_t count = 0;
    for (size_t i = 0; i < class; i++)
        count += class_taps(side, i);
    return count;
}

/* The first pixel of da in a class, and how many there are. */
static size_t class_first(struct side side, size_t class)
{
    return (class + side.stride - side.pad % side.stride) % side.stride;
}

static size_t class_count(struct side side, size_t class)
{
    size_t first = class_first(side, class);
    return first < side.in ? (side.in - 1 - first) / side.stride + 1 : 0;
}

/* As im2col, to which some are left. */
static size_t tail_tiles(const struct conv_shape *shape, size_t images)
{
    (void)shape;
    return images;
}

/* Values of a pixel of padded dy, of padded dy, and of a panel of the weights, for 32 inputs: a class of rows after the
 * other, in it a class of columns after the other, in it the taps, each summed over the outputs. */
static size_t data_pixel(const struct conv_shape *shape)
{
    return panel_rows(shape->k, shape->precision);
}

static size_t data_row(const struct conv_shape *shape)
{
    return side_padded(columns_side(shape)) * data_pixel(shape);
}

static size_t data_padded_size(const struct conv_shape *shape)
{
    return precision_floats(side_padded(rows_side(shape)) * data_row(shape), shape->precision);
}

static size_t data_panel(const struct conv_shape *shape)
{
    return shape->r * shape->s * data_pixel(shape) * PANEL;
}

static size_t data_weights_size(const struct conv_shape *shape)
{
    return precision_floats(ceil_div(shape->c, PANEL) * data_panel(shape), shape->precision);
}

/* Where the taps of a class begin in a panel. */
static size_t data_class(const struct conv_shape *shape, size_t row_class, size_t column_class)
{
    struct side rows = rows_side(shape), columns = columns_side(shape);
    return (taps_before(rows, row_class) * shape->s +
            class_taps(rows, row_class) * taps_before(columns, column_class)) *
           data_pixel(shape) * PANEL;
}

struct data_work {
    void *da;
    float *weights, *padded;
    bool add;
    const struct conv_task *task;
    const void *dy;
    const struct tail *tail;
};

/* One tap, of all panels. */
static void data_weights(void *context, size_t tap, size_t thread)
{
    (void)thread;
    struct data_work *work = context;
    const struct conv_shape *shape = &work->task->shape;
    size_t r = tap / shape->s, s = tap % shape->s, row_class = r % shape->stride, column_class = s % shape->stride;
    size_t down = class_taps(rows_side(shape), row_class), across = class_taps(columns_side(shape), column_class);
    size_t place = (down - 1 - r / shape->stride) * across + across - 1 - s / shape->stride;
    size_t at = data_class(shape, row_class, column_class) + place * data_pixel(shape) * PANEL;
    panel_lanes(shape->precision)
        ->weights(map_at(work->weights, at, shape->precision), data_panel(shape), work->task->w + tap * shape->c,
                  window(shape), shape->k, shape->c);
}

static void data_pad(void *padded, const void *dy, const struct conv_shape *shape)
{
    size_t size = precision_size(shape->precision), pixel = data_pixel(shape);
    size_t top = side_before(rows_side(shape)), left = side_before(columns_side(shape));
    memset(padded, 0, data_padded_size(shape) * sizeof(float));
    for (size_t p = 0; p < shape->p; p++) {
        char *to = map_at(padded, (top + p) * data_row(shape) + left * pixel, shape->precision);
        const char *from = map_from(dy, p * shape->q * shape->k, shape->precision);
        if (pixel == shape->k)
            memcpy(to, from, shape->q * shape->k * size);
        for (size_t q = 0; pixel != shape->k && q < shape->q; q++)
            memcpy(to + q * pixel * size, from + q * shape->k * size, shape->k * size);
    }
}

/* Whether no window reaches some pixels: the stride is longer than the window. */
static bool leaves_pixels_out(const struct conv_shape *shape)
{
    return shape->stride > shape->r || shape->stride > shape->s;
}

/* The pixels of row h of da in one class of columns that windows reach, channels c..c+32. */
static void data_pixels(const struct data_work *work, void *da, const void *padded, size_t h, size_t column_class,
                        size_t c)
{
    const struct conv_shape *shape = &work->task->shape;
    struct side rows = rows_side(shape), columns = columns_side(shape);
    size_t row_class = (h + shape->pad) % shape->stride, first = class_first(columns, column_class);
    size_t down = class_taps(rows, row_class), across = class_taps(columns, column_class);
    if (down * across == 0)
        return;
    size_t p = side_before(rows) + (h + shape->pad) / shape->stride + 1 - down;
    size_t q = side_before(columns) + (first + shape->pad) / shape->stride + 1 - across;
    struct panel_left left = {map_from(padded, p * data_row(shape) + q * data_pixel(shape), shape->precision),
                              data_pixel(shape), across * data_pixel(shape), data_row(shape)};
    size_t at = c / PANEL * data_panel(shape) + data_class(shape, row_class, column_class);
    panel_lanes(shape->precision)
        ->product(map_at(da, (h * shape->w + first) * shape->c + c, shape->precision), shape->stride * shape->c, left,
                  map_from(work->weights, at, shape->precision), class_count(columns, column_class),
                  min_size(PANEL, shape->c - c), down * across * data_pixel(shape), work->add, NULL);
}

static void data_image(void *context, size_t n, size_t thread)
{
    struct data_work *work = context;
    const struct conv_shape *shape = &work->task->shape;
    size_t pixels = shape->h * shape->w;
    void *padded = work->padded + thread * data_padded_size(shape);
    void *da = map_at(work->da, n * pixels * shape->c, shape->precision);
    if (!work->add && leaves_pixels_out(shape))
        memset(da, 0, pixels * shape->c * precision_size(shape->precision));
    data_pad(padded, map_from(work->dy, n * shape->p * shape->q * shape->k, shape->precision), shape);
    for (size_t c = 0; c < shape->c; c += PANEL)
        for (size_t h = 0; h < shape->h; h++)
            for (size_t class = 0; class < shape->stride; class ++)
                data_pixels(work, da, padded, h, class, c);
    tail_apply(work->tail, work->da, n * pixels, pixels, shape->c, n, true);
}

static void backward_data(void *da, bool add, const struct conv_task *task, const void *dy, const struct tail *tail,
                          struct pool *pool, float *scratch)
{
    const struct conv_shape *shape = &task->shape;
    if (few_channels(shape)) {
        conv_im2col.backward_data(da, add, task, dy, tail, pool, scratch);
        return;
    }
    struct data_work work = {.da = da,
                             .weights = scratch,
                             .padded = scratch + data_weights_size(shape),
                             .add = add,
                             .task = task,
                             .dy = dy,
                             .tail = tail};
    pool_for(pool, shape->r * shape->s, data_weights, &work);
    pool_for(pool, task->images, data_image, &work);
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
    size_t data = data_weights_size(shape) + threads * data_padded_size(shape);
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
