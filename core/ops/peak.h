/* The highest multiply-add rate of this machine: the rates of products are compared with it. */
#ifndef FREEZETUNE_PEAK_H
#define FREEZETUNE_PEAK_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/threads.h"
#include "core/ops/precision.h"

/* Floating-point operations per second of `threads` (1..pool_threads) threads that do nothing but independent fused
 * multiply-adds in registers, in the widest vectors of cpu_set_get(); measured over about `seconds`. With bfloat16 they
 * are what products of this precision consist of: tiles or pairs in one instruction as cpu_bf16() says, else the same
 * number of float's. */
double peak_flops(struct pool *pool, size_t threads, double seconds, enum precision precision);

enum { PEAK_CHAINS = 12, PEAK_TILES = 4, PEAK_TILE_PAIRS = 16 };

/* What each thread does: PEAK_CHAINS chains a = a * factor + term, `rounds` times, beginning with 0, 1, 2, ... in every
 * lane. *sum is that of the chains in one lane. Returns the operations done. The numbers come from outside, because a
 * compiler that knows them leaves out the chains whose end it can tell. */
double peak_loop(float *sum, float factor, float term, size_t rounds);

/* The same with a = a + a product of pairs: `factors` and `others` hold two bfloat16 each, those in the lower halves
 * are multiplied, those in the upper halves, and both products are added: four operations a lane. By tiles there are
 * PEAK_TILES chains in each of 16 x 16 places, which begin with 0, and a round adds the products of PEAK_TILE_PAIRS
 * such pairs to each. */
double peak_loop_bf16(float *sum, uint32_t factors, uint32_t others, size_t rounds);

#endif
