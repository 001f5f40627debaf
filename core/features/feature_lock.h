/* Locks of a file of features, which several processes use (lock.h).
 *
 * Waiting has a limit: the process that has the lock may be stopped, or may hold up others on purpose. After
 * FEATURE_LOCK_PATIENCE the error names that process, and the caller goes on without the file.
 */
#ifndef FREEZETUNE_FEATURE_LOCK_H
#define FREEZETUNE_FEATURE_LOCK_H

#include "core/base/error.h"

/* Two bytes of the header, see feature_file.h. */
enum feature_lock_byte { FEATURE_LOCK_USE = 0, FEATURE_LOCK_APPEND = 1 };

enum { FEATURE_LOCK_PATIENCE = 30 }; /* seconds */

/* type: F_RDLCK (shared) or F_WRLCK (alone). Waits up to FEATURE_LOCK_PATIENCE; ERR_IO then, with the number of the
 * process that has it where that can be found, or when the file cannot be locked. `path` is for errors. */
MUST_CHECK enum status feature_lock(int fd, enum feature_lock_byte byte, short type, const char *path,
                                    struct error *err);
/* ERR_IO: the file cannot be locked, for the reason in errno. */
enum status feature_lock_error(const char *path, struct error *err);

#endif
