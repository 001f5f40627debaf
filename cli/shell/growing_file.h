/* A file of a run that grows line by line, log.jsonl or metrics.csv: a resumed run cuts it to what it was at the last
 * checkpoint. */
#ifndef FREEZETUNE_GROWING_FILE_H
#define FREEZETUNE_GROWING_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "core/base/error.h"

/* Opens folder/name for appending behind its first `lines` lines; what follows them is cut off. With 0 lines it is made
 * if it does not exist. ERR_CANTCREATE; ERR_SYSTEM without memory or descriptors; ERR_DATA, with the file as it was,
 * when it has fewer lines; ERR_IO. */
MUST_CHECK enum status growing_file_open(FILE **out, const char *folder, const char *name, size_t lines,
                                         struct error *err);

/* The same for a file that is no text: opens it, or makes it, to be read from its beginning; growing_file_cut cuts it
 * off behind `length` bytes and goes to its end. The same errors. */
MUST_CHECK enum status growing_file_begin(FILE **out, const char *folder, const char *name, struct error *err);
MUST_CHECK enum status growing_file_cut(FILE *stream, const char *folder, const char *name, long long length,
                                        struct error *err);

/* Whether the file begins with this line, whose newline is part of it; the stream then stands at its end. */
bool growing_file_begins_with(FILE *stream, const char *line);

/* To the disk: what a checkpoint stands for must be there before it. ERR_IO. */
MUST_CHECK enum status growing_file_sync(FILE *stream, const char *folder, const char *name, struct error *err);

#endif
