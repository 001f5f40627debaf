#define _GNU_SOURCE
#include "core/ops/blas.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/base/threads.h"

/* BUFFER_SIZE of OpenBLAS on x86-64 and aarch64: the most that it asks for at a time. Little of it is ever touched. */
#define BUFFER_BYTES ((size_t)32 << 22)
/* OpenBLAS with libgfortran and libquadmath takes 40 MB of address space (0.3.21 and 0.3.29); the rest is for what
 * other threads may take meanwhile. */
#define LIBRARY_BYTES ((size_t)64 << 20)

__typeof__(&cblas_sgemm) blas_sgemm;
static __typeof__(&openblas_set_num_threads) set_threads;
static __typeof__(&openblas_get_num_threads) get_threads;
static __typeof__(&openblas_get_config) get_config;
/* Takes and gives back one of OpenBLAS's buffers. Not in its header, but in its list of symbols. May be missing. */
static void *(*buffer_take)(int);
static void (*buffer_give)(void *);
static size_t buffers_held;

/* ---- the library ------------------------------------------------------------------------------------------------- */

#if defined BLAS_LINKED || defined BLAS_INSIDE
#ifdef BLAS_INSIDE
#define MAYBE /* scripts/package/static_openblas.sh has looked that they are there */
void gotoblas_init(void);
#else
#define MAYBE __attribute__((weak))
#endif
/* These are in no header. */
extern void *blas_memory_alloc(int) MAYBE;
extern void blas_memory_free(void *) MAYBE;

static enum status load(struct error *err)
{
    (void)err;
#ifdef BLAS_INSIDE
    /* The script has taken the constructor from it, so that it starts here, as if it were loaded. */
    (void)setenv("OPENBLAS_NUM_THREADS", "1", 1); /* read once, at its start */
    gotoblas_init();
#endif
    blas_sgemm = cblas_sgemm;
    set_threads = openblas_set_num_threads;
    get_threads = openblas_get_num_threads;
    get_config = openblas_get_config;
    buffer_take = blas_memory_alloc;
    buffer_give = blas_memory_free;
    return OK;
}

bool blas_linked(void)
{
#ifdef BLAS_INSIDE
    return false; /* not started before main */
#else
    return true;
#endif
}
#else
static enum status missing(struct error *err)
{
    const char *reason = dlerror();
    return error_set(err, ERR_SYSTEM,
                     "OpenBLAS cannot be loaded (%s): install it, or rebuild with `make` where it is (on Debian: "
                     "libopenblas0-pthread)",
                     reason ? reason : BLAS_SONAME);
}

/* dlsym gives an object's pointer, which C does not convert to a function's. */
static bool find(void *library, const char *name, void *function)
{
    void *found = dlsym(library, name);
    memcpy(function, &found, sizeof found);
    return found;
}

static enum status load(struct error *err)
{
    const char *set = getenv("OPENBLAS_NUM_THREADS");
    if (!set || strcmp(set, "1") != 0)
        (void)setenv("OPENBLAS_NUM_THREADS", "1", 1); /* read once, when the library is loaded */
    void *library = dlopen(BLAS_SONAME, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return missing(err);
    __typeof__(blas_sgemm) sgemm;
    if (!find(library, "openblas_set_num_threads", &set_threads) ||
        !find(library, "openblas_get_num_threads", &get_threads) ||
        !find(library, "openblas_get_config", &get_config) || !find(library, "cblas_sgemm", &sgemm)) {
        enum status status = missing(err);
        dlclose(library);
        return status;
    }
    if (!find(library, "blas_memory_alloc", &buffer_take) || !find(library, "blas_memory_free", &buffer_give))
        buffer_take = NULL;
    blas_sgemm = sgemm;
    return OK;
}

bool blas_linked(void)
{
    return false;
}
#endif

/* ---- room -------------------------------------------------------------------------------------------------------- */

/* Whether the system would give the library and so many buffers, asked for as OpenBLAS does it. */
static bool room_for(size_t library, size_t buffers)
{
    void *held[1 + POOL_THREADS_MOST];
    size_t count = 0, wanted = buffers + (library > 0);
    while (count < wanted) {
        held[count] = mmap(NULL, count < buffers ? BUFFER_BYTES : library, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (held[count] == MAP_FAILED)
            break;
        count++;
    }
    bool enough = count == wanted;
    while (count-- > 0)
        munmap(held[count], count < buffers ? BUFFER_BYTES : library);
    return enough;
}

/* OpenBLAS keeps a buffer that was given back, so that no later product asks the system for one. */
static void hold_buffers(size_t callers)
{
    void *taken[POOL_THREADS_MOST];
    if (!buffer_take || !buffer_give)
        return;
    for (size_t i = 0; i < callers; i++)
        taken[i] = buffer_take(0);
    for (size_t i = 0; i < callers; i++)
        buffer_give(taken[i]);
    buffers_held = callers;
}

static enum status obey(struct error *err)
{
    set_threads(1);
    int threads = get_threads();
    return threads == 1 ? OK
                        : error_set(err, ERR_SYSTEM,
                                    "OpenBLAS insists on %d threads (an OpenMP build?): set OMP_NUM_THREADS=1 or "
                                    "install its pthread build",
                                    threads);
}

enum status blas_open(size_t callers, struct error *err)
{
    callers = callers < POOL_THREADS_MOST ? callers : POOL_THREADS_MOST;
    /* A start takes a buffer as well, which the first caller then uses. */
    size_t buffers = callers > buffers_held ? callers - buffers_held : 0;
    size_t library = blas_sgemm || blas_linked() ? 0 : LIBRARY_BYTES;
    if (!blas_sgemm && !blas_linked() && buffers == 0)
        buffers = 1;
    if (!room_for(library, buffers))
        return error_set(
            err, ERR_SYSTEM,
            "not enough memory for OpenBLAS (it sets %.0f MB of address space aside, %.0f MB of it for each "
            "thread): close other programs, use fewer --threads or raise the limit (ulimit -v)",
            (double)(library + buffers * BUFFER_BYTES) / 1e6, (double)BUFFER_BYTES / 1e6);
    enum status status = blas_sgemm ? OK : load(err);
    if (status == OK)
        status = obey(err);
    if (status == OK && callers > buffers_held)
        hold_buffers(callers);
    return status;
}

const char *blas_library(void)
{
    return blas_sgemm ? get_config() : "OpenBLAS not loaded";
}
