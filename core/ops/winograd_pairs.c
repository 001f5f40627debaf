/* Kernel "winograd_pairs": F(2x2,3x3) on maps of bfloat16, with 16 multiplications where the definition has 36, by an
 * instruction that multiplies twice as many as in float32. Its error is 1.6 times that of the direct product, because
 * operands are rounded once more, after their transformation; F(4x4) with such operands would have four times that
 * (docs/decisions/bfloat16.md).
 *
 * U is a ninth of 16 times the weights in half the bytes (8 MB for 512 channels), so that it is made once for all
 * blocks. */
#include "core/ops/winograd.h"

#include "core/base/sizes.h"
#include "core/ops/conv_kernels.h"
#include "core/ops/cpu.h"
#include "core/ops/panel.h"
#include "core/ops/winograd_block.h"
#include "core/ops/winograd_weight.h"

CPU_DISPATCH_BF16(const struct winograd_pairs_lanes, winograd_pairs_lanes)

enum { T = 2, SIDE = T + 2, FREQUENCIES = SIDE * SIDE };

/* With 64 tiles v and m stay in the second cache for 256 channels, with 32 for 512; more tiles took as long, or longer.
 * Groups of 1 and 4 MB, of twice and eight times dU: none was better for all four maps. Groups of at most 6 MB: 1.01 of
 * a step, and more memory, as 16 MB of dU are kept between them. */
static const struct winograd_sizes sizes = {
    .t = T,
    .block_tiles = 64,
    .block_most = 300 * 1000,
    .group_times = 4,
    .group_least = 500 * 1000,
    .group_most = 4000 * 1000,
};

static size_t panels(size_t channels)
{
    return ceil_div(channels, PANEL);
}

static bool fits(const struct conv_shape *shape)
{
    return shape->precision == PRECISION_BF16 && conv_winograd.fits(shape);
}

static double work(const struct conv_shape *shape)
{
    size_t frequencies = winograd_side_frequencies(shape->p, T) * winograd_side_frequencies(shape->q, T);
    return 2.0 * (double)frequencies * (double)shape->c * (double)shape->k;
}

/* ---- transformed weights: [panel of outputs][f][rows / 2][32][2] ------------------------------------------------- */

/* Values of one frequency of a panel that sums over so many channels, and of the whole panel. */
static size_t weights_step(size_t channels)
{
    return panels(channels) * PANEL * PANEL + 2 * WINOGRAD_APART;
}

static size_t weights_panel(size_t channels)
{
    return FREQUENCIES * weights_step(channels);
}

/* Floats of all weights that give `outputs` channels out of so many. */
static size_t weights_size(size_t channels, size_t outputs)
{
    return precision_floats(panels(outputs) * weights_panel(channels), PRECISION_BF16);
}

struct weights_work {
    float *u;
    const float *w;
    const struct conv_shape *shape;
};

enum { STEP = PANEL * PANEL + WINOGRAD_APART };

/* Transformed weights u[f][32 rows][32] to rows r0.. of a panel, in pairs of rows. */
static void put_weights(void *panel, size_t channels, size_t r0, const float *u)
{
    for (size_t f = 0; f < FREQUENCIES; f++)
        panel_lanes(PRECISION_BF16)
            ->weights(map_at(panel, f * weights_step(channels) + r0 * PANEL, PRECISION_BF16), 0, u + f * STEP, PANEL,
                      PANEL, PANEL);
}

/* Two cache lines here and there: no processor foresees that by itself. */
static void prefetch_row(const float *row, size_t n)
{
    __builtin_prefetch(row);
    __builtin_prefetch(row + n - 1);
}

/* A panel of 32 outputs k, summed over c: w is turned so that the outputs lie side by side. */
static void forward_weights(void *context, size_t panel, size_t thread)
{
    (void)thread;
    struct weights_work *work = context;
    size_t c = work->shape->c, k0 = panel * PANEL, n = min_size(PANEL, work->shape->k - k0);
    void *to = map_at(work->u, panel * weights_panel(c), PRECISION_BF16);
    float turned[9 * STEP], u[FREQUENCIES * STEP];
    for (size_t c0 = 0; c0 < c; c0 += PANEL) {
        size_t rows = min_size(PANEL, c - c0), ahead = min_size(PANEL, c - c0 - rows);
        for (size_t tap = 0; tap < 9; tap++) {
            const float *from = work->w + (k0 * 9 + tap) * c + c0;
            for (size_t i = 0; ahead && i < n; i++)
                prefetch_row(from + i * 9 * c + PANEL, ahead);
            panel_lanes(PRECISION_F32)->transpose(turned + tap * STEP, from, 9 * c, n, rows);
        }
        winograd_pairs_lanes_of_cpu()->weights(u, STEP, turned, STEP, rows * PANEL, STEP);
        put_weights(to, c, c0, u);
    }
}

/* A panel of 32 inputs c, summed over k. */
enum { AHEAD = 16 };

static void data_weights(void *context, size_t panel, size_t thread)
{
    (void)thread;
    struct weights_work *work = context;
    size_t c = work->shape->c, k = work->shape->k, c0 = panel * PANEL, n = min_size(PANEL, c - c0);
    void *to = map_at(work->u, panel * weights_panel(k), PRECISION_BF16);
    float u[FREQUENCIES * STEP];
    for (size_t k0 = 0; k0 < k; k0 += PANEL) {
        for (size_t row = 0; row < PANEL; row++) {
            const float *ahead = work->w + min_size(k0 + row + AHEAD, k - 1) * 9 * c + c0;
            for (size_t tap = 0; tap < 9; tap++)
                prefetch_row(ahead + tap * c, n);
            bool there = k0 + row < k;
            winograd_pairs_lanes_of_cpu()->weights(
                u + row * PANEL, STEP, work->w + (there ? (k0 + row) * 9 * c + c0 : 0), c, there ? n : 0, PANEL);
        }
        put_weights(to, k, k0, u);
    }
}

static size_t prepared_size(const struct conv_shape *shape)
{
    return weights_size(shape->c, shape->k);
}

static void prepare(float *prepared, const float *w, const struct conv_shape *shape, struct pool *pool)
{
    struct weights_work work = {prepared, w, shape};
    pool_for(pool, panels(shape->k), forward_weights, &work);
}

/* ---- products of a block ----------------------------------------------------------------------------------------- */

struct weights {
    const float *u;
    const size_t *line; /* which of u's frequencies along a side belongs to v's */
};

static void products(float *m, const void *v, const struct winograd_layout *layout, size_t channels, size_t panel,
                     const void *weights, float *scratch)
{
    (void)scratch;
    const struct weights *from = weights;
    size_t tiles = winograd_span_of(layout, 0).count;
    struct winograd_steps steps = winograd_steps_of(tiles, channels), out_steps = winograd_steps_of(tiles, PANEL);
    for (size_t f = 0; f < FREQUENCIES; f++) {
        struct winograd_span span = winograd_span_of(layout, f);
        size_t of = from->line[f / SIDE] * SIDE + from->line[f % SIDE];
        const void *left = map_from(v, f * steps.frequency + span.begin * PANEL, PRECISION_BF16);
        const void *right =
            map_from(from->u, panel * weights_panel(channels) + of * weights_step(channels), PRECISION_BF16);
        panel_lanes(PRECISION_BF16)
            ->sums(m + f * out_steps.frequency + span.begin * PANEL, PANEL,
                   (struct panel_left){left, PANEL, PANEL, steps.panel}, right, span.count, PANEL,
                   panels(channels) * PANEL);
    }
}

static struct winograd_block block(void)
{
    const struct winograd_pairs_lanes *lanes = winograd_pairs_lanes_of_cpu();
    return (struct winograd_block){.sizes = &sizes,
                                   .maps = PRECISION_BF16,
                                   .operands = PRECISION_BF16,
                                   .input = lanes->input,
                                   .output = lanes->output,
                                   .products = products};
}

static size_t block_scratch(const struct conv_shape *shape)
{
    struct winograd_block how = block();
    return winograd_block_scratch(&how, shape);
}

static size_t tiles(const struct conv_shape *shape, size_t images)
{
    return winograd_cut_of(&sizes, shape, images).blocks;
}

static void forward(const struct conv_task *task, size_t tile, float *scratch)
{
    static const size_t same[SIDE] = {0, 1, 2, 3};
    struct winograd_block how = block();
    struct weights weights = {task->prepared, same};
    winograd_block_forward(&how, task, tile, &weights, scratch);
}

/* As in winograd.c, by the frequencies of turned weights; they are made in front of the threads' scratch. */
static void backward_data(void *da, bool add, const struct conv_task *task, const void *dy, const struct tail *tail,
                          struct pool *pool, float *scratch)
{
    static const size_t turned[SIDE] = {3, 1, 2, 0};
    const struct conv_shape *shape = &task->shape;
    struct weights_work work = {scratch, task->w, shape};
    struct winograd_block how = block();
    struct weights weights = {scratch, turned};
    pool_for(pool, panels(shape->c), data_weights, &work);
    winograd_block_data(&how, da, add, task, dy, tail, &weights, pool, scratch + weights_size(shape->k, shape->c));
}

/* ---- gradient of the weights: the sum over tiles is one over pairs of images ------------------------------------- */

/* The image after number `image`, or NULL where there is none. */
static const void *image_beside(const void *map, size_t image, size_t size, size_t images)
{
    return image + 1 < images ? map_from(map, (image + 1) * size, PRECISION_BF16) : NULL;
}

static void weight_transform(float *v, struct winograd_steps v_steps, float *d, struct winograd_steps d_steps,
                             const struct conv_task *task, const void *dy, size_t image, struct winograd_row row)
{
    const struct conv_shape *shape = &task->shape;
    const struct winograd_pairs_lanes *lanes = winograd_pairs_lanes_of_cpu();
    size_t x_size = shape->h * shape->w * shape->c, dy_size = shape->p * shape->q * shape->k;
    struct conv_input in = task->in;
    in.x = map_from(task->in.x, image * x_size, PRECISION_BF16);
    lanes->input_pairs(v, v_steps, &in, image_beside(task->in.x, image, x_size, task->images),
                       (struct winograd_map){shape->h, shape->w, shape->c}, row);
    lanes->gradient_pairs(d, d_steps, map_from(dy, image * dy_size, PRECISION_BF16),
                          image_beside(dy, image, dy_size, task->images),
                          (struct winograd_map){shape->p, shape->q, shape->k}, row);
}

static struct winograd_weight weight_gradient(void)
{
    return (struct winograd_weight){.sizes = &sizes,
                                    .products = PRECISION_BF16,
                                    .together = 2,
                                    .transform = weight_transform,
                                    .back = winograd_pairs_lanes_of_cpu()->weight_gradient};
}

static void backward_weight(float *dw, const struct conv_task *task, const void *dy, struct pool *pool, float *scratch)
{
    struct winograd_weight how = weight_gradient();
    winograd_weight_run(dw, &how, task, dy, pool, scratch);
}

static size_t backward_scratch(const struct conv_shape *shape, size_t images, size_t threads)
{
    struct winograd_weight how = weight_gradient();
    size_t data = weights_size(shape->k, shape->c) + threads * block_scratch(shape);
    return max_size(winograd_weight_scratch(&how, shape, images, threads), data);
}

const struct conv_kernel conv_winograd_pairs = {
    .name = "winograd_pairs",
    .exact = false,
    .pairs = true,
    .rows_alone = true,
    .over_residual = true,
    .fits = fits,
    .work = work,
    .tiles = tiles,
    .scratch = block_scratch,
    .prepared_size = prepared_size,
    .prepare = prepare,
    .forward = forward,
    .backward_scratch = backward_scratch,
    .tail_tiles = tiles,
    .backward_data = backward_data,
    .backward_weight = backward_weight,
};
