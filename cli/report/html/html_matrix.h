/* A confusion matrix as a table: rows are the class, columns the answer; each cell has its count and its share of the
 * row, right answers in one colour and mistakes in another, both told apart without red and green. A cell is a link to
 * #cROW-COLUMN, by which the page's gallery shows the photos of that cell.
 */
#ifndef FREEZETUNE_HTML_MATRIX_H
#define FREEZETUNE_HTML_MATRIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* counts[classes * classes], a row after the other. `linked[cell]` says which cells have photos in the gallery; NULL:
 * none. */
void matrix_write(FILE *out, const uint64_t *counts, const bool *linked, char *const *names, size_t classes);

#endif
