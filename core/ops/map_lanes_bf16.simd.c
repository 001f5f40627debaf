/* The loops of map_lanes.simd.c over values of bfloat16. */
#define STORED_BF16
#include "core/ops/map_lanes.simd.c"
