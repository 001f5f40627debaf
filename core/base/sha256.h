/* SHA-256 (FIPS 180-4), by libmd: for files that are published with their sum.
 * To tell files apart, hash.h is quicker. */
#ifndef FREEZETUNE_SHA256_H
#define FREEZETUNE_SHA256_H

#include <stddef.h>

#include "core/base/error.h"
#include "core/base/file_map.h"

/* out = the 64 hexadecimal digits that sha256sum prints, and a terminator. */
void sha256_hex(char out[65], const void *bytes, size_t size);
/* The same of all bytes of a file. Errors of file_map_scan. */
MUST_CHECK enum status sha256_file(char out[65], const struct file_map *map, struct error *err);

#endif
