/* A regular file laid out in the address space, of which pieces are read when they are asked for.
 *
 *     bytes |......HHHH..........TTTTTTTT..............|   size
 *                  read: valid       read: valid           the rest must not be looked at
 *
 * It is not a mapping of the file: pieces are copied, into memory that belongs to the process. When the file is cut or
 * overwritten meanwhile, what was read stays as it is, and there is no SIGBUS: a piece that is no longer there is an
 * error, and file_map_check tells whether the file changed between two pieces. One thread at a time.
 */
#ifndef FREEZETUNE_FILE_MAP_H
#define FREEZETUNE_FILE_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

struct file_pages;

struct file_map {
    const uint8_t *bytes; /* NULL when size is 0 */
    size_t size;
    struct file_pages *pages; /* what has been read; NULL: there is no file, all bytes are valid */
};

/* Opens the file, of which nothing is read yet; keeps a descriptor. Errors of file_open_regular; ERR_SYSTEM without
 * address space. */
MUST_CHECK enum status file_map_open(struct file_map *out, const char *path, struct error *err);
/* The same without a descriptor that stays open, for one of hundreds of files: it is opened again for each reading, and
 * has to be the same file still, else ERR_IO. */
MUST_CHECK enum status file_map_open_each_time(struct file_map *out, const char *path, struct error *err);
void file_map_close(struct file_map *map);

/* Bytes [at, at + size) of the file, a part of it, are valid from here on, until they are dropped or the file is
 * closed. ERR_IO when reading fails or the file has become shorter; ERR_SYSTEM without memory. */
MUST_CHECK enum status file_map_read(const struct file_map *map, size_t at, size_t size, struct error *err);
/* Gives the memory of whole pages within [at, at + size) back to the system. They must be read again before they are
 * looked at again. */
void file_map_drop(const struct file_map *map, size_t at, size_t size);

/* Calls take() with all bytes of the file in order, a piece at a time, whatever has been read already. Errors of
 * file_map_read. */
typedef void file_map_take(void *context, const uint8_t *bytes, size_t size);
MUST_CHECK enum status file_map_scan(const struct file_map *map, file_map_take *take, void *context, struct error *err);

/* ERR_IO when the file was written to or cut since file_map_open, as far as its size and time of modification tell:
 * what was read may then be of two files. */
MUST_CHECK enum status file_map_check(const struct file_map *map, struct error *err);

#endif
