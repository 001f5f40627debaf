#include "core/ops/gemm.h"

#include <assert.h>
#include <cblas.h>
#include <limits.h>

enum status gemm_init(struct error *err)
{
    openblas_set_num_threads(1);
    int threads = openblas_get_num_threads();
    if (threads != 1)
        return error_set(
            err, ERR_SYSTEM,
            "OpenBLAS insists on %d threads (an OpenMP build?): set OMP_NUM_THREADS=1 or install its pthread "
            "build",
            threads);
    return OK;
}

const char *gemm_library(void)
{
    return openblas_get_config();
}

void gemm(enum gemm_form form, size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b, size_t ldb,
          float beta, float *c, size_t ldc)
{
    assert(m && n && k && m <= INT_MAX && n <= INT_MAX && k <= INT_MAX && lda <= INT_MAX && ldb <= INT_MAX &&
           ldc <= INT_MAX);
    cblas_sgemm(CblasRowMajor, form == GEMM_TN ? CblasTrans : CblasNoTrans, form == GEMM_NT ? CblasTrans : CblasNoTrans,
                (int)m, (int)n, (int)k, 1.0f, a, (int)lda, b, (int)ldb, beta, c, (int)ldc);
}
