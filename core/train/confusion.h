/* The confusion matrix of a pass, without its zeros: a cell for every pair of a class and an answer that occurs. There
 * are never more cells than photos, whatever the number of classes: a matrix of 20,000 classes has 400 million, nearly
 * all of them 0. */
#ifndef FREEZETUNE_CONFUSION_H
#define FREEZETUNE_CONFUSION_H

#include <stddef.h>
#include <stdint.h>

#include "core/train/metrics.h"

/* With more classes than these, files and --json list the cells instead of writing the matrix. */
enum { CONFUSION_MATRIX_CLASSES = 200 };

struct confusion_cell {
    uint32_t label, predicted; /* class numbers */
    uint64_t count;            /* of photos; never 0 */
};

struct confusion {
    struct confusion_cell *cells; /* in the order of label, then predicted */
    size_t count;
};

/* From the predictions that the metrics kept. ERR_SYSTEM without memory. Owned (confusion_free). */
MUST_CHECK enum status confusion_make(struct confusion *out, const struct metrics *metrics, struct error *err);
void confusion_free(struct confusion *confusion);

/* Bytes that confusion_make takes for so many predictions, at most. */
size_t confusion_bytes(size_t predictions);

/* OVERWRITES row[classes] with the counts of one label: a row of the matrix. *at is where its cells begin, 0 for label
 * 0, and moves to those of the next label. */
void confusion_row(uint64_t *row, size_t classes, const struct confusion *confusion, uint32_t label, size_t *at);

/* Reorders the cells: mistakes before right answers, the most frequent first, ties by label and answer. Returns how
 * many mistakes there are. confusion_row cannot be called any more. */
size_t confusion_sort_mistakes(struct confusion *confusion);

#endif
