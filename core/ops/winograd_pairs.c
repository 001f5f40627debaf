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

static const struct panel_lanes *products(void)
{
    return panel_lanes(PRECISION_BF16);
}

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
        products()->weights(map_at(panel, f * weights_step(channels) + r0 * PANEL, PRECISION_BF16), 0, u + f * STEP,
                            PANEL, PANEL, PANEL);
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

/* ---- one block of tiles, forward or backward --------------------------------------------------------------------- */

struct block {
    struct conv_input in;
    struct winograd_map from, to;
    void *out;
    bool add;
    const struct conv_task *finished; /* the one whose epilogue the output gets, or NULL */
    const float *u;
    const size_t *line; /* which of u's frequencies along a side belongs to v's */
};

static size_t block_scratch(const struct conv_shape *shape)
{
    size_t tiles = winograd_block_tiles(&sizes, shape), widest = max_size(shape->c, shape->k);
    return precision_floats(winograd_size(T, tiles, widest), PRECISION_BF16) + winograd_size(T, tiles, PANEL);
}

/* Rows of tiles begin..end of b->out = A^T [ U . V ] A, a panel of 32 outputs at a time: its 16 products, then its
 * transformation back while they are in the second cache. */
static void block_run(const struct block *b, const struct winograd_cut *cut, size_t begin, size_t end, float *scratch)
{
    const struct winograd_pairs_lanes *lanes = winograd_pairs_lanes_of_cpu();
    size_t tiles = (end - begin) * cut->row_tiles, channels = b->from.c;
    struct winograd_steps steps = winograd_steps_of(tiles, channels), out_steps = winograd_steps_of(tiles, PANEL);
    float *v = scratch, *m = v + precision_floats(winograd_size(T, tiles, channels), PRECISION_BF16);
    struct winograd_layout layout = winograd_layout_of(cut, begin, end);
    struct conv_input image = b->in;
    for (size_t row = begin; row < end; row++) {
        image.x = map_from(b->in.x, row / cut->tile_rows * b->from.h * b->from.w * b->from.c, PRECISION_BF16);
        lanes->input(v, steps, &image, b->from, winograd_row_of(&layout, row, b->from.h));
    }
    for (size_t panel = 0; panel < panels(b->to.c); panel++) {
        for (size_t f = 0; f < FREQUENCIES; f++) {
            struct winograd_span span = winograd_span_of(&layout, f);
            size_t of = b->line[f / SIDE] * SIDE + b->line[f % SIDE];
            products()->sums(
                m + f * out_steps.frequency + span.begin * PANEL, PANEL,
                (struct panel_left){map_from(v, f * steps.frequency + span.begin * PANEL, PRECISION_BF16), PANEL, PANEL,
                                    steps.panel},
                map_from(b->u, panel * weights_panel(channels) + of * weights_step(channels), PRECISION_BF16),
                span.count, PANEL, panels(channels) * PANEL);
        }
        for (size_t row = begin; row < end; row++) {
            size_t pixel = row / cut->tile_rows * b->to.h * b->to.w;
            struct panel_finish finish;
            lanes->output(map_at(b->out, pixel * b->to.c, PRECISION_BF16), m, out_steps.frequency, b->to,
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

static const size_t same[SIDE] = {0, 1, 2, 3};

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
                          .u = task->prepared,
                          .line = same};
    block_run(&block, &cut, begin, end, scratch);
    winograd_epilogue(task, &cut, tile);
}

/* ---- gradient of the input: as in winograd.c, by the frequencies of turned weights ------------------------------- */

static const size_t turned[SIDE] = {3, 1, 2, 0};

struct data_work {
    void *da;
    float *u, *scratch;
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
                          .u = work->u,
                          .line = turned};
    block_run(&block, &cut, begin, end, work->scratch + thread * block_scratch(shape));
    winograd_tail(work->tail, work->da, shape, &cut, tile);
}

static void backward_data(void *da, bool add, const struct conv_task *task, const void *dy, const struct tail *tail,
                          struct pool *pool, float *scratch)
{
    const struct conv_shape *shape = &task->shape;
    struct data_work work = {.da = da,
                             .u = scratch,
                             .scratch = scratch + weights_size(shape->k, shape->c),
                             .add = add,
                             .task = task,
                             .dy = dy,
                             .tail = tail};
    struct weights_work weights = {work.u, task->w, shape};
    pool_for(pool, panels(shape->c), data_weights, &weights);
    pool_for(pool, tiles(shape, task->images), data_block, &work);
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
