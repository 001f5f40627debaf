#include "core/ops/weight_panels.h"

#include "core/base/sizes.h"

enum {
    GROUP_FLOATS = 400 * 1000, /* packed rows of dy and a that are multiplied together: 1.6 MB, */
    GROUP_LEAST = 400,         /* but not fewer rows of float32 than make reading and writing dw pay */
    TOGETHER_BYTES = 512 * 1024,
    SUM_ROWS = 512 /* rows of one outer product: groups of 32, as turn has them */
};

/* Panels of a row of `a`, and of dy. */
static size_t panels_across(const struct weight_panels *how)
{
    return how->parts * ceil_div(how->width, PANEL);
}

static size_t panels_down(const struct conv_shape *shape)
{
    return ceil_div(shape->k, PANEL);
}

static size_t rows_of(const struct conv_shape *shape, size_t images)
{
    return images * shape->p * shape->q;
}

/* Rows of panels that `rows` rows take up. */
static size_t packed_rows(const struct weight_panels *how, const struct conv_shape *shape, size_t rows)
{
    return rows / how->unit * panel_rows(how->unit, shape->precision) + panel_rows(rows % how->unit, shape->precision);
}

static size_t whole_units(const struct weight_panels *how, size_t rows)
{
    return ceil_div(rows, how->unit) * how->unit;
}

static size_t most_rows(const struct weight_panels *how, const struct conv_shape *shape)
{
    size_t in_a_float = sizeof(float) / precision_size(shape->precision);
    size_t most = in_a_float * GROUP_FLOATS / PANEL / (panels_across(how) + panels_down(shape));
    return max_size(most, in_a_float * GROUP_LEAST);
}

/* Whole units, about equally many in each group. A group's packed rows are read once for each square of dw, so they
 * must stay in the second cache: groups of 20 MB were slower than BLAS (64 GFLOP/s on 56x56 maps), groups of 1.6 MB
 * reach 97 to 101. But dw is read and written once a group: 2 MB of dw with groups of few rows is mostly that. For 7x7
 * maps at batch 16, 784 rows, two groups (bfloat16: one) take 0.93 of the time of four in 1x1 convolutions of stride 2
 * (0.86), 0.96 (0.94) of stride 1, and 1 (0.94) in 3x3. */
static size_t group_rows(const struct weight_panels *how, const struct conv_shape *shape, size_t images)
{
    size_t rows = rows_of(shape, images), groups = ceil_div(rows, most_rows(how, shape));
    return whole_units(how, ceil_div(rows, groups));
}

struct weight_work {
    float *dw, *scratch;
    void *a, *d;
    const struct weight_panels *how;
    const struct conv_task *task;
    const void *dy;
    size_t begin, rows, packed; /* of this group; rows of its panels */
};

static void pack_unit(void *context, size_t item, size_t thread)
{
    struct weight_work *work = context;
    const struct weight_panels *how = work->how;
    const struct conv_shape *shape = &work->task->shape;
    size_t k = shape->k, first = item * how->unit, rows = min_size(how->unit, work->rows - first);
    size_t at = packed_rows(how, shape, first);
    how->pack(work->a, work->packed, at, work->task, work->begin + first, rows, work->scratch + thread * how->scratch);
    panel_lanes(shape->precision)
        ->pack_summed(map_at(work->d, at * PANEL, shape->precision), work->packed * PANEL,
                      map_from(work->dy, (work->begin + first) * k, shape->precision), k, rows, k, NULL, NULL, false);
}

static void turn_panel(void *context, size_t item, size_t thread)
{
    (void)thread;
    struct weight_work *work = context;
    enum precision precision = work->task->shape.precision;
    panel_lanes(precision)->turn(map_at(work->d, item * PANEL * work->packed, precision), work->packed);
}

/* Which square of dw an item is. Columns are taken some at a time, whose panels stay in the second cache while those of
 * dy pass by: else all of `a` would come from further away for every 32 outputs. */
static size_t square_of(const struct weight_work *work, size_t item, size_t *k0)
{
    const struct conv_shape *shape = &work->task->shape;
    size_t panel = work->packed * PANEL * precision_size(shape->precision), across = panels_across(work->how);
    size_t most = max_size(1, TOGETHER_BYTES / panel), down = panels_down(shape);
    size_t first = item / (most * down) * most, together = min_size(most, across - first);
    item -= first * down;
    *k0 = item / together * PANEL;
    return first + item % together;
}

static void add_square(void *context, size_t item, size_t thread)
{
    (void)thread;
    struct weight_work *work = context;
    const struct weight_panels *how = work->how;
    enum precision precision = work->task->shape.precision;
    size_t k0, column = square_of(work, item, &k0);
    size_t in_part = ceil_div(how->width, PANEL), c0 = column % in_part * PANEL, ld = how->parts * how->width;
    const void *d = map_from(work->d, k0 * work->packed, precision);
    const void *a = map_from(work->a, column * PANEL * work->packed, precision);
    for (size_t m = 0; m < work->packed; m += SUM_ROWS)
        panel_lanes(precision)->outer(work->dw + k0 * ld + column / in_part * how->width + c0, ld,
                                      map_from(d, m * PANEL, precision), map_from(a, m * PANEL, precision),
                                      min_size(PANEL, work->task->shape.k - k0), min_size(PANEL, how->width - c0),
                                      min_size(SUM_ROWS, work->packed - m), work->begin + m > 0);
}

size_t weight_panels_scratch(const struct weight_panels *how, const struct conv_shape *shape, size_t images,
                             size_t threads)
{
    /* Not the groups of this many images: those of fewer may be larger, as one group may be more than half of two. */
    size_t rows = packed_rows(how, shape, whole_units(how, min_size(rows_of(shape, images), most_rows(how, shape))));
    return precision_floats(rows * PANEL * (panels_across(how) + panels_down(shape)), shape->precision) +
           threads * how->scratch;
}

void weight_panels_run(float *dw, const struct weight_panels *how, const struct conv_task *task, const void *dy,
                       struct pool *pool, float *scratch)
{
    const struct conv_shape *shape = &task->shape;
    size_t rows = rows_of(shape, task->images), group = group_rows(how, shape, task->images);
    size_t most = packed_rows(how, shape, group) * PANEL;
    struct weight_work work = {.dw = dw, .a = scratch, .how = how, .task = task, .dy = dy};
    work.d = map_at(work.a, most * panels_across(how), shape->precision);
    work.scratch = scratch + precision_floats(most * (panels_across(how) + panels_down(shape)), shape->precision);
    for (; work.begin < rows; work.begin += work.rows) {
        work.rows = min_size(group, rows - work.begin);
        work.packed = packed_rows(how, shape, work.rows);
        pool_for(pool, ceil_div(work.rows, how->unit), pack_unit, &work);
        if (panel_lanes(shape->precision)->turn)
            pool_for(pool, panels_down(shape), turn_panel, &work);
        pool_for(pool, panels_down(shape) * panels_across(how), add_square, &work);
    }
}
