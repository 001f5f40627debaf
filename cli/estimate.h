/* How long a training step will take, before the first one, and what the program itself takes. */
#ifndef FREEZETUNE_ESTIMATE_H
#define FREEZETUNE_ESTIMATE_H

#include "core/base/threads.h"

/* Floating-point operations per second that this machine does on a network like ResNet-50 with these threads, measured
 * on products of the same kind for about a tenth of a second. An estimate for people: good to a factor of 1.5. 0
 * without the memory to measure it. */
double estimate_speed(struct pool *pool);

/* Bytes that a training run takes besides what the plan, the optimizer and the loader ask for: libraries, the buffers
 * of OpenBLAS and the heaps and stacks of the threads. Measured, see the source. */
size_t estimate_program(size_t threads, size_t loader_threads);

#endif
