/* The rate at which this machine can multiply and add at best: what the rates of products are compared with. */
#ifndef FREEZETUNE_PEAK_H
#define FREEZETUNE_PEAK_H

#include <stddef.h>

#include "core/base/threads.h"

/* Floating-point operations per second of `threads` (1..pool_threads) threads that do nothing but independent fused
 * multiply-adds in registers, in the widest vectors of cpu_set_get(); measured over about `seconds`. */
double peak_flops(struct pool *pool, size_t threads, double seconds);

#endif
