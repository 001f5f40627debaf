/* A file of a run's folder, which need not be there. */
#ifndef FREEZETUNE_RUN_FILE_H
#define FREEZETUNE_RUN_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"

/* folder/name with a NUL behind it, owned by the caller (memory_free); *text = NULL where there is no such file. Errors
 * of file_read: also for a file that is there and cannot be opened. */
MUST_CHECK enum status run_file_read(char **text, size_t *size, const char *folder, const char *name, size_t most,
                                     struct error *err);

/* Whether folder/name is there. Errors of file_failure where that cannot be found out. */
MUST_CHECK enum status run_file_exists(bool *out, const char *folder, const char *name, struct error *err);

#endif
