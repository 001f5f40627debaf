#include "core/train/vectors.h"

#include <string.h>

#include "core/ops/map_lanes.h"

/* Values of one item of work. */
enum { PART = 16384 };

struct work {
    float *y;
    const float *x;
    double *parts;
    size_t count;
    float factor;
};

size_t vectors_parts(size_t count)
{
    return (count + PART - 1) / PART;
}

static size_t part_count(const struct work *work, size_t item)
{
    size_t from = item * PART;
    return work->count - from < PART ? work->count - from : PART;
}

static void copy_part(void *context, size_t item, size_t thread)
{
    (void)thread;
    const struct work *work = context;
    memcpy(work->y + item * PART, work->x + item * PART, part_count(work, item) * sizeof(float));
}

void vectors_copy(struct pool *pool, float *y, const float *x, size_t count)
{
    struct work work = {.y = y, .x = x, .count = count};
    pool_for(pool, vectors_parts(count), copy_part, &work);
}

static void add_part(void *context, size_t item, size_t thread)
{
    (void)thread;
    const struct work *work = context;
    map_lanes(PRECISION_F32)->add(work->y + item * PART, work->x + item * PART, part_count(work, item));
}

void vectors_add(struct pool *pool, float *y, const float *x, size_t count)
{
    struct work work = {.y = y, .x = x, .count = count};
    pool_for(pool, vectors_parts(count), add_part, &work);
}

static void scale_part(void *context, size_t item, size_t thread)
{
    (void)thread;
    const struct work *work = context;
    float *y = work->y + item * PART;
    for (size_t i = 0, count = part_count(work, item); i < count; i++)
        y[i] *= work->factor;
}

void vectors_scale(struct pool *pool, float *y, float factor, size_t count)
{
    struct work work = {.y = y, .count = count, .factor = factor};
    pool_for(pool, vectors_parts(count), scale_part, &work);
}

static void square_part(void *context, size_t item, size_t thread)
{
    (void)thread;
    const struct work *work = context;
    const float *x = work->x + item * PART;
    double sum = 0;
    for (size_t i = 0, count = part_count(work, item); i < count; i++)
        sum += (double)x[i] * (double)x[i];
    work->parts[item] = sum;
}

void vectors_add_squares(struct pool *pool, double *sum, const float *x, double *parts, size_t count)
{
    struct work work = {.x = x, .parts = parts, .count = count};
    size_t items = vectors_parts(count);
    pool_for(pool, items, square_part, &work);
    for (size_t i = 0; i < items; i++)
        *sum += parts[i];
}
