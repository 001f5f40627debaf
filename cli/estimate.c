#include "cli/estimate.h"

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "core/ops/gemm.h"

enum { ROWS = 256, INNER = 576, COLUMNS = 256, ROUNDS = 8 };

/* One item's matrices: a tile of a 3x3 convolution of 64 channels to 256. */
enum { FLOATS = ROWS * INNER + INNER * COLUMNS + ROWS * COLUMNS };

static void multiply(void *context, size_t item, size_t thread)
{
    (void)thread;
    float *a = (float *)context + item * FLOATS, *b = a + ROWS * INNER, *c = b + INNER * COLUMNS;
    for (int round = 0; round < ROUNDS; round++)
        gemm(GEMM_NN, ROWS, COLUMNS, INNER, a, INNER, b, COLUMNS, 0, c, COLUMNS);
}

double estimate_speed(struct pool *pool)
{
    const double once = 2.0 * ROWS * INNER * COLUMNS * ROUNDS;
    size_t threads = pool_threads(pool), repeats = 0;
    void *matrices;
    if (gemm_reserve(threads, NULL) != OK ||
        memory_alloc(&matrices, threads, FLOATS * sizeof(float), "a measurement", NULL) != OK)
        return 0;
    pool_for(pool, threads, multiply, matrices); /* the first touch of everything */
    double start = clock_seconds(), elapsed;
    do {
        pool_for(pool, threads, multiply, matrices);
        repeats++;
        elapsed = clock_seconds() - start;
    } while (elapsed < 0.1);
    memory_free(matrices);
    return once * (double)(threads * repeats) / elapsed;
}

/* Measured as peak minus plan over ResNet-18 and -50, 32 to 224 pixels, batches of 1 to 64, 1 to 3 threads: the pages
 * of libraries that are in use and the heap 6 to 8 MB, OpenBLAS 1 to 2 MB a thread, stacks and decoders the rest. */
size_t estimate_program(size_t threads, size_t loader_threads)
{
    return 7000000 + 1500000 * threads + 500000 * loader_threads;
}
