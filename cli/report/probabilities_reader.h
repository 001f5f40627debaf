/* Reads a table of probabilities (probabilities.h), a row at a time: memory for one row, however many photos there are.
 *
 *   for (status = probabilities_next(&row, reader, err); status == OK && row; status = ...)
 *
 * A table may come from anywhere: whatever breaks the format is an error with the line.
 */
#ifndef FREEZETUNE_PROBABILITIES_READER_H
#define FREEZETUNE_PROBABILITIES_READER_H

#include <stddef.h>

#include "core/base/error.h"
#include "core/base/file_map.h"
#include "core/data/folder.h"

struct probability_row {
    const char *file;          /* as photo_name gave it */
    size_t label;              /* the number of its class */
    const double *probability; /* [classes], each within [0, 1]; their sum is 1 to 1e-6 */
    size_t line;               /* of the file, from 1 */
};

struct probabilities_reader;

/* ERR_DATA for what is no such table; errors of file_map_open, ERR_SYSTEM. */
MUST_CHECK enum status probabilities_open(struct probabilities_reader **out, const char *path, struct error *err);
/* The same for a file that is open: takes *map over, also after an error. `name` is copied. */
MUST_CHECK enum status probabilities_open_map(struct probabilities_reader **out, struct file_map *map, const char *name,
                                              struct error *err);
/* NULL is fine. */
void probabilities_close(struct probabilities_reader *reader);

/* In the order of the columns. Borrowed, as is a row until the next one. */
const struct class_names *probabilities_classes(const struct probabilities_reader *reader);
/* *row = NULL at the end. ERR_DATA, ERR_IO, ERR_SYSTEM; after an error there is nothing more to read. */
MUST_CHECK enum status probabilities_next(const struct probability_row **row, struct probabilities_reader *reader,
                                          struct error *err);

#endif
