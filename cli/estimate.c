#include "cli/estimate.h"

#include "core/ops/peak.h"

/* The share of the multiply-add peak that ResNet-50 reaches, all that is not a product included. Measured with AVX-512,
 * one thread, batch 16, 224 pixels: 0.84 forward alone, 0.80 a step at freeze 6, 0.67 at freeze 0. */
static const double share_of_peak = 0.77;
static const double seconds = 0.1;

double estimate_speed(struct pool *pool, const struct plan *plan)
{
    double flops = plan->flops_prefix + plan->flops_suffix + plan->flops_backward;
    return share_of_peak * peak_flops(pool, pool_threads(pool), seconds) * flops / plan->work;
}

/* Measured as peak minus plan over ResNet-18 and -50, 32 to 224 pixels, batches of 1 to 64, 1 to 3 threads: the pages
 * of libraries that are in use and the heap 6 to 8 MB, OpenBLAS 1 to 2 MB a thread, stacks and decoders the rest. */
size_t estimate_program(size_t threads, size_t loader_threads)
{
    return 7000000 + 1500000 * threads + 500000 * loader_threads;
}
