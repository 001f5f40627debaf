/* Files, read whole (in pieces: file_map.h), and folders. Writing is outfile.h. */
#ifndef FREEZETUNE_FILE_H
#define FREEZETUNE_FILE_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "core/base/error.h"

/* Opens for reading, without blocking on a FIFO, and returns the descriptor, which file_close takes; what passes is
 * tried again (retry.h). Waits while as many are open as the plan allows (descriptors.h). -1 and *status as
 * file_failure has it when it cannot be opened. */
int file_descriptor(const char *path, enum status *status, struct error *err);
void file_close(int fd);
/* fstat, stat, opendir and readdir, what passes tried again. readdir: NULL with errno 0 at the end. */
int file_stat(struct stat *out, int fd);
int path_stat(struct stat *out, const char *path);
/* Nothing has this name. After ERR_NOINPUT it tells a file that is not there from one that cannot be opened. */
bool path_is_missing(const char *path);
DIR *folder_open(const char *path);
struct dirent *folder_next(DIR *folder);
/* "path: reason" of a call that failed with this errno for good: ERR_SYSTEM, the system is out of descriptors or
 * memory; ERR_IO, a disk or a share does not answer; else ERR_NOINPUT. */
enum status file_failure(const char *path, int error, struct error *err);

/* file_descriptor and file_stat of a regular file. Opening never blocks on a FIFO. ERR_DATA for folders and devices. */
MUST_CHECK enum status file_open_regular(int *fd, struct stat *info, const char *path, struct error *err);

/* The whole of a regular file of at most `limit` bytes, owned by the caller (memory_free), with a NUL behind the last
 * byte that is not counted in *size. Same errors; ERR_DATA beyond the limit, ERR_IO when reading fails or the file
 * becomes shorter. */
MUST_CHECK enum status file_read(uint8_t **out, size_t *size, const char *path, size_t limit, struct error *err);

/* Makes the folder and the missing ones above it. An existing folder is fine. */
MUST_CHECK enum status folder_create(const char *path, struct error *err);

/* *empty = whether an existing folder, in which something is to be made, holds nothing, or nothing but a
 * file `but` (NULL: none). ERR_CANTCREATE when it cannot be listed, ERR_SYSTEM and ERR_IO as file_failure has them. */
MUST_CHECK enum status folder_is_empty(bool *empty, const char *path, const char *but, struct error *err);

/* "folder/name", owned by the caller (memory_free). */
MUST_CHECK enum status path_join(char **out, const char *folder, const char *name, struct error *err);
/* *folder = the path of the folder that `path` lies in ("." for a plain name), owned by the caller (memory_free); *name
 * = the rest of `path`, a part of it. */
MUST_CHECK enum status path_split(char **folder, const char **name, const char *path, struct error *err);

#endif
