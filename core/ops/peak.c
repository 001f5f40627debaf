#include "core/ops/peak.h"

#include <assert.h>

#include "core/base/clock.h"
#include "core/ops/cpu.h"

typedef double loop(float *sum, float factor, float term, size_t rounds);
CPU_DISPATCH(loop, peak_loop)

double peak_loop(float *sum, float factor, float term, size_t rounds)
{
    return peak_loop_of_cpu()(sum, factor, term, rounds);
}

enum { MOST_THREADS = 1024, ROUNDS = 20000 };

struct peak_work {
    double seconds, rates[MOST_THREADS];
};

static void measure(void *context, size_t item, size_t thread)
{
    (void)thread;
    struct peak_work *work = context;
    double done = 0, start = clock_seconds(), elapsed;
    float sum;
    do {
        done += peak_loop(&sum, 0.999999f, 1e-6f, ROUNDS);
        elapsed = clock_seconds() - start;
    } while (elapsed < work->seconds);
    work->rates[item] = done / elapsed;
}

double peak_flops(struct pool *pool, size_t threads, double seconds)
{
    struct peak_work work = {.seconds = seconds};
    assert(threads >= 1 && threads <= MOST_THREADS);
    pool_for(pool, threads, measure, &work);
    double sum = 0;
    for (size_t i = 0; i < threads; i++)
        sum += work.rates[i];
    return sum;
}
