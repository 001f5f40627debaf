/* The transformations of winograd.simd.c from and to maps of bfloat16. */
#define STORED_BF16
#include "core/ops/winograd.simd.c"
