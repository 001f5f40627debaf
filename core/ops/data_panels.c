#include "core/ops/data_panels.h"

#include <string.h>

#include "core/base/sizes.h"
#include "core/ops/conv_tiles.h"
#include "core/ops/panel.h"

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

struct work {
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
    struct work *work = context;
    const struct conv_shape *shape = &work->task->shape;
    size_t r = tap / shape->s, s = tap % shape->s, row_class = r % shape->stride, column_class = s % shape->stride;
    size_t down = class_taps(rows_side(shape), row_class), across = class_taps(columns_side(shape), column_class);
    size_t place = (down - 1 - r / shape->stride) * across + across - 1 - s / shape->stride;
    size_t at = data_class(shape, row_class, column_class) + place * data_pixel(shape) * PANEL;
    size_t taps = shape->r * shape->s;
    panel_lanes(shape->precision)
        ->weights(map_at(work->weights, at, shape->precision), data_panel(shape), work->task->w + tap * shape->c,
                  taps * shape->c, shape->k, shape->c);
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

/* The pixels of rows h.. of da in one class of columns that windows reach, channels c..c+32. There is more than one row
 * where they follow each other as those of dy do: with stride 1. */
static void data_pixels(const struct work *work, void *da, const void *padded, size_t h, size_t count,
                        size_t column_class, size_t c)
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
    struct panel_lines lines = {count, data_row(shape), class_count(columns, column_class)};
    panel_product_lines(shape->precision, map_at(da, (h * shape->w + first) * shape->c + c, shape->precision),
                        shape->stride * shape->c, left, &lines, map_from(work->weights, at, shape->precision),
                        min_size(PANEL, shape->c - c), down * across * data_pixel(shape), work->add, NULL);
}

static size_t together(const struct conv_shape *shape)
{
    return images_together(shape->precision, shape->h * shape->w);
}

/* All pixels of an image, channels c..c+32. */
static void data_channels(const struct work *work, void *da, const void *padded, size_t c)
{
    const struct conv_shape *shape = &work->task->shape;
    size_t rows = shape->stride == 1 ? shape->h : 1;
    for (size_t h = 0; h < shape->h; h += rows)
        for (size_t class = 0; class < shape->stride; class ++)
            data_pixels(work, da, padded, h, rows, class, c);
}

static void data_images(void *context, size_t item, size_t thread)
{
    struct work *work = context;
    const struct conv_shape *shape = &work->task->shape;
    size_t pixels = shape->h * shape->w, first = item * together(shape);
    size_t count = min_size(together(shape), work->task->images - first);
    float *padded = work->padded + thread * together(shape) * data_padded_size(shape);
    char *da = map_at(work->da, first * pixels * shape->c, shape->precision);
    size_t image = pixels * shape->c * precision_size(shape->precision);
    if (!work->add && leaves_pixels_out(shape))
        memset(da, 0, count * image);
    for (size_t i = 0; i < count; i++)
        data_pad(padded + i * data_padded_size(shape),
                 map_from(work->dy, (first + i) * shape->p * shape->q * shape->k, shape->precision), shape);
    for (size_t c = 0; c < shape->c; c += PANEL)
        for (size_t i = 0; i < count; i++)
            data_channels(work, da + i * image, padded + i * data_padded_size(shape), c);
    for (size_t n = first; n < first + count; n++)
        tail_apply(work->tail, work->da, n * pixels, pixels, shape->c, n, true);
}

size_t data_panels_scratch(const struct conv_shape *shape, size_t threads)
{
    return data_weights_size(shape) + threads * together(shape) * data_padded_size(shape);
}

void data_panels_run(void *da, bool add, const struct conv_task *task, const void *dy, const struct tail *tail,
                     struct pool *pool, float *scratch)
{
    const struct conv_shape *shape = &task->shape;
    struct work work = {.da = da,
                        .weights = scratch,
                        .padded = scratch + data_weights_size(shape),
                        .add = add,
                        .task = task,
                        .dy = dy,
                        .tail = tail};
    pool_for(pool, shape->r * shape->s, data_weights, &work);
    pool_for(pool, ceil_div(task->images, together(shape)), data_images, &work);
}
