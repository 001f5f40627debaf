#define _GNU_SOURCE
#include "core/ops/gemm.h"

#include <assert.h>
#include <cblas.h>
#include <limits.h>
#include <stdbool.h>
#include <sys/mman.h>

#include "core/base/threads.h"

/* BUFFER_SIZE of OpenBLAS on x86-64 and aarch64: the most that it asks for at a time. Little of it is ever touched. */
#define BUFFER_BYTES ((size_t)32 << 22)

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

enum status gemm_reserve(size_t callers, struct error *err)
{
    void *held[POOL_THREADS_MOST];
    size_t count = 0;
    while (count < callers && count < POOL_THREADS_MOST) {
        held[count] = mmap(NULL, BUFFER_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (held[count] == MAP_FAILED)
            break;
        count++;
    }
    bool enough = count == callers || count == POOL_THREADS_MOST;
    while (count > 0)
        munmap(held[--count], BUFFER_BYTES);
    return enough ? OK
                  : error_set(err, ERR_SYSTEM,
                              "not enough memory for OpenBLAS (it sets %.0f MB of address space aside for each of %zu "
                              "threads): close other programs, use fewer --threads or raise the limit (ulimit -v)",
                              (double)BUFFER_BYTES / 1e6, callers);
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
