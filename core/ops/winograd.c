#include "core/ops/winograd.h"

#include "core/base/sizes.h"
#include "core/ops/conv_kernels.h"
#include "core/ops/cpu.h"
#include "core/ops/panel.h"
#include "core/ops/winograd_block.h"
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

/* ---- products of a block ----------------------------------------------------------------------------------------- */

/* Rows r0..r1 (r0 a multiple of 32) of panel number `panel` of the transformed weights, up to whole panels of rows. */
typedef void weights_rows(float *u, size_t step, const float *w, const struct conv_shape *shape, size_t panel,
                          size_t r0, size_t r1);

struct weights {
    const struct conv_shape *shape;
    const float *w, *prepared; /* prepared may be NULL: they are made where they are needed */
    weights_rows *rows;
    size_t (*frequency)(size_t f); /* which of u belongs to f */
};

/* Chunk after chunk of the sum. U has 36/9 the size of the weights (38 MB for 512 channels): where weights change at
 * every step each chunk is computed here, which takes less time than to write 38 MB and read them back. Frozen weights
 * that run for many epochs come prepared. */
static void products(float *m, const void *v, const struct winograd_layout *layout, size_t channels, size_t panel,
                     const void *weights, float *made)
{
    const struct weights *from = weights;
    size_t step = weights_step(channels), tiles = winograd_span_of(layout, 0).count;
    struct winograd_steps steps = winograd_steps_of(tiles, channels), out_steps = winograd_steps_of(tiles, PANEL);
    for (size_t chunk = 0; chunk < chunks(channels); chunk++) {
        size_t r0 = chunk * chunk_rows(channels), r1 = min_size(r0 + chunk_rows(channels), channels);
        const float *u = made;
        if (from->prepared)
            u = from->prepared + (panel * chunks(channels) + chunk) * chunk_size(channels);
        else
            from->rows(made, step, from->w, from->shape, panel, r0, r1);
        for (size_t f = 0; f < WINOGRAD_FREQUENCIES; f++) {
            struct winograd_span span = winograd_span_of(layout, f);
            const float *left = (const float *)v + f * steps.frequency + r0 / PANEL * steps.panel + span.begin * PANEL;
            panel_lanes(PRECISION_F32)
                ->product(m + f * out_steps.frequency + span.begin * PANEL, PANEL,
                          (struct panel_left){left, PANEL, PANEL, steps.panel}, u + from->frequency(f) * step,
                          span.count, PANEL, panels(r1 - r0) * PANEL, chunk > 0, NULL);
        }
    }
}

static struct winograd_block block(const struct conv_shape *shape)
{
    const struct winograd_lanes *lanes = lanes_of(shape->precision);
    return (struct winograd_block){.sizes = &sizes,
                                   .maps = shape->precision,
                                   .operands = PRECISION_F32,
                                   .scratch = max_size(chunk_size(shape->c), chunk_size(shape->k)),
                                   .input = lanes->input,
                                   .output = lanes->output,
                                   .products = products};
}

static size_t block_scratch(const struct conv_shape *shape)
{
    struct winograd_block how = block(shape);
    return winograd_block_scratch(&how, shape);
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
    struct winograd_block how = block(&task->shape);
    struct weights weights = {&task->shape, task->w, task->prepared, forward_weights, frequency_same};
    winograd_block_forward(&how, task, tile, &weights, scratch);
}

/* ---- gradient of the input --------------------------------------------------------------------------------------- */
/* Frequency f of turned weights is frequency frequency_turned(f) of the others. */
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

static void backward_data(void *da, bool add, const struct conv_task *task, const void *dy, const struct tail *tail,
                          struct pool *pool, float *scratch)
{
    struct winograd_block how = block(&task->shape);
    struct weights weights = {&task->shape, task->w, NULL, data_weights, frequency_turned};
    winograd_block_data(&how, da, add, task, dy, tail, &weights, pool, scratch);
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
