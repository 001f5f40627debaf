/* A photo's file by its content: the record of a run, the cache of features and the search for copies all know it by
 * this hash. */
#ifndef FREEZETUNE_CONTENT_HASH_H
#define FREEZETUNE_CONTENT_HASH_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/hash.h"

/* *out = the hash of all bytes of a file, *size = how many they are, unless NULL. False, with both untouched, when it
 * cannot be read or is larger than IMAGE_MAX_BYTES. */
bool content_hash(struct hash128 *out, size_t *size, const char *path);

#endif
