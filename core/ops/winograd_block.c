#include "core/ops/winograd_block.h"

#include "core/base/sizes.h"
#include "core/ops/panel.h"

/* One block's way through the maps. */
struct run {
    struct conv_input in;
    struct winograd_map from, to;
    void *out;
    bool add;
    const struct conv_task *finished; /* the one whose epilogue the output gets, or NULL */
    const void *weights;
    size_t begin, end; /* rows of tiles */
};

static size_t operands(const struct winograd_block *how, size_t tiles, size_t channels)
{
    return precision_floats(winograd_size(how->sizes->t, tiles, channels), how->operands);
}

size_t winograd_block_scratch(const struct winograd_block *how, const struct conv_shape *shape)
{
    size_t tiles = winograd_block_tiles(how->sizes, shape);
    return operands(how, tiles, max_size(shape->c, shape->k)) + winograd_size(how->sizes->t, tiles, PANEL) +
           how->scratch;
}

static void transform(void *v, const struct winograd_block *how, const struct run *r,
                      const struct winograd_layout *layout, struct winograd_steps steps)
{
    struct conv_input image = r->in;
    for (size_t row = r->begin; row < r->end; row++) {
        size_t pixel = row / layout->cut->tile_rows * r->from.h * r->from.w;
        image.x = map_from(r->in.x, pixel * r->from.c, how->maps);
        how->input(v, steps, &image, r->from, winograd_row_of(layout, row, r->from.h));
    }
}

static void transform_back(const float *m, const struct winograd_block *how, const struct run *r,
                           const struct winograd_layout *layout, size_t frequency, size_t channel)
{
    for (size_t row = r->begin; row < r->end; row++) {
        size_t pixel = row / layout->cut->tile_rows * r->to.h * r->to.w;
        struct panel_finish finish;
        how->output(map_at(r->out, pixel * r->to.c, how->maps), m, frequency, r->to,
                    winograd_row_of(layout, row, r->to.h), channel, min_size(PANEL, r->to.c - channel), r->add,
                    r->finished ? epilogue_finish(&finish, r->finished, pixel, 0) : NULL);
    }
}

static void run(const struct winograd_block *how, const struct run *r, const struct winograd_cut *cut, float *scratch)
{
    size_t tiles = (r->end - r->begin) * cut->row_tiles;
    struct winograd_layout layout = winograd_layout_of(cut, r->begin, r->end);
    float *v = scratch, *m = v + operands(how, tiles, r->from.c), *rest = m + winograd_size(cut->t, tiles, PANEL);
    transform(v, how, r, &layout, winograd_steps_of(tiles, r->from.c));
    for (size_t channel = 0; channel < r->to.c; channel += PANEL) {
        how->products(m, v, &layout, r->from.c, channel / PANEL, r->weights, rest);
        transform_back(m, how, r, &layout, winograd_steps_of(tiles, PANEL).frequency, channel);
    }
}

static size_t end_of(const struct winograd_cut *cut, size_t tile)
{
    return min_size((tile + 1) * cut->block_rows, cut->rows);
}

void winograd_block_forward(const struct winograd_block *how, const struct conv_task *task, size_t tile,
                            const void *weights, float *scratch)
{
    const struct conv_shape *shape = &task->shape;
    struct winograd_cut cut = winograd_cut_of(how->sizes, shape, task->images);
    const struct run r = {.in = task->in,
                          .from = {shape->h, shape->w, shape->c},
                          .to = {shape->p, shape->q, shape->k},
                          .out = task->y,
                          .finished = task,
                          .weights = weights,
                          .begin = tile * cut.block_rows,
                          .end = end_of(&cut, tile)};
    run(how, &r, &cut, scratch);
    for (size_t row = r.begin; task->epilogue.sums && row < r.end; row++) {
        struct winograd_place place = winograd_place_of(&cut, row, shape->p);
        size_t m0 = (place.image * shape->p + place.top) * shape->q;
        epilogue_apply(task, m0, place.rows * shape->q, tile, row == r.begin);
    }
}

struct data_work {
    const struct winograd_block *how;
    void *da;
    bool add;
    const struct conv_task *task;
    const void *dy, *weights;
    const struct tail *tail;
    float *scratch;
};

static void data_block(void *context, size_t tile, size_t thread)
{
    struct data_work *work = context;
    const struct conv_shape *shape = &work->task->shape;
    struct winograd_cut cut = winograd_cut_of(work->how->sizes, shape, work->task->images);
    const struct run r = {.in = {.x = work->dy},
                          .from = {shape->p, shape->q, shape->k},
                          .to = {shape->h, shape->w, shape->c},
                          .out = work->da,
                          .add = work->add,
                          .weights = work->weights,
                          .begin = tile * cut.block_rows,
                          .end = end_of(&cut, tile)};
    run(work->how, &r, &cut, work->scratch + thread * winograd_block_scratch(work->how, shape));
    for (size_t row = r.begin; row < r.end; row++) {
        struct winograd_place place = winograd_place_of(&cut, row, shape->h);
        size_t m0 = (place.image * shape->h + place.top) * shape->w;
        tail_apply(work->tail, work->da, m0, place.rows * shape->w, shape->c, tile, row == r.begin);
    }
}

void winograd_block_data(const struct winograd_block *how, void *da, bool add, const struct conv_task *task,
                         const void *dy, const struct tail *tail, const void *weights, struct pool *pool,
                         float *scratch)
{
    struct data_work work = {
        .how = how, .da = da, .add = add, .task = task, .dy = dy, .weights = weights, .tail = tail, .scratch = scratch};
    pool_for(pool, winograd_cut_of(how->sizes, &task->shape, task->images).blocks, data_block, &work);
}
