#include "core/ops/pooling.h"

#include <string.h>

#include "core/ops/lanes.h"

static void take_first(float *best, uint8_t *where, const struct conv_input *in, const float *x, size_t channels,
                       uint8_t place)
{
    lanes()->affine(best, x, 1, channels, in->scale, in->shift, NULL, NULL, NULL, in->relu);
    if (where)
        memset(where, place, channels);
}

void maxpool_image(float *y, uint8_t *where, const struct conv_input *in, const struct conv_shape *shape)
{
    size_t channels = shape->c;
    for (size_t p = 0; p < shape->p; p++)
        for (size_t q = 0; q < shape->q; q++) {
            bool first = true;
            for (size_t r = 0; r < shape->r; r++)
                for (size_t s = 0; s < shape->s; s++) {
                    size_t h = p * shape->stride + r, w = q * shape->stride + s;
                    if (h < shape->pad || h - shape->pad >= shape->h || w < shape->pad || w - shape->pad >= shape->w)
                        continue;
                    const float *x = in->x + ((h - shape->pad) * shape->w + w - shape->pad) * channels;
                    uint8_t place = (uint8_t)(r * shape->s + s);
                    if (first)
                        take_first(y, where, in, x, channels, place);
                    else
                        lanes()->larger(y, where, x, channels, in->scale, in->shift, in->relu, place);
                    first = false;
                }
            y += channels;
            where = where ? where + channels : NULL;
        }
}

struct pooling_work {
    float *out;
    bool add;
    uint8_t *where;
    const uint8_t *kept;
    const struct conv_input *in;
    const float *dy;
    const struct conv_shape *shape;
    size_t pixels, channels;
};

static void maxpool_item(void *context, size_t n, size_t thread)
{
    (void)thread;
    struct pooling_work *work = context;
    const struct conv_shape *shape = work->shape;
    size_t out = n * shape->p * shape->q * shape->c;
    struct conv_input in = *work->in;
    in.x += n * shape->h * shape->w * shape->c;
    maxpool_image(work->out + out, work->where ? work->where + out : NULL, &in, shape);
}

void maxpool_forward(float *y, uint8_t *where, const struct conv_input *in, const struct conv_shape *shape,
                     size_t images, struct pool *pool)
{
    struct pooling_work work = {.out = y, .where = where, .in = in, .shape = shape};
    pool_for(pool, images, maxpool_item, &work);
}

static void maxpool_backward_item(void *context, size_t n, size_t thread)
{
    (void)thread;
    struct pooling_work *work = context;
    const struct conv_shape *shape = work->shape;
    size_t channels = shape->c, out = n * shape->p * shape->q * channels;
    float *dx = work->out + n * shape->h * shape->w * channels;
    const float *dy = work->dy + out;
    const uint8_t *where = work->kept + out;
    if (!work->add)
        memset(dx, 0, shape->h * shape->w * channels * sizeof *dx);
    for (size_t p = 0; p < shape->p; p++)
        for (size_t q = 0; q < shape->q; q++, dy += channels, where += channels)
            for (size_t c = 0; c < channels; c++) {
                size_t h = p * shape->stride + where[c] / shape->s - shape->pad;
                size_t w = q * shape->stride + where[c] % shape->s - shape->pad;
                dx[(h * shape->w + w) * channels + c] += dy[c];
            }
}

void maxpool_backward(float *dx, bool add, const float *dy, const uint8_t *where, const struct conv_shape *shape,
                      size_t images, struct pool *pool)
{
    struct pooling_work work = {.out = dx, .add = add, .dy = dy, .kept = where, .shape = shape};
    pool_for(pool, images, maxpool_backward_item, &work);
}

static float input_value(const struct conv_input *in, const float *x, size_t c)
{
    float v = in->scale ? x[c] * in->scale[c] + in->shift[c] : x[c];
    return in->relu && v < 0.0f ? 0.0f : v;
}

void avgpool_image(float *y, const struct conv_input *in, size_t pixels, size_t channels)
{
    enum { BLOCK = 64 };
    for (size_t c0 = 0; c0 < channels; c0 += BLOCK) {
        double sums[BLOCK] = {0};
        size_t count = channels - c0 < BLOCK ? channels - c0 : BLOCK;
        for (size_t pixel = 0; pixel < pixels; pixel++)
            for (size_t c = 0; c < count; c++)
                sums[c] += input_value(in, in->x + pixel * channels, c0 + c);
        for (size_t c = 0; c < count; c++)
            y[c0 + c] = (float)(sums[c] / (double)pixels);
    }
}

static void avgpool_item(void *context, size_t n, size_t thread)
{
    (void)thread;
    struct pooling_work *work = context;
    struct conv_input in = *work->in;
    in.x += n * work->pixels * work->channels;
    avgpool_image(work->out + n * work->channels, &in, work->pixels, work->channels);
}

void avgpool_forward(float *y, const struct conv_input *in, size_t images, size_t pixels, size_t channels,
                     struct pool *pool)
{
    struct pooling_work work = {.out = y, .in = in, .pixels = pixels, .channels = channels};
    pool_for(pool, images, avgpool_item, &work);
}

static void avgpool_backward_item(void *context, size_t n, size_t thread)
{
    (void)thread;
    struct pooling_work *work = context;
    const float *dy = work->dy + n * work->channels;
    float *dx = work->out + n * work->pixels * work->channels, share = (float)(1.0 / (double)work->pixels);
    for (size_t pixel = 0; pixel < work->pixels; pixel++, dx += work->channels)
        for (size_t c = 0; c < work->channels; c++)
            dx[c] = work->add ? dx[c] + dy[c] * share : dy[c] * share;
}

void avgpool_backward(float *dx, bool add, const float *dy, size_t images, size_t pixels, size_t channels,
                      struct pool *pool)
{
    struct pooling_work work = {.out = dx, .add = add, .dy = dy, .pixels = pixels, .channels = channels};
    pool_for(pool, images, avgpool_backward_item, &work);
}
