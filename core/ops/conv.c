#include "core/ops/conv.h"

#include <assert.h>
#include <string.h>

#include "core/ops/conv_kernels.h"
#include "core/ops/cpu.h"
#include "core/ops/map_lanes.h"

const char *const conv_engine_names[] = {
    [CONV_FAST] = "fast", [CONV_EXACT] = "exact", [CONV_IM2COL] = "im2col", [CONV_IM2COL + 1] = NULL};

/* In order of preference. */
const struct conv_kernel *const conv_kernels[] = {
    &conv_packed, &conv_pointwise, &conv_winograd_pairs, &conv_winograd, &conv_direct, &conv_im2col, NULL};

bool conv_shape_init(struct conv_shape *out, size_t h, size_t w, size_t c, size_t k, size_t kernel, size_t stride,
                     size_t pad)
{
    if (h + 2 * pad < kernel || w + 2 * pad < kernel)
        return false;
    *out = (struct conv_shape){.h = h,
                               .w = w,
                               .c = c,
                               .r = kernel,
                               .s = kernel,
                               .stride = stride,
                               .pad = pad,
                               .p = (h + 2 * pad - kernel) / stride + 1,
                               .q = (w + 2 * pad - kernel) / stride + 1,
                               .k = k};
    return true;
}

static bool allowed(const struct conv_kernel *kernel, const struct conv_shape *shape, enum conv_engine engine)
{
    if (engine == CONV_IM2COL)
        return kernel->blas && kernel->blas(shape, false);
    if (products_by_amx(shape->precision))
        return kernel->exact;
    bool wide = cpu_set_get() != CPU_PLAIN || shape->precision != PRECISION_F32; /* BLAS knows float32 alone */
    return (kernel->exact || engine != CONV_EXACT) && (wide || !kernel->wide) &&
           (cpu_multiplies_bf16() || !kernel->pairs);
}

/* The first of the table that fits and is allowed; the last one fits everything in float32. The order is that of
 * measured speed (docs/benchmarks/kernels.md): packed weights beat BLAS, which packs both operands at every call (1x1
 * on 14x14 maps 102 to 106 GFLOP/s against 92 to 95), and Winograd makes 36 multiplications of 144; in bfloat16 64 of
 * 144, twice as many at a time, where an instruction multiplies pairs. Without AVX2 it is the other way round for the
 * kernels that are marked wide: vectors of four floats, of which x86-64 holds 16, leave them behind BLAS. aarch64 holds
 * 32 (docs/decisions/aarch64.md). The choice depends on shape, engine and
 * instruction set, never on the batch or the threads, or features would not be the same bytes. */
const struct conv_kernel *conv_kernel_choose(const struct conv_shape *shape, enum conv_engine engine)
{
    for (const struct conv_kernel *const *kernel = conv_kernels; *kernel; kernel++)
        if ((*kernel)->fits(shape) && allowed(*kernel, shape, engine))
            return *kernel;
    return NULL;
}

struct forward_work {
    const struct conv_task *task;
    float *scratch;
    size_t scratch_size;
};

static void forward_tile(void *context, size_t tile, size_t thread)
{
    struct forward_work *work = context;
    work->task->kernel->forward(work->task, tile, work->scratch + thread * work->scratch_size);
}

void conv_forward(const struct conv_task *task, struct pool *pool, float *scratch)
{
    struct forward_work work = {task, scratch, task->kernel->scratch(&task->shape)};
    pool_for(pool, task->kernel->tiles(&task->shape, task->images), forward_tile, &work);
}

/* Tile after tile of image after image, by threads that take what is next. The tiles are those of a batch of one: a
 * tile over two images would round the last rows of a product differently where BLAS makes it (rows_alone), and
 * features kept from one batch would not be those of another. */
static void apart_tile(void *context, size_t item, size_t thread)
{
    struct forward_work *work = context;
    struct conv_task task = *work->task;
    const struct conv_shape *shape = &task.shape;
    size_t tiles = task.kernel->tiles(shape, 1), n = item / tiles, out = n * shape->p * shape->q * shape->k;
    task.images = 1;
    task.in.x = map_from(task.in.x, n * shape->h * shape->w * shape->c, shape->precision);
    task.y = map_at(task.y, out, shape->precision);
    if (task.epilogue.residual)
        task.epilogue.residual = map_from(task.epilogue.residual, out, shape->precision);
    task.kernel->forward(&task, item % tiles, work->scratch + thread * work->scratch_size);
}

void conv_forward_apart(const struct conv_task *task, struct pool *pool, float *scratch)
{
    struct forward_work work = {task, scratch, task->kernel->scratch(&task->shape)};
    assert(!task->epilogue.sums);
    pool_for(pool, task->images * task->kernel->tiles(&task->shape, 1), apart_tile, &work);
}

static bool does_something(const struct epilogue *epilogue)
{
    return epilogue->scale || epilogue->shift || epilogue->residual || epilogue->relu;
}

const struct panel_finish *epilogue_finish(struct panel_finish *finish, const struct conv_task *task, size_t m,
                                           size_t channel)
{
    const struct epilogue *epilogue = &task->epilogue;
    if (epilogue->sums || !does_something(epilogue))
        return NULL;
    *finish = (struct panel_finish){.scale = epilogue->scale ? epilogue->scale + channel : NULL,
                                    .shift = epilogue->shift ? epilogue->shift + channel : NULL,
                                    .relu = epilogue->relu};
    if (epilogue->residual)
        finish->residual = map_from(epilogue->residual, m * task->shape.k + channel, task->shape.precision);
    return finish;
}

void epilogue_apply(const struct conv_task *task, size_t m, size_t rows, size_t tile, bool first)
{
    const struct epilogue *epilogue = &task->epilogue;
    enum precision precision = task->shape.precision;
    size_t k = task->shape.k;
    void *y = map_at(task->y, m * k, precision);
    if (epilogue->sums) {
        double *sums = epilogue->sums + tile * 2 * k;
        if (first)
            memset(sums, 0, 2 * k * sizeof *sums);
        map_lanes(precision)->moments(sums, sums + k, y, rows, k);
        return;
    }
    if (does_something(epilogue))
        map_lanes(precision)->affine(y, y, rows, k, epilogue->scale, epilogue->shift,
                                     epilogue->residual ? map_from(epilogue->residual, m * k, precision) : NULL, NULL,
                                     NULL, epilogue->relu);
}

/* A few rows at a time, whose second pass finds them in the first cache. */
void tail_apply(const struct tail *tail, void *da, size_t m, size_t rows, size_t channels, size_t tile, bool first)
{
    enum { ROWS = 8 };
    if (!tail || !tail->z)
        return;
    const struct map_lanes *lanes = map_lanes(tail->precision);
    double *sums = tail->mean ? tail->sums + tile * 2 * channels : NULL;
    if (tail->mean && first)
        memset(sums, 0, 2 * channels * sizeof *sums);
    for (size_t end = m + rows, count; m < end; m += count) {
        const void *z = map_from(tail->z, m * channels, tail->precision);
        void *g = map_at(da, m * channels, tail->precision);
        count = end - m < ROWS ? end - m : ROWS;
        if (tail->relu)
            lanes->mask_affine(g, z, count, channels, tail->scale, tail->shift);
        if (tail->mean)
            lanes->gradient_sums(sums, sums + channels, g, z, tail->mean, count, channels);
    }
}
