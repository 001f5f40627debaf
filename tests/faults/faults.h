/* Makes the n-th allocation, or the n-th call of the system about files, fail: linked into test_faults_* and into
 * faulty (the program itself) by the linker's --wrap, so only what the code of this tree calls is counted; what
 * libraries call inside goes on.
 *
 * faulty takes it from the environment: FREEZETUNE_FAULT=memory:12, files:3 or looks:2. At its end it writes the number
 * of calls of that kind into the file that FREEZETUNE_FAULT_CALLS names, then a line for each place in the code that
 * calls: the number of its first call and of its last. The networks of faulty are narrow (4 channels, not 64): its
 * model files are its own. FREEZETUNE_PAUSE=FILE holds it before its first lock until FILE is there; FILE.reached says
 * that it waits.
 */
#ifndef FREEZETUNE_FAULTS_H
#define FREEZETUNE_FAULTS_H

#include <stdbool.h>

enum fault_kind {
    FAULT_MEMORY, /* malloc, calloc, realloc, aligned_alloc: NULL, ENOMEM; pthread_create: EAGAIN */
    FAULT_LOOKS,  /* stat: EREMOTEIO */
    FAULT_FILES   /* open, read, pwrite, fcntl, mmap, fopen, fwrite, fflush, fsync, rename, readdir and the like:
                     EREMOTEIO,   which is not waited for (core/base/retry.h) */
};

/* From now on calls of the kind are counted from 1, and number n fails, once. */
void faults_arm(enum fault_kind kind, long n);
/* The same; numbers n to n + count - 1 fail, with this errno. */
void faults_arm_many(enum fault_kind kind, long n, long count, int error);
/* Nothing fails any more. Returns the calls since faults_arm. */
long faults_disarm(void);

/* Which function call number n since faults_arm was ("fsync"), among the first FAULTS_NAMED; NULL beyond the last. For
 * FAULT_FILES. */
enum { FAULTS_NAMED = 100 };
const char *faults_call_name(long n);

/* Allocations so far, failing ones and those before any faults_arm included. */
long faults_allocations(void);

#endif
