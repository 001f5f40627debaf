#include "core/ops/winograd_weight.h"

#include "core/base/sizes.h"
#include "core/ops/panel.h"

enum { SQUARE_STEP = PANEL * PANEL + WINOGRAD_APART };

struct weight_work {
    const struct winograd_weight *how;
    float *dw, *squares, *v, *d;
    struct winograd_steps v_steps, d_steps;
    const struct conv_task *task;
    const void *dy;
    struct winograd_cut cut; /* an image of which is `together` images */
    size_t begin, end;       /* rows of tiles of this group */
    struct winograd_layout layout;
};

static size_t panels(size_t channels)
{
    return ceil_div(channels, PANEL);
}

static size_t frequencies(const struct winograd_sizes *sizes)
{
    return (sizes->t + 2) * (sizes->t + 2);
}

static void transform(void *context, size_t item, size_t thread)
{
    (void)thread;
    struct weight_work *work = context;
    size_t at = work->begin + item;
    work->how->transform(work->v, work->v_steps, work->d, work->d_steps, work->task, work->dy,
                         at / work->cut.tile_rows * work->how->together,
                         winograd_row_of(&work->layout, at, work->task->shape.p));
}

static void turn(void *context, size_t panel, size_t thread)
{
    (void)thread;
    struct weight_work *work = context;
    for (size_t f = 0; f < frequencies(work->how->sizes); f++) {
        struct winograd_span span = winograd_span_of(&work->layout, f);
        float *d = work->d + f * work->d_steps.frequency + panel * work->d_steps.panel;
        panel_lanes(work->how->products)->turn(d + span.begin * PANEL, work->how->together * span.count);
    }
}

static void square(void *context, size_t item, size_t thread)
{
    struct weight_work *work = context;
    const struct winograd_weight *how = work->how;
    const struct conv_shape *shape = &work->task->shape;
    size_t across = panels(shape->c), k0 = item / across * PANEL, c0 = item % across * PANEL;
    float *u = work->squares + (work->cut.groups == 1 ? thread : item) * frequencies(how->sizes) * SQUARE_STEP;
    for (size_t f = 0; f < frequencies(how->sizes); f++) {
        struct winograd_span span = winograd_span_of(&work->layout, f);
        const float *d = work->d + f * work->d_steps.frequency + item / across * work->d_steps.panel;
        const float *v = work->v + f * work->v_steps.frequency + item % across * work->v_steps.panel;
        panel_lanes(how->products)
            ->outer(u + f * SQUARE_STEP, PANEL, d + span.begin * PANEL, v + span.begin * PANEL, PANEL, PANEL,
                    how->together * span.count, work->begin > 0);
    }
    if (work->end < work->cut.rows)
        return;
    for (size_t k = k0; k < min_size(k0 + PANEL, shape->k); k++)
        how->back(work->dw + k * 9 * shape->c + c0, shape->c, u + (k - k0) * PANEL, SQUARE_STEP,
                  min_size(PANEL, shape->c - c0));
}

static size_t squares_of(const struct conv_shape *shape)
{
    return panels(shape->c) * panels(shape->k);
}

static struct winograd_cut cut_of(const struct winograd_weight *how, const struct conv_shape *shape, size_t images)
{
    return winograd_cut_of(how->sizes, shape, ceil_div(images, how->together));
}

static size_t operands(const struct winograd_weight *how, size_t rows, const struct winograd_cut *cut, size_t channels)
{
    return winograd_size(how->sizes->t, rows * cut->row_tiles, channels);
}

void winograd_weight_run(float *dw, const struct winograd_weight *how, const struct conv_task *task, const void *dy,
                         struct pool *pool, float *scratch)
{
    const struct conv_shape *shape = &task->shape;
    struct weight_work work = {
        .how = how, .dw = dw, .task = task, .dy = dy, .cut = cut_of(how, shape, task->images), .v = scratch};
    work.d = work.v + operands(how, work.cut.group_rows, &work.cut, shape->c);
    work.squares = work.d + operands(how, work.cut.group_rows, &work.cut, shape->k);
    for (; work.begin < work.cut.rows; work.begin = work.end) {
        work.end = min_size(work.begin + work.cut.group_rows, work.cut.rows);
        size_t tiles = (work.end - work.begin) * work.cut.row_tiles;
        work.v_steps = winograd_steps_of(tiles, shape->c);
        work.d_steps = winograd_steps_of(tiles, shape->k);
        work.layout = winograd_layout_of(&work.cut, work.begin, work.end);
        pool_for(pool, work.end - work.begin, transform, &work);
        if (panel_lanes(how->products)->turn)
            pool_for(pool, panels(shape->k), turn, &work);
        pool_for(pool, squares_of(shape), square, &work);
    }
}

/* Groups have equal sizes, so those of a smaller batch may be larger: 24 rows of at most 23 are two groups of 12, 16
 * are one. */
size_t winograd_weight_scratch(const struct winograd_weight *how, const struct conv_shape *shape, size_t images,
                               size_t threads)
{
    struct winograd_cut cut = cut_of(how, shape, images);
    size_t rows = min_size(cut.group_most, cut.rows), squares = threads;
    if (cut.groups > 1 && squares < squares_of(shape))
        squares = squares_of(shape);
    return operands(how, rows, &cut, shape->c) + operands(how, rows, &cut, shape->k) +
           squares * frequencies(how->sizes) * SQUARE_STEP;
}
