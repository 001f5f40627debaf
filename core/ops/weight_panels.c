#include "core/ops/weight_panels.h"

#include "core/base/sizes.h"

enum {
    GROUP_FLOATS = 400 * 1000, /* packed rows of dy and a that are multiplied together: 1.6 MB, */
    GROUP_LEAST = 256,         /* but not fewer rows than make reading and writing dw pay */
    SUM_ROWS = 512             /* rows of one outer product */
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

static size_t whole_units(const struct weight_panels *how, size_t rows)
{
    return ceil_div(rows, how->unit) * how->unit;
}

static size_t most_rows(const struct weight_panels *how, const struct conv_shape *shape)
{
    size_t most = GROUP_FLOATS / PANEL / (panels_across(how) + panels_down(shape));
    return most < GROUP_LEAST ? GROUP_LEAST : most;
}

/* Whole units, about equally many in each group. A group's packed rows are read once for each square of dw, so they
 * must stay in the second cache: groups of 20 MB were slower than BLAS (64 GFLOP/s on 56x56 maps), groups of 1.6 MB
 * reach 97 to 101. But dw is read and written once a group: 2 MB of dw with groups of fewer than 256 rows is mostly
 * that. */
static size_t group_rows(const struct weight_panels *how, const struct conv_shape *shape, size_t images)
{
    size_t rows = rows_of(shape, images), groups = ceil_div(rows, most_rows(how, shape));
    return whole_units(how, ceil_div(rows, groups));
}

struct weight_work {
    float *dw, *a, *d, *scratch;
    const struct weight_panels *how;
    const struct conv_task *task;
    const float *dy;
    size_t begin, rows; /* of this group */
};

static void pack_unit(void *context, size_t item, size_t thread)
{
    struct weight_work *work = context;
    const struct weight_panels *how = work->how;
    size_t k = work->task->shape.k, at = item * how->unit, rows = min_size(how->unit, work->rows - at);
    how->pack(work->a, work->rows, at, work->task, work->begin + at, rows, work->scratch + thread * how->scratch);
    panel_lanes()->pack(work->d + at * PANEL, work->rows * PANEL, work->dy + (work->begin + at) * k, k, rows, k, NULL,
                        NULL, false);
}

static void add_square(void *context, size_t item, size_t thread)
{
    (void)thread;
    struct weight_work *work = context;
    const struct weight_panels *how = work->how;
    size_t across = panels_across(how), column = item % across, k0 = item / across * PANEL;
    size_t in_part = ceil_div(how->width, PANEL), c0 = column % in_part * PANEL, ld = how->parts * how->width;
    const float *d = work->d + k0 * work->rows, *a = work->a + column * PANEL * work->rows;
    for (size_t m = 0; m < work->rows; m += SUM_ROWS)
        panel_lanes()->outer(work->dw + k0 * ld + column / in_part * how->width + c0, ld, d + m * PANEL, a + m * PANEL,
                             min_size(PANEL, work->task->shape.k - k0), min_size(PANEL, how->width - c0),
                             min_size(SUM_ROWS, work->rows - m), work->begin + m > 0);
}

size_t weight_panels_scratch(const struct weight_panels *how, const struct conv_shape *shape, size_t images,
                             size_t threads)
{
    /* Not the groups of this many images: those of fewer may be larger, as one group may be more than half of two. */
    size_t rows = whole_units(how, min_size(rows_of(shape, images), most_rows(how, shape)));
    return rows * PANEL * (panels_across(how) + panels_down(shape)) + threads * how->scratch;
}

void weight_panels_run(float *dw, const struct weight_panels *how, const struct conv_task *task, const float *dy,
                       struct pool *pool, float *scratch)
{
    const struct conv_shape *shape = &task->shape;
    size_t rows = rows_of(shape, task->images), group = group_rows(how, shape, task->images);
    struct weight_work work = {.dw = dw, .a = scratch, .how = how, .task = task, .dy = dy};
    work.d = work.a + group * PANEL * panels_across(how);
    work.scratch = work.d + group * PANEL * panels_down(shape);
    for (; work.begin < rows; work.begin += work.rows) {
        work.rows = min_size(group, rows - work.begin);
        pool_for(pool, ceil_div(work.rows, how->unit), pack_unit, &work);
        pool_for(pool, panels_down(shape) * panels_across(how), add_square, &work);
    }
}
