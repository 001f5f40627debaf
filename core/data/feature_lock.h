/* Locks of a file of features, which several processes use: of the open file (F_OFD_SETLK), so that two stores of one
 * process count as two.
 *
 * Nobody waits without end: who has the lock may be stopped, or may mean to hold others up. After FEATURE_LOCK_PATIENCE
 * it is said who has it, and the caller does without the file.
 */
#ifndef FREEZETUNE_FEATURE_LOCK_H
#define FREEZETUNE_FEATURE_LOCK_H

#include <stdbool.h>

#include "core/base/error.h"

/* Two bytes of the header, see feature_file.h. */
enum feature_lock_byte { FEATURE_LOCK_USE = 0, FEATURE_LOCK_APPEND = 1 };

enum { FEATURE_LOCK_PATIENCE = 30 }; /* seconds */

/* type: F_RDLCK (shared) or F_WRLCK (alone). Waits for it; ERR_IO, with the process that has it where that can be found
 * out. `path` is for errors. */
MUST_CHECK enum status feature_lock(int fd, enum feature_lock_byte byte, short type, const char *path,
                                    struct error *err);
/* Without waiting; true when it was given, else errno says why: EAGAIN or EACCES, another has it. */
bool feature_lock_try(int fd, enum feature_lock_byte byte, short type);
void feature_lock_give_back(int fd, enum feature_lock_byte byte);
/* ERR_IO: the lock could not be had, for the reason in errno. */
enum status feature_lock_error(const char *path, struct error *err);

#endif
