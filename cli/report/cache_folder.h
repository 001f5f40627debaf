/* The folder of the feature cache, listed: which files are ours, what they hold, when they were used. */
#ifndef FREEZETUNE_CACHE_FOLDER_H
#define FREEZETUNE_CACHE_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/features/feature_header.h"

enum { CACHE_KEY_DIGITS = 32 };

struct cache_file {
    char *path;
    char key[CACHE_KEY_DIGITS + 1]; /* of its name, if that is a key's */
    enum feature_header header;     /* FOREIGN too when its name is not a key's; DAMAGED when it is another key's */
    struct feature_store_about about;
    uint64_t bytes, entries;
    int64_t used; /* seconds since 1970 */
};

struct cache_folder {
    struct cache_file *files; /* the one used last first */
    size_t count, capacity;
    size_t unread; /* files that could not be opened; each was named on stderr */
};

/* Lists the folder; one that does not exist is empty. Folders in it are skipped. A file that cannot be opened is
 * named on stderr and left out. *out is owned by the caller (cache_folder_free), and may be freed after an error too.
 * ERR_NOINPUT, ERR_IO, ERR_SYSTEM */
MUST_CHECK enum status cache_folder_list(struct cache_folder *out, const char *path, struct error *err);
void cache_folder_free(struct cache_folder *folder);

/* 32 digits, 0 to 9 and a to f? */
bool cache_key_valid(const char *text);
/* DIR/KEY.features, owned by the caller (memory_free). */
MUST_CHECK enum status cache_key_path(char **out, const char *dir, const char *key, struct error *err);

#endif
