/* One file of features, open: found or made, shared with other processes, its records listed, read and appended. What
 * lies where is drawn in feature_header.h.
 *
 * Two bytes of the header are locked, by locks of the open file (F_OFD_SETLK): flock would know one lock for the whole
 * file, and one is needed for "in use" beside that for appending.
 *   byte 0   shared by all processes that have the file open; a process that locks it alone may remove the file
 *   byte 1   alone while a process makes the file or appends; shared while one lists
 *
 * Read with pread, not mapped: another process may cut the file off, and a mapped page that is gone kills the reader.
 */
#ifndef FREEZETUNE_FEATURE_FILE_H
#define FREEZETUNE_FEATURE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/features/feature_header.h"
#include "core/features/feature_index.h"

/* Bounds what a file may make us list. 69 GB of the shortest features of a ResNet-50. */
#define FEATURE_RECORDS_MOST ((uint32_t)1 << 24)

#define FEATURE_FILE_SUFFIX ".features"

struct feature_file {
    int fd; /* -1: none */
    char *path;
    struct feature_store_about about;
    size_t record_bytes;
    uint32_t records; /* listed so far */
    bool read_only;
};

/* Opens or makes DIR/<key>.features and marks it as used now. Errors as feature_store_open_disk has them; *file is then
 * closed. */
MUST_CHECK enum status feature_file_open(struct feature_file *file, const char *dir,
                                         const struct feature_store_about *about, struct error *err);
/* Fine on a closed one. */
void feature_file_close(struct feature_file *file);

/* Waits for the lock of byte 1, to append (not for a read_only file) or to list. Errors as feature_lock has them. */
MUST_CHECK enum status feature_file_lock(struct feature_file *file, bool append, struct error *err);
void feature_file_unlock(struct feature_file *file);

/* Under the lock: puts the records behind those listed so far into the index, later ones in place of earlier ones of
 * the same id, without a look at their values. ERR_IO, ERR_SYSTEM; ERR_DATA when there are more than
 * FEATURE_RECORDS_MOST. */
MUST_CHECK enum status feature_file_list(struct feature_file *file, struct feature_index *index, struct error *err);

/* record[record_bytes] = the record of that number. False when it is not the id's, is damaged or cannot be read. */
bool feature_file_read(uint8_t *record, const struct feature_file *file, uint32_t number, const struct feature_id *id);

/* Under the lock, everything listed: writes sealed records behind the last one and counts them in file->records. On
 * failure (ERR_IO, ERR_CANTCREATE) only the whole ones that were written are counted and stay. */
MUST_CHECK enum status feature_file_append(struct feature_file *file, const uint8_t *records, size_t count,
                                           struct error *err);

/* Removes a file of features that nobody uses. *in_use: somebody does, and it stays. ERR_DATA when it is something else
 * than a file of features, ERR_NOINPUT when there is none or another program was faster, ERR_IO when it cannot be
 * opened or removed. */
MUST_CHECK enum status feature_file_remove(bool *in_use, const char *path, struct error *err);

/* What the file at the path is, its size and its last use in seconds since 1970; *about when it is GOOD. Does not wait
 * for locks. A file that is no regular one is FOREIGN. ERR_NOINPUT, ERR_IO. */
MUST_CHECK enum status feature_file_look(enum feature_header *header, struct feature_store_about *about,
                                         uint64_t *bytes, int64_t *used, const char *path, struct error *err);

#endif
