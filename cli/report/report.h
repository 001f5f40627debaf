/* What was counted over a pass (core/train/metrics.h), for people: eval prints it, and so can train. */
#ifndef FREEZETUNE_REPORT_H
#define FREEZETUNE_REPORT_H

#include <stddef.h>
#include <stdio.h>

#include "cli/shell/json.h"
#include "core/base/error.h"
#include "core/data/folder.h"
#include "core/train/confusion.h"
#include "core/train/metrics.h"

/* "accuracy 93.5 % (95 % interval 88.4 to 96.4 %)  loss 0.1823  macro-F1 93.4 %", with top-5 when there are more than
 * five classes. One line. The interval is Wilson's (statistics.h). */
void report_line(FILE *out, const struct metrics *metrics);

/* Per class that has photos: photos, right, precision, recall, F1. */
MUST_CHECK enum status report_classes(FILE *out, const struct metrics *metrics, const struct class_names *classes,
                                      struct error *err);

/* The confusion matrix, rows: the class, columns: the answer; for more than REPORT_MATRIX classes the most frequent
 * confusions instead. Nothing when every answer is right and there is no matrix to show. Reorders the cells. */
enum { REPORT_MATRIX = 16, REPORT_CONFUSIONS = 10 };
MUST_CHECK enum status report_confusion(FILE *out, struct confusion *confusion, const struct class_names *classes,
                                        struct error *err);

/* The `most` surest wrong answers. */
MUST_CHECK enum status report_worst(FILE *out, const struct metrics *metrics, const struct class_names *classes,
                                    const struct photo_list *photos, size_t most, struct error *err);

/* As objects of an open JSON list. */
void report_worst_json(struct json *json, const struct prediction *worst, size_t count,
                       const struct class_names *classes, const struct photo_list *photos);

/* The same as members of an open JSON object: photos, accuracy, accuracy_low, accuracy_high, top5, loss, macro_f1,
 * classes, and confusion: the matrix, rows as above; or, with more than CONFUSION_MATRIX_CLASSES classes,
 * confusion_cells: {class, predicted, photos} of each cell that is not 0. */
void report_json(struct json *json, const struct metrics *metrics, const struct confusion *confusion,
                 const struct class_names *classes);

#endif
