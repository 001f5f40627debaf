/* Products of matrices by BLAS, whose only caller this is. blas_open (blas.h) comes before the first one. */
#ifndef FREEZETUNE_GEMM_H
#define FREEZETUNE_GEMM_H

#include <stddef.h>

enum gemm_form {
    GEMM_NN, /* c[M,N] = a[M,K]   b[K,N]   */
    GEMM_NT, /* c[M,N] = a[M,K]   b[N,K]^T */
    GEMM_TN  /* c[M,N] = a[K,M]^T b[K,N]   */
};

/* OVERWRITES c when beta is 0, ADDS to it when beta is 1. Row-major; lda, ldb, ldc are the lengths of a stored row. The
 * same call gives the same bytes whatever else runs. M, N, K >= 1. */
void gemm(enum gemm_form form, size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b, size_t ldb,
          float beta, float *c, size_t ldc);

#endif
