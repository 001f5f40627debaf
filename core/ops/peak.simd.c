#include "core/ops/peak.h"
#include "core/ops/vec.h"

/* Twelve chains hide the latency of a multiply-add on every processor with two units of at most six cycles. */
enum { CHAINS = PEAK_CHAINS };

double SIMD_NAME(peak_loop)(float *sum, float factor_value, float term_value, size_t rounds);
double SIMD_NAME(peak_loop)(float *sum, float factor_value, float term_value, size_t rounds)
{
    vec a[CHAINS], factor = {0}, term = {0};
    factor += factor_value;
    term += term_value;
    for (int i = 0; i < CHAINS; i++)
        a[i] = (vec){0} + (float)i;
    for (size_t round = 0; round < rounds; round++)
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++)
            a[i] = a[i] * factor + term;
    vec all = {0};
    for (int i = 0; i < CHAINS; i++)
        all += a[i];
    *sum = all[0];
    return 2.0 * CHAINS * WIDTH * (double)rounds;
}
