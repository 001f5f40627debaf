/* The table of a run's epochs: at the end of a run from its metrics.csv, and on a terminal row by row as they come.
 * Both have the same columns. */
#ifndef FREEZETUNE_SHOW_EPOCHS_H
#define FREEZETUNE_SHOW_EPOCHS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "core/base/error.h"

struct epoch_row {
    size_t epoch; /* from 1 */
    double lr, train_loss, train_accuracy, val_loss, val_accuracy, val_macro_f1, seconds;
    bool best;                 /* the best so far; in show_epochs: of all */
    size_t missed, val_missed; /* photos that were unavailable */
    const char *features;      /* what the cache did, borrowed; NULL: nothing */
    const char *left;          /* time, borrowed; NULL: nothing */
};

/* All rows of RUN/metrics.csv; `best` is the epoch, from 1. ERR_IO when the file cannot be read. */
MUST_CHECK enum status show_epochs(FILE *out, const char *folder, size_t best, struct error *err);

/* Rows on stderr as they come. */
struct epoch_rows;

/* Where stderr is a terminal and remarks are shown; else *out is NULL, with OK. `features`: is there a cache? Rows that
 * RUN/metrics.csv holds already, of a resumed run, are shown with the first. Free with epoch_rows_destroy. */
MUST_CHECK enum status epoch_rows_create(struct epoch_rows **out, const char *folder, bool features, struct error *err);
void epoch_rows_add(struct epoch_rows *rows, const struct epoch_row *row);
/* Were all epochs shown up to `epoch`, from 1? `rows` may be NULL. */
bool epoch_rows_complete(const struct epoch_rows *rows, size_t epoch);
void epoch_rows_destroy(struct epoch_rows *rows);

#endif
