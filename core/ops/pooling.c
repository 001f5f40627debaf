#include "core/ops/pooling.h"

#include <assert.h>
#include <string.h>

#include "core/base/sizes.h"
#include "core/ops/map_lanes.h"

enum { WINDOW_MOST = 256 }; /* pixels of a window, so that a place is a byte */

/* The pixels of the window at output (p, q) that are inside the image `map`, in their order, and their places. */
static size_t window_pixels(const void *x[WINDOW_MOST], uint8_t place[WINDOW_MOST], const void *map,
                            const struct conv_shape *shape, size_t p, size_t q)
{
    size_t count = 0;
    for (size_t r = 0; r < shape->r; r++)
        for (size_t s = 0; s < shape->s; s++) {
            size_t h = p * shape->stride + r, w = q * shape->stride + s;
            if (h < shape->pad || h - shape->pad >= shape->h || w < shape->pad || w - shape->pad >= shape->w)
                continue;
            x[count] = map_from(map, ((h - shape->pad) * shape->w + w - shape->pad) * shape->c, shape->precision);
            place[count++] = (uint8_t)(r * shape->s + s);
        }
    return count;
}

void maxpool_image(void *y, uint8_t *where, const struct conv_input *in, const struct conv_shape *shape)
{
    const void *x[WINDOW_MOST];
    uint8_t place[WINDOW_MOST];
    assert(shape->r * shape->s <= WINDOW_MOST);
    for (size_t pixel = 0; pixel < shape->p * shape->q; pixel++) {
        size_t count = window_pixels(x, place, in->x, shape, pixel / shape->q, pixel % shape->q);
        size_t at = pixel * shape->c;
        map_lanes(shape->precision)
            ->largest(map_at(y, at, shape->precision), where ? where + at : NULL, x, place, count, shape->c, in->scale,
                      in->shift, in->relu);
    }
}

struct pooling_work {
    void *out;
    bool add;
    uint8_t *where;
    const uint8_t *kept;
    const struct conv_input *in;
    const void *dy;
    const struct conv_shape *shape;
};

static void maxpool_item(void *context, size_t n, size_t thread)
{
    (void)thread;
    struct pooling_work *work = context;
    const struct conv_shape *shape = work->shape;
    size_t out = n * shape->p * shape->q * shape->c;
    struct conv_input in = *work->in;
    in.x = map_from(in.x, n * shape->h * shape->w * shape->c, shape->precision);
    maxpool_image(map_at(work->out, out, shape->precision), work->where ? work->where + out : NULL, &in, shape);
}

void maxpool_forward(void *y, uint8_t *where, const struct conv_input *in, const struct conv_shape *shape,
                     size_t images, struct pool *pool)
{
    struct pooling_work work = {.out = y, .where = where, .in = in, .shape = shape};
    pool_for(pool, images, maxpool_item, &work);
}

/* The windows p of a side that pixel `at` lies in: from *first to before *last. */
static void windows_over(size_t at, size_t kernel, size_t stride, size_t pad, size_t count, size_t *first, size_t *last)
{
    *first = at + pad < kernel ? 0 : (at + pad - kernel) / stride + 1;
    *last = min_size((at + pad) / stride + 1, count);
}

enum { BLOCK = 64 }; /* channels whose sums are in hand at a time */

/* Channels c..c+count of pixel (h, w) get what the windows over it had from it, in their order, summed as floats
 * whatever dx is stored as. */
static void maxpool_pixel(float *sum, const void *dy, const uint8_t *where, const struct conv_shape *shape, size_t h,
                          size_t w, size_t c, size_t count)
{
    size_t p, p_end, q_begin, q_end;
    windows_over(h, shape->r, shape->stride, shape->pad, shape->p, &p, &p_end);
    windows_over(w, shape->s, shape->stride, shape->pad, shape->q, &q_begin, &q_end);
    for (; p < p_end; p++)
        for (size_t q = q_begin; q < q_end; q++) {
            size_t r = h + shape->pad - p * shape->stride, s = w + shape->pad - q * shape->stride;
            size_t at = (p * shape->q + q) * shape->c + c;
            map_lanes(shape->precision)
                ->winners(sum, map_from(dy, at, shape->precision), where + at, count, (uint8_t)(r * shape->s + s));
        }
}

static void maxpool_backward_item(void *context, size_t n, size_t thread)
{
    (void)thread;
    struct pooling_work *work = context;
    const struct conv_shape *shape = work->shape;
    const struct map_lanes *lanes = map_lanes(shape->precision);
    size_t out = n * shape->p * shape->q * shape->c;
    const void *dy = map_from(work->dy, out, shape->precision);
    for (size_t pixel = 0; pixel < shape->h * shape->w; pixel++)
        for (size_t c = 0; c < shape->c; c += BLOCK) {
            float sum[BLOCK] = {0};
            size_t count = min_size(BLOCK, shape->c - c);
            void *dx = map_at(work->out, (n * shape->h * shape->w + pixel) * shape->c + c, shape->precision);
            if (work->add)
                lanes->widen(sum, dx, count);
            maxpool_pixel(sum, dy, work->kept + out, shape, pixel / shape->w, pixel % shape->w, c, count);
            lanes->narrow(dx, sum, count);
        }
}

void maxpool_backward(void *dx, bool add, const void *dy, const uint8_t *where, const struct conv_shape *shape,
                      size_t images, struct pool *pool)
{
    struct pooling_work work = {.out = dx, .add = add, .dy = dy, .kept = where, .shape = shape};
    pool_for(pool, images, maxpool_backward_item, &work);
}

/* ---- average ----------------------------------------------------------------------------------------------------- */
void avgpool_image(void *y, const struct conv_input *in, const struct avgpool_shape *shape)
{
    for (size_t c = 0; c < shape->c; c += BLOCK) {
        float mean[BLOCK];
        size_t count = min_size(BLOCK, shape->c - c);
        map_lanes(shape->in)->average(mean, map_from(in->x, c, shape->in), shape->c, shape->pixels, count,
                                      in->scale ? in->scale + c : NULL, in->scale ? in->shift + c : NULL, in->relu);
        map_lanes(shape->out)->narrow(map_at(y, c, shape->out), mean, count);
    }
}

struct avgpool_work {
    void *out;
    bool add;
    const struct conv_input *in;
    const void *dy;
    const struct avgpool_shape *shape;
};

static void avgpool_item(void *context, size_t n, size_t thread)
{
    (void)thread;
    struct avgpool_work *work = context;
    const struct avgpool_shape *shape = work->shape;
    struct conv_input in = *work->in;
    in.x = map_from(in.x, n * shape->pixels * shape->c, shape->in);
    avgpool_image(map_at(work->out, n * shape->c, shape->out), &in, shape);
}

void avgpool_forward(void *y, const struct conv_input *in, const struct avgpool_shape *shape, size_t images,
                     struct pool *pool)
{
    struct avgpool_work work = {.out = y, .in = in, .shape = shape};
    pool_for(pool, images, avgpool_item, &work);
}

static void avgpool_backward_item(void *context, size_t n, size_t thread)
{
    (void)thread;
    struct avgpool_work *work = context;
    const struct avgpool_shape *shape = work->shape;
    float share = (float)(1.0 / (double)shape->pixels);
    for (size_t c0 = 0; c0 < shape->c; c0 += BLOCK) {
        float dy[BLOCK], values[BLOCK];
        size_t count = min_size(BLOCK, shape->c - c0);
        map_lanes(shape->out)->widen(dy, map_from(work->dy, n * shape->c + c0, shape->out), count);
        for (size_t pixel = 0; pixel < shape->pixels; pixel++) {
            void *dx = map_at(work->out, (n * shape->pixels + pixel) * shape->c + c0, shape->in);
            if (work->add)
                map_lanes(shape->in)->widen(values, dx, count);
            for (size_t c = 0; c < count; c++)
                values[c] = work->add ? values[c] + dy[c] * share : dy[c] * share;
            map_lanes(shape->in)->narrow(dx, values, count);
        }
    }
}

void avgpool_backward(void *dx, bool add, const void *dy, const struct avgpool_shape *shape, size_t images,
                      struct pool *pool)
{
    struct avgpool_work work = {.out = dx, .add = add, .dy = dy, .shape = shape};
    pool_for(pool, images, avgpool_backward_item, &work);
}
