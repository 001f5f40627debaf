#include "core/ops/peak.h"

#include <assert.h>

#include "core/base/clock.h"
#include "core/ops/cpu.h"

typedef double loop(float *sum, float factor, float term, size_t rounds);
CPU_DISPATCH(loop, peak_loop)
typedef double loop_bf16(float *sum, uint32_t factors, uint32_t others, size_t rounds);
CPU_DISPATCH_BF16(loop_bf16, peak_loop_bf16)

double peak_loop(float *sum, float factor, float term, size_t rounds)
{
    return peak_loop_of_cpu()(sum, factor, term, rounds);
}

double peak_loop_bf16(float *sum, uint32_t factors, uint32_t others, size_t rounds)
{
    return peak_loop_bf16_of_cpu()(sum, factors, others, rounds);
}

enum { MOST_THREADS = 1024, ROUNDS = 20000 };
static const uint32_t two_small = 0x3a803a80; /* 2^-10 in each half: sums stay normal numbers */

struct peak_work {
    enum precision precision;
    double seconds, rates[MOST_THREADS];
};

static void measure(void *context, size_t item, size_t thread)
{
    (void)thread;
    struct peak_work *work = context;
    double done = 0, start = clock_seconds(), elapsed;
    float sum;
    do {
        done += work->precision == PRECISION_BF16 ? peak_loop_bf16(&sum, two_small, two_small, ROUNDS)
                                                  : peak_loop(&sum, 0.999999f, 1e-6f, ROUNDS);
        elapsed = clock_seconds() - start;
    } while (elapsed < work->seconds);
    work->rates[item] = done / elapsed;
}

double peak_flops(struct pool *pool, size_t threads, double seconds, enum precision precision)
{
    struct peak_work work = {.precision = precision, .seconds = seconds};
    assert(threads >= 1 && threads <= MOST_THREADS);
    pool_for(pool, threads, measure, &work);
    double sum = 0;
    for (size_t i = 0; i < threads; i++)
        sum += work.rates[i];
    return sum;
}
