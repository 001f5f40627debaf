#include "core/data/resize.h"

#include <assert.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "core/base/memory.h"

const char *const interpolation_names[] = {"bilinear", "bicubic", "lanczos", "box", "hamming", "nearest", NULL};

/* Weights are whole numbers of 2^-22: 8 bits for a pixel and 2 for the sum's headroom fit into 32 with them. */
enum { WEIGHT_BITS = 32 - 8 - 2 };

/* The input pixels that one output pixel looks at. */
struct tap {
    int first, count;
};

/* One direction: taps[n], and for each of them `stride` weights. */
struct axis {
    struct tap *taps;
    int32_t *weights;
    size_t taps_room, weights_room;
    size_t stride;
};

struct resizer {
    struct axis across, down;
    uint8_t *between; /* after the first pass: what the second needs, and no more */
    size_t between_room;
};

enum status resizer_create(struct resizer **out, struct error *err)
{
    void *memory;
    enum status status = memory_alloc(&memory, 1, sizeof(struct resizer), "a resizer", err);
    if (status == OK)
        *out = memory;
    return status;
}

static void axis_free(struct axis *axis)
{
    memory_free(axis->taps);
    memory_free(axis->weights);
}

void resizer_destroy(struct resizer *resizer)
{
    if (!resizer)
        return;
    axis_free(&resizer->across);
    axis_free(&resizer->down);
    memory_free(resizer->between);
    memory_free(resizer);
}

static double triangle(double x)
{
    double distance = fabs(x);
    return distance < 1 ? 1 - distance : 0;
}

static double cubic(double x)
{
    const double a = -0.5;
    double d = fabs(x);
    if (d < 1)
        return ((a + 2) * d - (a + 3)) * d * d + 1;
    return d < 2 ? (((d - 5) * d + 8) * d - 4) * a : 0;
}

static double sinc(double x)
{
    return x == 0 ? 1 : sin(x * M_PI) / (x * M_PI);
}

static double lanczos(double x)
{
    return x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0;
}

static double box(double x)
{
    return x > -0.5 && x <= 0.5 ? 1 : 0;
}

static double hamming(double x)
{
    double d = fabs(x);
    if (d == 0)
        return 1;
    return d < 1 ? sin(d * M_PI) / (d * M_PI) * (0.54 + 0.46 * cos(d * M_PI)) : 0;
}

/* By enum interpolation: the curve, and how far from the middle it reaches. Nearest has none. */
static const struct curve {
    double (*at)(double x);
    double reach;
} curves[] = {[INTERPOLATION_BILINEAR] = {triangle, 1}, [INTERPOLATION_BICUBIC] = {cubic, 2},
              [INTERPOLATION_LANCZOS] = {lanczos, 3},   [INTERPOLATION_BOX] = {box, 0.5},
              [INTERPOLATION_HAMMING] = {hamming, 1},   [INTERPOLATION_NEAREST] = {NULL, 0.5}};

/* To the nearest whole number of 2^-WEIGHT_BITS, halves away from 0. */
static int32_t fixed(double weight)
{
    return (int32_t)((weight < 0 ? -0.5 : 0.5) + weight * (1 << WEIGHT_BITS));
}

/* Which outputs of how many are wanted, and of which part of `in` pixels they are made. */
struct stretch {
    int in;
    double start, size;
    int out, from, n;
};

/* Room for n outputs of `stride` weights each. */
static enum status axis_reserve(struct axis *axis, int n, size_t stride, struct error *err)
{
    void *taps = axis->taps, *weights = axis->weights;
    size_t need;
    axis->stride = stride;
    if (!size_mul(&need, (size_t)n, axis->stride))
        return error_memory(err, "a resize", SIZE_MAX);
    enum status status = memory_grow(&taps, &axis->taps_room, (size_t)n, sizeof *axis->taps, "a resize", err);
    axis->taps = taps;
    if (status == OK)
        status = memory_grow(&weights, &axis->weights_room, need, sizeof *axis->weights, "a resize", err);
    axis->weights = weights;
    return status;
}

/* One input pixel with all the weight. Pillow adds up the places one by one, and so are the roundings here. */
static enum status axis_set_nearest(struct axis *axis, const struct stretch *stretch, struct error *err)
{
    double scale = stretch->size / stretch->out, at = stretch->start + scale * 0.5;
    enum status status = axis_reserve(axis, stretch->n, 1, err);
    for (int i = 0; i < stretch->from + stretch->n && status == OK; i++, at += scale) {
        int first = at < stretch->in ? (int)at : stretch->in - 1;
        if (i < stretch->from)
            continue;
        axis->taps[i - stretch->from] = (struct tap){.first = first, .count = 1};
        axis->weights[i - stretch->from] = fixed(1);
    }
    return status;
}

/* The order of the double operations is Pillow's, so that the rounded weights are too. */
static enum status axis_set(struct axis *axis, const struct curve *curve, const struct stretch *stretch,
                            struct error *err)
{
    int n = stretch->n;
    double scale = stretch->size / stretch->out, width = scale < 1 ? 1 : scale, shrink = 1 / width,
           reach = curve->reach * width;
    if (!curve->at)
        return axis_set_nearest(axis, stretch, err);
    enum status status = axis_reserve(axis, n, (size_t)ceil(reach) * 2 + 1, err);
    if (status != OK)
        return status;
    for (int i = 0; i < n; i++) {
        double middle = stretch->start + (stretch->from + i + 0.5) * scale, sum = 0;
        int first = (int)(middle - reach + 0.5), end = (int)(middle + reach + 0.5);
        first = first < 0 ? 0 : first;
        end = end > stretch->in ? stretch->in : end;
        int32_t *row = axis->weights + (size_t)i * axis->stride;
        for (int x = first; x < end; x++)
            sum += curve->at((x - middle + 0.5) * shrink);
        for (int x = first; x < end; x++) {
            double weight = curve->at((x - middle + 0.5) * shrink);
            row[x - first] = fixed(sum != 0 ? weight / sum : weight);
        }
        axis->taps[i] = (struct tap){.first = first, .count = end - first};
    }
    return OK;
}

static uint8_t to_pixel(int32_t sum)
{
    int32_t value = sum >> WEIGHT_BITS;
    return value < 0 ? 0 : value > 255 ? 255 : (uint8_t)value;
}

/* out[columns,3] from one row of pixels that begins at column `first`. */
static void row_across(uint8_t *out, const uint8_t *row, int first, const struct axis *axis, int columns)
{
    for (int x = 0; x < columns; x++, out += 3) {
        const uint8_t *in = row + (size_t)(axis->taps[x].first - first) * 3;
        const int32_t *weights = axis->weights + (size_t)x * axis->stride;
        int32_t r = 1 << (WEIGHT_BITS - 1), g = r, b = r;
        for (int i = 0; i < axis->taps[x].count; i++, in += 3) {
            r += in[0] * weights[i];
            g += in[1] * weights[i];
            b += in[2] * weights[i];
        }
        out[0] = to_pixel(r);
        out[1] = to_pixel(g);
        out[2] = to_pixel(b);
    }
}

/* out[size] = the weighted rows, LANES values at a time, so that the sums stay in registers. */
static void row_down(uint8_t *restrict out, const uint8_t *restrict rows, size_t stride, const struct tap *tap,
                     const int32_t *restrict weights, size_t size)
{
    enum { LANES = 32 };
    size_t at = 0;
    for (; at + LANES <= size; at += LANES) {
        int32_t sums[LANES];
        for (int l = 0; l < LANES; l++)
            sums[l] = 1 << (WEIGHT_BITS - 1);
        for (int i = 0; i < tap->count; i++) {
            const uint8_t *row = rows + (size_t)i * stride + at;
            int32_t weight = weights[i];
            for (int l = 0; l < LANES; l++)
                sums[l] += row[l] * weight;
        }
        for (int l = 0; l < LANES; l++)
            out[at + (size_t)l] = to_pixel(sums[l]);
    }
    for (; at < size; at++) {
        int32_t sum = 1 << (WEIGHT_BITS - 1);
        for (int i = 0; i < tap->count; i++)
            sum += rows[(size_t)i * stride + at] * weights[i];
        out[at] = to_pixel(sum);
    }
}

/* The input pixels that n taps look at, as one. */
static struct tap axis_reach(const struct axis *axis, int n)
{
    const struct tap *last = &axis->taps[n - 1];
    return (struct tap){.first = axis->taps[0].first, .count = last->first + last->count - axis->taps[0].first};
}

static void down_all(uint8_t *out, size_t out_stride, const uint8_t *in, size_t in_stride, int first,
                     const struct axis *axis, int rows, size_t size)
{
    for (int y = 0; y < rows; y++)
        row_down(out + (size_t)y * out_stride, in + (size_t)(axis->taps[y].first - first) * in_stride, in_stride,
                 &axis->taps[y], axis->weights + (size_t)y * axis->stride, size);
}

/* Which pass Pillow does first (13.0: down when the height loses more than twice as many pixels as the width). Rounding
 * between the passes makes it visible. */
static bool goes_down_first(const struct resize_window *window, const struct resize_input *in)
{
    long long lost_height = in->height - window->height, lost_width = in->width - window->width;
    return lost_height > 0 && lost_height > 2 * lost_width;
}

enum status resize_pixels(struct resizer *resizer, uint8_t *out, size_t out_stride, enum interpolation interpolation,
                          const struct resize_window *window, const struct resize_input *in, struct error *err)
{
    const struct curve *curve = &curves[interpolation];
    assert(in->height > 0 && in->width > 0 && window->rows > 0 && window->columns > 0);
    assert(window->top >= 0 && window->rows <= window->height - window->top);
    assert(window->left >= 0 && window->columns <= window->width - window->left);
    struct axis *across = &resizer->across, *down = &resizer->down;
    const struct resize_part *part = &in->part;
    bool all = part->height == 0;
    const struct stretch columns = {.in = in->width,
                                    .start = part->left,
                                    .size = all ? in->width : part->width,
                                    .out = window->width,
                                    .from = window->left,
                                    .n = window->columns};
    const struct stretch lines = {.in = in->height,
                                  .start = part->top,
                                  .size = all ? in->height : part->height,
                                  .out = window->height,
                                  .from = window->top,
                                  .n = window->rows};
    enum status status = axis_set(across, curve, &columns, err);
    if (status == OK)
        status = axis_set(down, curve, &lines, err);
    if (status != OK)
        return status;

    bool down_first = goes_down_first(window, in);
    struct tap needs_x = axis_reach(across, window->columns), needs_y = axis_reach(down, window->rows);
    size_t rows = (size_t)(down_first ? window->rows : needs_y.count);
    size_t stride = (size_t)(down_first ? needs_x.count : window->columns) * 3;
    void *between = resizer->between;
    status = memory_grow(&between, &resizer->between_room, rows * stride, 1, "a resize", err);
    resizer->between = between;
    if (status != OK)
        return status;
    const uint8_t *from = in->pixels + (size_t)needs_y.first * in->stride;
    if (down_first) {
        down_all(between, stride, from + (size_t)needs_x.first * 3, in->stride, needs_y.first, down, window->rows,
                 stride);
        for (size_t y = 0; y < rows; y++)
            row_across(out + y * out_stride, resizer->between + y * stride, needs_x.first, across, window->columns);
    } else {
        for (size_t y = 0; y < rows; y++)
            row_across(resizer->between + y * stride, from + y * in->stride, 0, across, window->columns);
        down_all(out, out_stride, between, stride, needs_y.first, down, window->rows, stride);
    }
    return OK;
}
