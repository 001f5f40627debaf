/* The widths of a table's columns on a terminal. What does not fit is made narrower in this order, only as far as
 * needed:
 *
 *   1. titles of several words go on two or more lines
 *   2. cells of columns that may be shortened (`least`) are shortened, the widest first
 *   3. columns that may be dropped (`drop`) are dropped, the highest number first; after each, 1 and 2 are tried again
 *   4. the table is folded: the columns that are left over follow below, behind the first column, which is repeated
 */
#ifndef FREEZETUNE_TABLE_FIT_H
#define FREEZETUNE_TABLE_FIT_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/shell/table.h"

enum { COLUMN_GAP = 2 }; /* blanks between two columns */

struct table_fit {
    size_t widths[TABLE_COLUMNS_MOST];
    bool shown[TABLE_COLUMNS_MOST];
    bool wrapped; /* the titles may take several lines */
};

/* `cells` is how wide the widest cell of each column is, without its title; limit 0: no limit. */
void table_fit(struct table_fit *out, const struct column *columns, const size_t *cells, size_t count, size_t limit);

/* The widest word of a title. */
size_t title_word_width(const char *title);

#endif
