#include "core/ops/winograd.h"

#include "core/base/sizes.h"
#include "core/ops/conv_kernels.h"
#include "core/ops/cpu.h"
#include "core/ops/panel.h"
#include "core/ops/winograd_weight.h"

CPU_DISPATCH(const struct winograd_lanes, winograd_lanes)
CPU_DISPATCH_BF16(const struct winograd_lanes, winograd_lanes_bf16)

static const struct winograd_lanes *lanes_of(enum precision precision)
{
    return precision == PRECISION_BF16 ? winograd_lanes_bf16_of_cpu() : winograd_lanes_of_cpu();
}

static size_t panels(size_t channels)
{
    return ceil_div(channels, PANEL);
}

/* It must save multiplications, and more than the transformations cost: not on maps of a pixel or two. A side of three
 * is one tile of three (25 products instead of 81 for 3x3 outputs); a side of two would be a tile of which a third is
 * thrown away. Not exact: its error is 0.7 to 1.0e-6 against BLAS's 1.5 to 3.2e-7, so --conv exact goes without it. */
static bool fits(const struct conv_shape *shape)
{
    return shape->r == 3 && shape->s == 3 && shape->stride == 1 && shape->pad == 1 && shape->p >= 3 && shape->q >= 3;
}

static const struct winograd_sizes sizes = {
    .t = WINOGRAD_TILE,
    /* More tiles make the products no faster, and fewer blocks leave threads without work. Blocks of 3.6 and 4.8 MB
     * read the 38 MB of U half as often and gained nothing on 14x14, and were slower on 7x7. */
    .block_tiles = 64,
    .block_most = 600 * 1000,
    .group_times = 2,
    .group_least = 500 * 1000,
    .group_most = 5000 * 1000,
};

/* Transformed weights are [panel][chunk][f][chunk_rows][32]: one panel of outputs, some rows of the sum. */
enum {
    CHUNK = 64, /* rows in use at a time: 0.3 MB, which stay in the second cache from their making to their use */
    CHUNK_WHOLE = 128, /* that many make one chunk */
};

static size_t chunk_rows(size_t channels)
{
    return channels > CHUNK_WHOLE ? CHUNK : panels(channels) * PANEL;
}

static size_t weights_step(size_t channels)
{
    return chunk_rows(channels) * PANEL + WINOGRAD_APART;
}

static size_t chunk_size(size_t channels)
{
    return WINOGRAD_FREQUENCIES * weights_step(channels);
}

static size_t chunks(size_t channels)
{
    return ceil_div(channels, chunk_rows(channels));
}

static double work(const struct conv_shape *shape)
{
    size_t frequencies =
        winograd_side_frequencies(shape->p, WINOGRAD_TILE) * winograd_side_frequencies(shape->q, WINOGRAD_TILE);
    return 2.0 * (double)frequencies * (double)shape->c * (double)shape->k;
}

/* ---- one block of tiles, forward or backward --------------------------------------------------------------------- */

/* Rows r0..r1 (r0 a multiple of 32) of panel number `panel` of the transformed weights, up to whole panels of rows. */
typedef void weights_rows(float *u, size_t step, const float *w, const struct conv_shape *shape, size_t panel,
                          size_t r0, size_t r1);

struct block {
    struct conv_input in;
    struct winograd_map from, to;
    void *out;
    bool add;
    const struct conv_task *finished; /* the one whose epilogue the output gets, or NULL */
    const float *w, *prepared;        /* prepared may be NULL: they are made where they are needed */
    weights_rows *weights;
    size_t (*frequency)(size_t f); /* which of u belongs to f */
};

static size_t block_scratch(const struct conv_shape *shape)
{
    size_t tiles = winograd_block_tiles(&sizes, shape);
    size_t widest = max_size(shape->c, shape->k);
    return winograd_size(WINOGRAD_TILE, tiles, widest) + winograd_size(WINOGRAD_TILE, tiles, PANEL) +
           max_size(chunk_size(shape->c), chunk_size(shape->k));
}

/* m = V U for one panel of outputs, chunk after chunk of the sum. U has 36/9 the size of the weights (38 MB for 512
 * channels): where weights change at every step each chunk is computed here, which takes less time than to write
 * 38 MB and read them back. Frozen weights that run for many epochs come prepared. */
static void block_products(float *m, const struct block *b, const struct conv_shape *shape, const float *v,
                           const struct winograd_layout *layout, size_t panel, float *made)
{
    size_t channels = b->from.c, step = weights_step(channels), tiles = winograd_span_of(layout, 0).count;
    struct winograd_steps steps = winograd_steps_of(tiles, channels), out_steps = winograd_steps_of(tiles, PANEL);
    for (size_t chunk = 0; chunk < chunks(channels); chunk++) {
        size_t r0 = chunk * chunk_rows(channels), r1 = min_size(r0 + chunk_rows(channels), channels);
        const float *u = made;
        if (b->prepared)
            u = b->prepared + (panel * chunks(channels) + chunk) * chunk_size(channels);
        else
            b->weights(made, step, b->w, shape, panel, r0, r1);
        for (size_t f = 0; f < WINOGRAD_FREQUENCIES; f++) {
            struct winograd_span span = winograd_span_of(layout, f);
            const float *left = v + f * steps.frequency + r0 / PANEL * steps.panel + span.begin * PANEL;
            panel_lanes(PRECISION_F32)
                ->product(m + f * out_steps.frequency + span.begin * PANEL, PANEL,
                          (struct panel_left){left, PANEL, PANEL, steps.panel}, u + b->frequency(f) * step, span.count,
                          PANEL, panels(r1 - r0) * PANEL, chunk > 0, NULL);
        }
    }
}

/* Rows of tiles begin..end of b->out = A^T [ U . V ] A, all channels. One panel of 32 outputs at a time: its 36
 * products, then its transformation back while both are in the second cache. So a block may be small (16 tiles of 512
 * channels run as fast as 64), and a batch of 7x7 maps still gives many threads work. */
static void block_run(const struct block *b, const struct conv_shape *shape, const struct winograd_cut *cut,
                      size_t begin, size_t end, float *scratch)
{
    size_t tiles = (end - begin) * cut->row_tiles, channels = b->from.c;
    struct winograd_steps steps = winograd_steps_of(tiles, channels), out_steps = winograd_steps_of(tiles, PANEL);
    float *v = scratch, *m = v + winograd_size(WINOGRAD_TILE, tiles, channels),
          *made = m + winograd_size(WINOGRAD_TILE, tiles, PANEL);
    struct winograd_layout layout = winograd_layout_of(cut, begin, end);
    struct conv_input image = b->in;
    for (size_t row = begin; row < end; row++) {
        image.x = map_from(b->in.x, row / cut->tile_rows * b->from.h * b->from.w * b->from.c, shape->precision);
        lanes_of(shape->precision)->input(v, steps, &image, b->from, winograd_row_of(&layout, row, b->from.h));
    }
    for (size_t panel = 0; panel < panels(b->to.c); panel++) {
        block_products(m, b, shape, v, &layout, panel, made);
        for (size_t row = begin; row < end; row++) {
            size_t pixel = row / cut->tile_rows * b->to.h * b->to.w;
            struct panel_finish finish;
            lanes_of(shape->precision)
                ->output(map_at(b->out, pixel * b->to.c, shape->precision), m, out_steps.frequency, b->to,
                         winograd_row_of(&layout, row, b->to.h), panel * PANEL,
                         min_size(PANEL, b->to.c - panel * PANEL), b->add,
                         b->finished ? epilogue_finish(&finish, b->finished, pixel, 0) : NULL);
        }
    }
}

/* ---- forward ----------------------------------------------------------------------------------------------------- */

static size_t tiles(const struct conv_shape *shape, size_t images)
{
    return winograd_cut_of(&sizes, shape, images).blocks;
}

static size_t prepared_size(const struct conv_shape *shape)
{
    return panels(shape->k) * chunks(shape->c) * chunk_size(shape->c);
}

/* u[f][C][32 outputs]: w is turned so that the outputs lie side by side. */
static void forward_weights(float *u, size_t step, const float *w, const struct conv_shape *shape, size_t panel,
                            size_t r0, size_t r1)
{
    float turned[9 * PANEL * PANEL];
    size_t c = shape->c, k0 = panel * PANEL, n = min_size(PANEL, shape->k - k0);
    for (size_t c0 = r0; c0 < r1; c0 += PANEL) {
        size_t columns = min_size(PANEL, r1 - c0);
        for (size_t tap = 0; tap < 9; tap++)
            panel_lanes(PRECISION_F32)
                ->transpose(turned + tap * PANEL * PANEL, w + (k0 * 9 + tap) * c + c0, 9 * c, n, columns);
        winograd_lanes_of_cpu()->weights(u + (c0 - r0) * PANEL, step, turned, PANEL * PANEL, columns * PANEL,
                                         PANEL * PANEL);
    }
}

static size_t frequency_same(size_t f)
{
    return f;
}

struct prepare_work {
    float *prepared;
    const float *w;
    const struct conv_shape *shape;
};

static void prepare_chunk(void *context, size_t item, size_t thread)
{
    (void)thread;
    struct prepare_work *work = context;
    size_t c = work->shape->c, panel = item / chunks(c), r0 = item % chunks(c) * chunk_rows(c);
    forward_weights(work->prepared + item * chunk_size(c), weights_step(c), work->w, work->shape, panel, r0,
                    min_size(r0 + chunk_rows(c), c));
}

static void prepare(float *prepared, const float *w, const struct conv_shape *shape, struct pool *pool)
{
    struct prepare_work work = {prepared, w, shape};
    pool_for(pool, panels(shape->k) * chunks(shape->c), prepare_chunk, &work);
}

static void forward(const struct conv_task *task, size_t tile, float *scratch)
{
    const struct conv_shape *shape = &task->shape;
    struct winograd_cut cut = winograd_cut_of(&sizes, shape, task->images);
    size_t begin = tile * cut.block_rows, end = min_size(begin + cut.block_rows, cut.rows);
    struct block block = {.in = task->in,
                          .from = {shape->h, shape->w, shape->c},
                          .to = {shape->p, shape->q, shape->k},
                          .out = task->y,
                          .finished = task,
                          .w = task->w,
                          .prepared = task->prepared,
                          .weights = forward_weights,
                          .frequency = frequency_same};
    block_run(&block, shape, &cut, begin, end, scratch);
    winograd_epilogue(task, &cut, tile);
}

/* ---- gradient of the input ------------------------------------------------------------------------------------------
 *   forward:  y[p,q,k] = sum a[p+r-1, q+s-1, c] w[k,r,s,c]
 *   data:     da[h,w,c] = sum dy[h+r-1, w+s-1, k] w[k,2-r,2-s,c]
 * the same convolution with turned weights, whose frequency f is frequency frequency_turned(f) of the others. */
static size_t frequency_turned(size_t f)
{
    static const size_t line[WINOGRAD_SIDE] = {5, 3, 4, 1, 2, 0};
    return line[f / WINOGRAD_SIDE] * WINOGRAD_SIDE + line[f % WINOGRAD_SIDE];
}

/* u[f][K][32 inputs] */
enum { AHEAD = 16 };

static void data_weights(float *u, size_t step, const float *w, const struct conv_shape *shape, size_t panel, size_t r0,
                         size_t r1)
{
    size_t c = shape->c, c0 = panel * PANEL, n = min_size(PANEL, c - c0);
    for (size_t k = r0; k < r1; k++) {
        /* Two cache lines here and there: no processor foresees that by itself. */
        const float *ahead = w + min_size(k + AHEAD, shape->k - 1) * 9 * c + c0;
        for (size_t tap = 0; tap < 9; tap++) {
            __builtin_prefetch(ahead + tap * c);
            __builtin_prefetch(ahead + tap * c + n - 1);
        }
        winograd_lanes_of_cpu()->weights(u + (k - r0) * PANEL, step, w + k * 9 * c + c0, c, n, PANEL);
    }
    for (size_t k = r1; k % PANEL; k++)
        winograd_lanes_of_cpu()->weights(u + (k - r0) * PANEL, step, w, c, 0, PANEL);
}

struct data_work {
    void *da;
    float *scratch;
    bool add;
    const struct conv_task *task;
    const void *dy;
    const struct tail *tail;
};

static void data_block(void *context, size_t tile, size_t thread)
{
    struct data_work *work = context;
    const struct conv_shape *shape = &work->task->shape;
    struct winograd_cut cut = winograd_cut_of(&sizes, shape, work->task->images);
    size_t begin = tile * cut.block_rows, end = min_size(begin + cut.block_rows, cut.rows);
    struct block block = {.in = {.x = work->dy},
                          .from = {shape->p, shape->q, shape->k},
                          .to = {shape->h, shape->w, shape->c},
                          .out = work->da,
                          .add = work->add,
                          .w = work->task->w,
                          .weights = data_weights,
                          .frequency = frequency_turned};
    block_run(&block, shape, &cut, begin, end, work->scratch + thread * block_scratch(shape));
    winograd_tail(work->tail, work->da, shape, &cut, tile);
}

static void backward_data(void *da, bool add, const struct conv_task *task, const void *dy, const struct tail *tail,
                          struct pool *pool, float *scratch)
{
    struct data_work work = {.da = da, .scratch = scratch, .add = add, .task = task, .dy = dy, .tail = tail};
    pool_for(pool, winograd_cut_of(&sizes, &task->shape, task->images).blocks, data_block, &work);
}

/* ---- gradient of the weights ------------------------------------------------------------------------------------- */
static void weight_transform(float *v, struct winograd_steps v_steps, float *d, struct winograd_steps d_steps,
                             const struct conv_task *task, const void *dy, size_t image, struct winograd_row row)
{
    const struct conv_shape *shape = &task->shape;
    const struct winograd_lanes *lanes = lanes_of(shape->precision);
    struct conv_input in = task->in;
    in.x = map_from(in.x, image * shape->h * shape->w * shape->c, shape->precision);
    lanes->input(v, v_steps, &in, (struct winograd_map){shape->h, shape->w, shape->c}, row);
    lanes->gradient(d, d_steps, map_from(dy, image * shape->p * shape->q * shape->k, shape->precision),
                    (struct winograd_map){shape->p, shape->q, shape->k}, row);
}

static struct winograd_weight weight_gradient(void)
{
    return (struct winograd_weight){.sizes = &sizes,
                                    .products = PRECISION_F32,
                                    .together = 1,
                                    .transform = weight_transform,
                                    .back = winograd_lanes_of_cpu()->weight_gradient};
}

static void backward_weight(float *dw, const struct conv_task *task, const void *dy, struct pool *pool, float *scratch)
{
    struct winograd_weight how = weight_gradient();
    winograd_weight_run(dw, &how, task, dy, pool, scratch);
}

static size_t backward_scratch(const struct conv_shape *shape, size_t images, size_t threads)
{
    struct winograd_weight how = weight_gradient();
    return max_size(winograd_weight_scratch(&how, shape, images, threads), threads * block_scratch(shape));
}

const struct conv_kernel conv_winograd = {
    .name = "winograd",
    .exact = false,
    .rows_alone = true,
    .over_residual = true,
    .fits = fits,
    .work = work,
    .tiles = tiles,
    .scratch = block_scratch,
    .prepared_size = prepared_size,
    .prepare_optional = true,
    .prepare = prepare,
    .forward = forward,
    .backward_scratch = backward_scratch,
    .tail_tiles = tiles,
    .backward_data = backward_data,
    .backward_weight = backward_weight,
};
