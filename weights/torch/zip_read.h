/* A zip file as torch.save writes it, and no other: one way to read it, so that nothing can be hidden from one reader
 * and shown to another. From the first byte to the last there is nothing but
 *
 *     | local header, name, padding | data | data descriptor |   for every entry, in the order of the directory
 *     | central directory | zip64 end record, locator (or neither) | end record without a comment |
 *
 * Entries are stored (method 0), not encrypted, on one disk, with different names; a local header says what the central
 * one says; CRC-32 is right. Sizes beyond 4 GiB (zip64) are read, with the packed size that torch.save leaves 0 in the
 * local header of such an entry. Data stays where it is in the file.
 */
#ifndef FREEZETUNE_ZIP_READ_H
#define FREEZETUNE_ZIP_READ_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/file_map.h"

/* What is to be done about an archive that somebody unpacked and packed again: torch_folder.c reads it unpacked. */
#define ZIP_PACKED_AGAIN "; if it was packed again by hand, unpack it and give the folder"

enum { ZIP_MAX_ENTRIES = 1 << 16, ZIP_MAX_NAME = 256 };

struct zip_entry {
    const char *name; /* valid UTF-8; not NUL-terminated */
    size_t name_length;
    size_t header;       /* where the local header begins in the file */
    size_t data;         /* and the data; known after zip_check */
    size_t size;         /* of the data */
    size_t directory_at; /* its place in the central directory */
    uint32_t crc;
    uint32_t flags, method;
};

struct zip {
    const struct file_map *map; /* borrowed */
    const char *path;
    struct error *err;
    struct zip_entry *entries; /* in the file's order */
    size_t count;
    size_t directory, directory_end;
    const struct zip_entry **by_name;
};

/* Reads the end records and the central directory: names, sizes and places. ERR_DATA names the byte. What has been
 * found by then may be looked at, by name, but not its data: that is for zip_check. Free with zip_close, also after a
 * failure. */
MUST_CHECK enum status zip_open(struct zip *out, const struct file_map *map, const char *path, struct error *err);
/* Checks all the rest, CRC-32 of all data included; the pages that were read for that are given back. */
MUST_CHECK enum status zip_check(struct zip *zip);
void zip_close(struct zip *zip);

/* The entry with that name, or NULL. */
const struct zip_entry *zip_find(const struct zip *zip, const char *name, size_t length);

/* Bytes [at, at + size) of the file may be looked at from here on. Errors of file_map_read. */
MUST_CHECK enum status zip_read(const struct zip *zip, size_t at, size_t size);

/* "path: byte N: entry 'name': text"; entry may be NULL. Returns ERR_DATA. */
enum status zip_fail(const struct zip *zip, size_t at, const struct zip_entry *entry, const char *format, ...)
    PRINTF_LIKE(4, 5);

#endif
