/* RUN/metrics.csv: a line of titles, then a row for each epoch. */
#ifndef FREEZETUNE_RECORD_METRICS_H
#define FREEZETUNE_RECORD_METRICS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/train/train.h"

struct metrics_row {
    size_t epoch;                          /* from 1 */
    double lr, train_loss, train_accuracy; /* accuracies and F1: 0 to 1 */
    double val_loss, val_accuracy, val_top5, macro_f1;
    size_t photos, left_out;
    bool best; /* the best so far */
    double seconds;
    size_t missed, val_missed; /* photos that were unavailable: 0 in a row of an earlier version, which has neither */
};

/* The line of titles, and that of an epoch, each with its newline; `shorter`, without the photos that were unavailable,
 * in a file that an earlier version began. */
extern const char record_metrics_head[];
enum { METRICS_ROW = 512 };
void record_metrics_write(char out[METRICS_ROW], const struct epoch_result *epoch, bool shorter);

/* The text of folder/metrics.csv with a NUL behind it, owned by the caller (memory_free). Errors of file_read. */
MUST_CHECK enum status record_metrics_read(char **text, const char *folder, struct error *err);

/* The row in the line at `line`, which ends at a newline or a NUL. False for another one, such as that of the titles,
 * and for numbers out of their ranges: a count that is not a whole number, a time below 0. */
bool record_metrics_row(struct metrics_row *out, const char *line);

/* Behind the end of the line at `text`: the next one, or the NUL. */
const char *record_metrics_next(const char *text);

#endif
