/* The folder of a run, a sweep or folds is one process's at a time: a lock (lock.h) of the file RUN/.lock, held as long
 * as the process works in it, that goes with the process. The file is empty and stays: if it were removed, somebody
 * who had just opened it would lock a file that nobody else sees.
 *
 * Where the file system refuses locks the run goes on without, and a warning says so, once a process. */
#ifndef FREEZETUNE_RECORD_LOCK_H
#define FREEZETUNE_RECORD_LOCK_H

#include <stdbool.h>

#include "core/base/error.h"

/* Makes the folder of a new run or series (path_run of `given`) and locks it. What was looked at before the lock is
 * looked at again under it: meanwhile another process may have made the folder its own and even be done with it. *path
 * (memory_free) and *lock (close) are set, or NULL and -1. *made: the folder was not there before. ERR_CANTCREATE,
 * ERR_SYSTEM. */
MUST_CHECK enum status record_lock_create(char **path, int *lock, bool *made, const char *given, struct error *err);

/* Locks an existing folder: *lock is a descriptor, or -1. ERR_NOINPUT when there is none, ERR_CANTCREATE when another
 * process is at work in it or the file cannot be made. */
MUST_CHECK enum status record_lock_open(int *lock, const char *path, struct error *err);

/* The same for the folder of a series, several processes of which work on a run each: those share it with one another,
 * and with nobody who has it by record_lock_open. */
MUST_CHECK enum status record_lock_share(int *lock, const char *path, struct error *err);

/* Takes the file away, before a folder that was made for nothing. The caller has the lock. */
void record_lock_remove(const char *path);

/* Whether a process is at work in the folder. False where that cannot be found out. */
bool record_lock_is_held(const char *path);

#endif
