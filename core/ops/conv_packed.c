/* The 1x1 convolution as a product of panels (panel.h): the weights are packed once, the activations are read in place
 * or packed while the conv_input is applied, and no library call packs them again.
 *
 *   forward   y[M,K] = a[M,C] w^T         w^T packed by prepare, a panel for 32 outputs
 *   data      da[M,C] = dy[M,K] w         w packed at the call, a panel for 32 inputs
 *   weight    dw[K,C] = dy^T a            dy and a packed in groups of rows, squares of 32 outputs by 32 inputs
 */
#include <string.h>

#include "core/base/sizes.h"
#include "core/ops/conv_kernels.h"
#include "core/ops/conv_tiles.h"
#include "core/ops/data_panels.h"
#include "core/ops/panel.h"
#include "core/ops/weight_panels.h"

/* Rows of more than PLACE_MOST channels are copied before use: those of 512 lie 2 KB apart, so that all of a block fall
 * on few lines of the first cache. Below that, reading in place saves the copy. */
enum {
    TILE_ROWS = 384,  /* rows of a tile, so that many threads find work */
    STEP_ROWS = 96,   /* rows that are worked on at a time, so that all around them stays in the cache */
    PLACE_MOST = 384, /* rows of more channels are packed: their strides fall on the same cache lines */
    PLACE_MOST_BF16 = 1024,
    PACK_ROWS = 64
};

static size_t padded(size_t channels)
{
    return ceil_div(channels, PANEL) * PANEL;
}

static bool fits(const struct conv_shape *shape)
{
    return shape->r == 1 && shape->s == 1 && shape->pad == 0;
}

static size_t rows_of(const struct conv_shape *shape, size_t images)
{
    return images * shape->p * shape->q;
}

/* The more rows use a panel, the less often it comes from the third cache (products_by_amx). Two photos of 14x14
 * pixels, or four of 7x7, still lie in the second one. */
enum { AMX_ROWS = 392 };

/* Fewer rows where there are many channels to work on: a tile is then about as much work. 7x7x512 to 2048 has 49 rows a
 * photo: tiles of 384 rows would leave most threads of a batch of 16 without work, and the weights are packed already,
 * so that short tiles cost nothing. */
static size_t tile_rows(const struct conv_shape *shape)
{
    if (products_by_amx(shape->precision))
        return shape->c * shape->k >= 512 * 1024 ? AMX_ROWS / 2 : AMX_ROWS;
    return shape->c * shape->k >= 128 * 1024 ? STEP_ROWS : TILE_ROWS;
}

static size_t step_rows(const struct conv_shape *shape)
{
    return products_by_amx(shape->precision) ? tile_rows(shape) : STEP_ROWS;
}

static size_t tiles(const struct conv_shape *shape, size_t images)
{
    return ceil_div(rows_of(shape, images), tile_rows(shape));
}

static size_t scratch_size(const struct conv_shape *shape)
{
    return precision_floats(step_rows(shape) * padded(shape->c), shape->precision);
}

/* Values from one panel of prepared weights to the next. */
static size_t panel_size(const struct conv_shape *shape)
{
    return panel_rows(shape->c, shape->precision) * PANEL;
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
    size_t c = shape->c, k0 = panel * PANEL;
    panel_lanes(shape->precision)
        ->transpose(map_at(work->prepared, panel * panel_size(shape), shape->precision), work->w + k0 * c, c,
                    min_size(PANEL, shape->k - k0), c);
}

static void prepare(float *prepared, const float *w, const struct conv_shape *shape, struct pool *pool)
{
    struct prepare_work work = {prepared, w, shape};
    pool_for(pool, ceil_div(shape->k, PANEL), prepare_panel, &work);
}

/* ---- the left operand -------------------------------------------------------------------------------------------- */

/* Where output row m reads its pixel, as a row of the input: with stride 1 it is m. */
static size_t input_pixel(const struct conv_shape *shape, size_t m)
{
    size_t line = m / shape->q, column = m % shape->q;
    return (line / shape->p * shape->h + line % shape->p * shape->stride) * shape->w + column * shape->stride;
}

/* Rows m0..m0+rows of the input, packed: one panel of `rows` rows after another. */
static void pack_rows(void *panels, const struct conv_task *task, size_t m0, size_t rows)
{
    const struct conv_shape *shape = &task->shape;
    const struct conv_input *in = &task->in;
    for (size_t done = 0; done < rows;) {
        size_t m = m0 + done, run = shape->stride == 1 ? rows : min_size(shape->q - m % shape->q, rows - done);
        panel_lanes(shape->precision)
            ->pack(map_at(panels, done * PANEL, shape->precision), rows * PANEL,
                   map_from(in->x, input_pixel(shape, m) * shape->c, shape->precision), shape->stride * shape->c, run,
                   shape->c, in->scale, in->shift, in->relu);
        done += run;
    }
}

/* Rows that were packed, of `count` rows; rows where they lie, ld apart. */
static struct panel_left packed(const void *panels, size_t count)
{
    return (struct panel_left){panels, PANEL, PANEL, count * PANEL};
}

static struct panel_left in_place(const void *a, size_t ld)
{
    return (struct panel_left){a, ld, ld, 0};
}

/* Whether rows of so many channels can be multiplied where they lie: what is summed comes in pairs in bfloat16. */
static bool lies_well(const struct conv_shape *shape, size_t channels)
{
    size_t most = shape->precision == PRECISION_BF16 ? PLACE_MOST_BF16 : PLACE_MOST;
    return channels <= most && panel_rows(channels, shape->precision) == channels;
}

static void forward(const struct conv_task *task, size_t tile, float *scratch)
{
    const struct conv_shape *shape = &task->shape;
    const struct conv_input *in = &task->in;
    const struct panel_lanes *lanes = panel_lanes(shape->precision);
    bool plain = shape->stride == 1 && !in->scale && !in->relu && lies_well(shape, shape->c);
    size_t begin = tile * tile_rows(shape), end = min_size(begin + tile_rows(shape), rows_of(shape, task->images));
    for (size_t m = begin, rows; m < end; m += rows) {
        rows = min_size(step_rows(shape), end - m);
        struct panel_left a =
            plain ? in_place(map_from(in->x, m * shape->c, shape->precision), shape->c) : packed(scratch, rows);
        struct panel_finish finish;
        if (!plain)
            pack_rows(scratch, task, m, rows);
        for (size_t k = 0; k < shape->k; k += PANEL)
            lanes->product(map_at(task->y, m * shape->k + k, shape->precision), shape->k, a,
                           map_from(task->prepared, k / PANEL * panel_size(shape), shape->precision), rows,
                           min_size(PANEL, shape->k - k), panel_rows(shape->c, shape->precision), false,
                           epilogue_finish(&finish, task, m, k));
        if (task->epilogue.sums)
            epilogue_apply(task, m, rows, tile, m == begin);
    }
}

/* ---- gradient of the input: data_panels.h has strides other than 1 ---------------------------- */

static size_t tail_tiles(const struct conv_shape *shape, size_t images)
{
    return shape->stride == 1 ? tiles(shape, images) : images;
}

struct data_work {
    void *da;
    float *weights, *scratch;
    bool add;
    const struct conv_task *task;
    const void *dy;
    const struct tail *tail;
};

/* Values from one panel of these weights to the next, and floats of them all; floats of one thread's rows of dy. */
static size_t data_panel(const struct conv_shape *shape)
{
    return panel_rows(shape->k, shape->precision) * PANEL;
}

static size_t data_weights_size(const struct conv_shape *shape)
{
    return precision_floats(ceil_div(shape->c, PANEL) * data_panel(shape), shape->precision);
}

static size_t data_rows_size(const struct conv_shape *shape)
{
    return precision_floats(step_rows(shape) * padded(shape->k), shape->precision);
}

static void data_weights(void *context, size_t item, size_t thread)
{
    (void)thread;
    struct data_work *work = context;
    const struct conv_shape *shape = &work->task->shape;
    size_t k0 = item * PACK_ROWS, rows = min_size(PACK_ROWS, shape->k - k0);
    panel_lanes(shape->precision)
        ->weights(map_at(work->weights, k0 * PANEL, shape->precision), data_panel(shape), work->task->w + k0 * shape->c,
                  shape->c, rows, shape->c);
}

static void data_tile(void *context, size_t tile, size_t thread)
{
    struct data_work *work = context;
    const struct conv_shape *shape = &work->task->shape;
    size_t begin = tile * tile_rows(shape),
           end = min_size(begin + tile_rows(shape), rows_of(shape, work->task->images));
    const struct panel_lanes *lanes = panel_lanes(shape->precision);
    float *panels = work->scratch + thread * data_rows_size(shape);
    bool plain = lies_well(shape, shape->k);
    for (size_t m = begin, rows; m < end; m += rows) {
        rows = min_size(step_rows(shape), end - m);
        const void *dy = map_from(work->dy, m * shape->k, shape->precision);
        struct panel_left a = plain ? in_place(dy, shape->k) : packed(panels, rows);
        if (!plain)
            lanes->pack(panels, rows * PANEL, dy, shape->k, rows, shape->k, NULL, NULL, false);
        for (size_t c = 0; c < shape->c; c += PANEL)
            lanes->product(map_at(work->da, m * shape->c + c, shape->precision), shape->c, a,
                           map_from(work->weights, c / PANEL * data_panel(shape), shape->precision), rows,
                           min_size(PANEL, shape->c - c), panel_rows(shape->k, shape->precision), work->add, NULL);
        tail_apply(work->tail, work->da, m, rows, shape->c, tile, m == begin);
    }
}

static void backward_data(void *da, bool add, const struct conv_task *task, const void *dy, const struct tail *tail,
                          struct pool *pool, float *scratch)
{
    const struct conv_shape *shape = &task->shape;
    if (shape->stride != 1) {
        data_panels_run(da, add, task, dy, tail, pool, scratch);
        return;
    }
    struct data_work work = {.da = da,
                             .weights = scratch,
                             .scratch = scratch + data_weights_size(shape),
                             .add = add,
                             .task = task,
                             .dy = dy,
                             .tail = tail};
    pool_for(pool, ceil_div(shape->k, PACK_ROWS), data_weights, &work);
    pool_for(pool, tiles(shape, task->images), data_tile, &work);
}

/* ---- gradient of the weights ------------------------------------------------------------------------------------- */

static void weight_pack(void *panels, size_t count, size_t at, const struct conv_task *task, size_t m0, size_t rows,
                        float *scratch)
{
    const struct conv_shape *shape = &task->shape;
    const struct conv_input *in = &task->in;
    const void *x = in->x;
    size_t row = shape->c * precision_size(shape->precision), first = m0;
    if (shape->stride != 1) { /* pairs of rows may lie on two lines: they are brought together first */
        for (size_t i = 0; i < rows; i++)
            memcpy((char *)scratch + i * row, map_from(x, input_pixel(shape, m0 + i) * shape->c, shape->precision),
                   row);
        x = scratch;
        first = 0;
    }
    panel_lanes(shape->precision)
        ->pack_summed(map_at(panels, at * PANEL, shape->precision), count * PANEL,
                      map_from(x, first * shape->c, shape->precision), shape->c, rows, shape->c, in->scale, in->shift,
                      in->relu);
}

static struct weight_panels weight_panels(const struct conv_shape *shape)
{
    return (struct weight_panels){.parts = 1,
                                  .width = shape->c,
                                  .unit = PACK_ROWS,
                                  .scratch =
                                      shape->stride == 1 ? 0 : precision_floats(PACK_ROWS * shape->c, shape->precision),
                                  .pack = weight_pack};
}

static void backward_weight(float *dw, const struct conv_task *task, const void *dy, struct pool *pool, float *scratch)
{
    struct weight_panels how = weight_panels(&task->shape);
    weight_panels_run(dw, &how, task, dy, pool, scratch);
}

static size_t backward_scratch(const struct conv_shape *shape, size_t images, size_t threads)
{
    struct weight_panels how = weight_panels(shape);
    size_t weight = weight_panels_scratch(&how, shape, images, threads);
    size_t data = data_weights_size(shape) + threads * data_rows_size(shape);
    if (shape->stride != 1)
        data = data_panels_scratch(shape, threads);
    return max_size(weight, data);
}

const struct conv_kernel conv_packed = {
    .name = "packed",
    .exact = true,
    .wide = true,
    .rows_alone = true,
    .over_residual = true,
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
