#include "core/ops/peak.h"
#include "core/ops/simd.h"

/* Twelve chains hide the latency of a multiply-add on every processor with two units of at most six cycles. */
#if defined(__AVX512F__)
typedef float register_vector __attribute__((vector_size(64)));
#elif defined(__AVX2__)
typedef float register_vector __attribute__((vector_size(32)));
#else
typedef float register_vector __attribute__((vector_size(16)));
#endif

enum { CHAINS = PEAK_CHAINS };

double SIMD_NAME(peak_loop)(float *sum, float factor_value, float term_value, size_t rounds);
double SIMD_NAME(peak_loop)(float *sum, float factor_value, float term_value, size_t rounds)
{
    register_vector a[CHAINS], factor = {0}, term = {0};
    factor += factor_value;
    term += term_value;
    for (int i = 0; i < CHAINS; i++)
        a[i] = (register_vector){0} + (float)i;
    for (size_t round = 0; round < rounds; round++)
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++)
            a[i] = a[i] * factor + term;
    register_vector all = {0};
    for (int i = 0; i < CHAINS; i++)
        all += a[i];
    *sum = all[0];
    return 2.0 * CHAINS * (double)(sizeof(register_vector) / sizeof(float)) * (double)rounds;
}
