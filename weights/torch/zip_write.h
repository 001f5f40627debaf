/* The writer of zip files as PyTorch needs them: entries stored, not compressed, each entry's data at a multiple of 64
 * bytes (padding in an extra field), sizes and CRC-32 in the local headers, no timestamps, so that the same input gives
 * the same bytes. No zip64: at most 65,534 entries and 4 GiB. (PKWARE, "APPNOTE.TXT - .ZIP File Format Specification".)
 *
 *   zip_create, then for each entry zip_begin, zip_put ..., zip_end, then zip_finish
 */
#ifndef FREEZETUNE_ZIP_WRITE_H
#define FREEZETUNE_ZIP_WRITE_H

#include <stddef.h>

#include "core/base/error.h"

struct zip_writer;

/* ERR_CANTCREATE when the file cannot be made. It appears under `path` at zip_finish, whole or not at all. */
MUST_CHECK enum status zip_create(struct zip_writer **out, const char *path, struct error *err);

/* `name` is ASCII and shorter than 200 bytes. ERR_IO when writing fails, ERR_DATA when the file becomes too large. */
MUST_CHECK enum status zip_begin(struct zip_writer *zip, const char *name, struct error *err);
MUST_CHECK enum status zip_put(struct zip_writer *zip, const void *data, size_t size, struct error *err);
MUST_CHECK enum status zip_end(struct zip_writer *zip, struct error *err);

/* Writes the directory and puts the file in its place. Frees the writer, whatever happens. */
MUST_CHECK enum status zip_finish(struct zip_writer *zip, struct error *err);
/* Gives up: the file under construction is removed. NULL is fine. */
void zip_discard(struct zip_writer *zip);

#endif
