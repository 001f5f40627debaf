#include "core/ops/peak.h"
#include "core/ops/vec.h"

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

double SIMD_NAME(peak_loop_bf16)(float *sum, uint32_t factors, uint32_t others, size_t rounds);
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
