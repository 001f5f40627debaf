#include "core/ops/conv_tiles.h"

#include <string.h>

#include "core/base/sizes.h"
#include "core/ops/gemm.h"
#include "core/ops/map_lanes.h"

size_t tiling_most_rows(size_t width)
{
    /* About 2 MB of operands; not fewer rows than 192, because BLAS packs the weights again at every call, and not more
     * than 768, so that many threads find work. */
    size_t rows = ((size_t)2 << 20) / sizeof(float) / width;
    return rows < 192 ? 192 : rows > 768 ? 768 : rows;
}

struct tiling tiling_of(size_t rows, size_t width)
{
    size_t tiles = ceil_div(rows, tiling_most_rows(width));
    return (struct tiling){.tiles = tiles, .rows_per_tile = ceil_div(rows, tiles)};
}

enum {
    BLOCK_OUTPUTS = 512, /* outputs of a block of dw */
    BLOCKS_WANTED = 8,   /* below this the rows are cut too */
    CHUNK_ROWS = 384,    /* rows of one product */
};

/* How dw is cut: a function of the shape alone. */
struct blocks {
    size_t columns, outputs, groups; /* blocks along each way, and row groups */
    size_t column, group_rows;
};

/* dw has few blocks where it is small (64x64 of layer1: one), and then most threads would wait: so its rows are cut
 * into groups as well, each with a sum of its own, added in order at the end. Their number must not depend on the
 * threads, or the order of the sums would, and with it the bytes. */
static struct blocks blocks_of(const struct conv_shape *shape, size_t images, size_t column)
{
    size_t rows = images * shape->p * shape->q, width = shape->r * shape->s * shape->c;
    struct blocks blocks = {.column = min_size(column, width)};
    blocks.columns = ceil_div(width, blocks.column);
    blocks.outputs = ceil_div(shape->k, BLOCK_OUTPUTS);
    size_t blocks_now = blocks.columns * blocks.outputs;
    size_t groups = blocks_now >= BLOCKS_WANTED ? 1 : ceil_div(BLOCKS_WANTED, blocks_now);
    groups = min_size(groups, ceil_div(rows, CHUNK_ROWS));
    blocks.group_rows = ceil_div(rows, groups);
    blocks.groups = ceil_div(rows, blocks.group_rows);
    return blocks;
}

static size_t partials_size(const struct conv_shape *shape, const struct blocks *blocks)
{
    return (blocks->groups - 1) * shape->k * shape->r * shape->s * shape->c;
}

size_t weight_blocks_scratch(const struct conv_shape *shape, size_t images, size_t column, size_t threads)
{
    struct blocks blocks = blocks_of(shape, images, column);
    return partials_size(shape, &blocks) + threads * CHUNK_ROWS * blocks.column;
}

struct weight_work {
    float *dw, *partials, *scratch;
    const struct conv_task *task;
    const float *dy;
    conv_gather *gather;
    struct blocks blocks;
};

static void weight_block(void *context, size_t item, size_t thread)
{
    struct weight_work *work = context;
    const struct conv_shape *shape = &work->task->shape;
    const struct blocks *blocks = &work->blocks;
    size_t width = shape->r * shape->s * shape->c, rows = work->task->images * shape->p * shape->q;
    size_t column = item % blocks->columns, output = item / blocks->columns % blocks->outputs;
    size_t group = item / blocks->columns / blocks->outputs;
    size_t j0 = column * blocks->column, j1 = min_size(j0 + blocks->column, width);
    size_t k0 = output * BLOCK_OUTPUTS, k1 = min_size(k0 + BLOCK_OUTPUTS, shape->k);
    size_t m0 = group * blocks->group_rows, end = min_size(m0 + blocks->group_rows, rows);
    float *scratch = work->scratch + thread * CHUNK_ROWS * blocks->column;
    float *out = (group ? work->partials + (group - 1) * shape->k * width : work->dw) + k0 * width + j0;
    for (size_t m = m0; m < end; m += CHUNK_ROWS) {
        size_t count = min_size(CHUNK_ROWS, end - m), ld;
        const float *a = work->gather(work->task, m, count, j0, j1, scratch, &ld);
        gemm(GEMM_TN, k1 - k0, j1 - j0, count, work->dy + m * shape->k + k0, shape->k, a, ld, m == m0 ? 0.0f : 1.0f,
             out, width);
    }
}

static void sum_groups(void *context, size_t k, size_t thread)
{
    (void)thread;
    struct weight_work *work = context;
    const struct conv_shape *shape = &work->task->shape;
    size_t width = shape->r * shape->s * shape->c;
    for (size_t group = 1; group < work->blocks.groups; group++)
        map_lanes(PRECISION_F32)
            ->add(work->dw + k * width, work->partials + ((group - 1) * shape->k + k) * width, width);
}

void weight_blocks(float *dw, const struct conv_task *task, const float *dy, size_t column, conv_gather *gather,
                   struct pool *pool, float *scratch)
{
    struct weight_work work = {.dw = dw,
                               .partials = scratch,
                               .task = task,
                               .dy = dy,
                               .gather = gather,
                               .blocks = blocks_of(&task->shape, task->images, column)};
    work.scratch = scratch + partials_size(&task->shape, &work.blocks);
    pool_for(pool, work.blocks.columns * work.blocks.outputs * work.blocks.groups, weight_block, &work);
    if (work.blocks.groups > 1)
        pool_for(pool, task->shape.k, sum_groups, &work);
}

size_t images_together(enum precision precision, size_t pixels)
{
    enum { PIXELS = 400, MOST = 4 };
    return products_by_amx(precision) ? min_size(MOST, max_size(1, PIXELS / pixels)) : 1;
}
