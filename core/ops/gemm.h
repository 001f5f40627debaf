/* The only caller of BLAS, and the only owner of its thread count (one: we thread above it). */
#ifndef FREEZETUNE_GEMM_H
#define FREEZETUNE_GEMM_H

#include <stddef.h>

#include "core/base/error.h"

/* Sets BLAS to one thread and checks that it obeyed: an OpenMP build may not. Call once, before the first product. */
MUST_CHECK enum status gemm_init(struct error *err);

/* Checks that the system would give the buffers that OpenBLAS asks for when `callers` threads multiply at a time. To be
 * called when all else is allocated: a product for which there is no such memory never ends. ERR_SYSTEM. */
MUST_CHECK enum status gemm_reserve(size_t callers, struct error *err);

/* What BLAS says of itself, e.g. "OpenBLAS 0.3.21 ... Cooperlake ...". */
const char *gemm_library(void);

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
