/* OpenBLAS: found, loaded and held to one thread. gemm.h multiplies with it.
 *
 * It is loaded when something first needs it, and not linked: its start sets buffers aside, and where there is no
 * address space for them (ulimit -v) it asks for ever, before main. Here the space is looked at first. A build with
 * BLAS=link (a static one) cannot do that. */
#ifndef FREEZETUNE_BLAS_H
#define FREEZETUNE_BLAS_H

#include <cblas.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"

/* Loads OpenBLAS if that has not been done, checks that it obeys when it is set to one thread (an OpenMP build may
 * not), and sets the buffers aside that it needs when `callers` threads multiply at a time (0: none multiplies). To be
 * called by one thread at a time, when all else is allocated and before the first product; may be called again with
 * more callers. Sets OPENBLAS_NUM_THREADS to 1 in the environment, if it is not. ERR_SYSTEM: no library, no room for it
 * or its buffers, or it insists on threads. */
MUST_CHECK enum status blas_open(size_t callers, struct error *err);

/* What BLAS says of itself, e.g. "OpenBLAS 0.3.21 ... Cooperlake ...", or "OpenBLAS not loaded". */
const char *blas_library(void);

/* Whether this build links BLAS: its start is then over before main. */
bool blas_linked(void);

/* BLAS's own sgemm, after blas_open. */
extern __typeof__(&cblas_sgemm) blas_sgemm;

#endif
