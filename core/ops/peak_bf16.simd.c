#include "core/ops/peak.h"
#include "core/ops/vec.h"

double SIMD_NAME(peak_loop_bf16)(float *sum, uint32_t factors, uint32_t others, size_t rounds);

#if defined(SIMD_TILES)
#include "core/ops/tiles.h"

double SIMD_NAME(peak_loop_bf16)(float *sum, uint32_t factors, uint32_t others, size_t rounds)
{
    uint32_t a[TILE][TILE], b[TILE][TILE];
    float sums[PEAK_TILES][TILE][TILE];
    for (size_t i = 0; i < TILE; i++)
        for (size_t j = 0; j < TILE; j++) {
            a[i][j] = factors;
            b[i][j] = others;
        }
    tiles_shape((struct tile_shape){TILE, TILE, TILE_VALUES});
    TILE_LOAD(4, a, sizeof *a);
    TILE_LOAD(6, b, sizeof *b);
    TILE_ZERO(0);
    TILE_ZERO(1);
    TILE_ZERO(2);
    TILE_ZERO(3);
    for (size_t round = 0; round < rounds; round++) {
        TILE_ADD(0, 4, 6);
        TILE_ADD(1, 4, 6);
        TILE_ADD(2, 4, 6);
        TILE_ADD(3, 4, 6);
    }
    TILE_STORE(sums[0], sizeof *sums[0], 0);
    TILE_STORE(sums[1], sizeof *sums[1], 1);
    TILE_STORE(sums[2], sizeof *sums[2], 2);
    TILE_STORE(sums[3], sizeof *sums[3], 3);
    *sum = 0;
    for (size_t i = 0; i < PEAK_TILES; i++)
        *sum += sums[i][0][0];
    return 4.0 * PEAK_TILES * PEAK_TILE_PAIRS * TILE * TILE * (double)rounds;
}

#else

enum { CHAINS = PEAK_CHAINS };

#if defined(__AVX512BF16__)
ALWAYS_INLINE vec add_products(vec sum, vec_bits a, vec_bits b)
{
    return (vec)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b);
}
#else
/* What panel_bf16.simd.c does. The factors stay the same, so that a compiler widens them once, before the loop. */
ALWAYS_INLINE vec add_products(vec sum, vec_bits a, vec_bits b)
{
    sum += (vec)(a & 0xffff0000u) * (vec)(b & 0xffff0000u);
    return sum + (vec)(a << 16) * (vec)(b << 16);
}
#endif

double SIMD_NAME(peak_loop_bf16)(float *sum, uint32_t factors, uint32_t others, size_t rounds)
{
    vec chains[CHAINS];
    vec_bits a = (vec_bits){0} + factors, b = (vec_bits){0} + others;
    for (int i = 0; i < CHAINS; i++)
        chains[i] = (vec){0} + (float)i;
    for (size_t round = 0; round < rounds; round++)
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++)
            chains[i] = add_products(chains[i], a, b);
    vec all = {0};
    for (int i = 0; i < CHAINS; i++)
        all += chains[i];
    *sum = all[0];
    return 4.0 * CHAINS * WIDTH * (double)rounds;
}

#endif
