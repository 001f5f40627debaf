/* How long a training step will take, before the first one, and what the program itself takes. */
#ifndef FREEZETUNE_ESTIMATE_H
#define FREEZETUNE_ESTIMATE_H

#include "core/base/threads.h"
#include "core/net/plan.h"

/* Floating-point operations per second, counted as direct convolution, that this machine does on a plan like this with
 * these threads: a share of the multiply-add peak, which is measured for about a tenth of a second, times what the
 * plan's kernels spare (plan.work). An estimate for people: good to a factor of 1.5 where the machine is not busy with
 * other things. */
double estimate_speed(struct pool *pool, const struct plan *plan);

/* Bytes that a training run takes besides what the plan, the optimizer and the loader ask for: libraries, the buffers
 * of OpenBLAS and the heaps and stacks of the threads. Measured, see the source. */
size_t estimate_program(size_t threads, size_t loader_threads);

#endif
