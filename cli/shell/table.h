/* Tables: the same rows as aligned text, TSV, CSV or JSON lines.
 *
 * TEXT needs all rows to know the widths and is written by table_end; the others are written row by row. Cells hold
 * whatever bytes a file name holds:
 *   TEXT   control bytes, backslashes and bytes that are not UTF-8 as text_escape writes them
 *   TSV    the same, with ' before what a spreadsheet would run (cli/shell/cell.h); a row is always one line
 *   CSV    the same, quoted where needed, quotes doubled; lines end in a newline alone
 *   JSONL  one object a line; strings as json_string writes them
 *
 * TEXT on a terminal is no wider than that: each column says whether it may be shortened or dropped
 * (cli/shell/table_fit.h). Elsewhere every value stands there whole.
 */
#ifndef FREEZETUNE_TABLE_H
#define FREEZETUNE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "core/base/error.h"

enum table_format { TABLE_TEXT, TABLE_TSV, TABLE_CSV, TABLE_JSONL };
extern const char *const table_formats[]; /* "table", "tsv", "csv", "jsonl", NULL: the choices of --format */

enum column_kind {
    COLUMN_TEXT,   /* left-aligned, a JSON string */
    COLUMN_PATH,   /* the same, but shortened on the left */
    COLUMN_PROSE,  /* the same, but wrapped, the next lines below the first; only as the last column */
    COLUMN_NUMBER, /* right-aligned; the cell is a number's text and stands as it is in JSON, separators taken out */
};

struct column {
    const char *title; /* also the key in JSON */
    enum column_kind kind;
    /* Where a terminal is too narrow: */
    unsigned short least; /* columns that a cell may be shortened to; 0: it is not shortened */
    unsigned short drop;  /* 0: stays; of the others the highest is dropped first */
};

enum { TABLE_COLUMNS_MOST = 64 };

struct table {
    FILE *out;
    enum table_format format;
    const struct column *columns; /* borrowed */
    size_t column_count;
    char **cells; /* TEXT only: rows that wait for their widths; a NULL first cell is a rule */
    size_t cell_count, cell_capacity;
    size_t limit; /* TEXT only: columns of the terminal, 0: no limit */
};

/* Starts a table on `out` (borrowed) and, for TSV and CSV, writes the line of titles. At most TABLE_COLUMNS_MOST
 * columns. */
void table_start(struct table *table, FILE *out, enum table_format format, const struct column *columns, size_t count);

/* One row of column_count cells, copied; NULL is an empty cell (null in JSON). ERR_SYSTEM without memory. Whether
 * writing to `out` worked is asked of the stream at the end. */
MUST_CHECK enum status table_row(struct table *table, const char *const *cells, struct error *err);

/* TEXT only: a line of dashes before the next row. */
MUST_CHECK enum status table_rule(struct table *table, struct error *err);

/* Writes what waits and frees. */
void table_end(struct table *table);

/* Frees without writing; fine after table_end. */
void table_discard(struct table *table);

/* A table whose rows are shown as they come: widths are decided before the first row. `cells` says how wide the cells
 * of each column may be expected; a wider number moves what follows it. Columns for which there is no room are left
 * out. */
struct live_table;
MUST_CHECK enum status live_table_create(struct live_table **out, FILE *stream, const struct column *columns,
                                         const size_t *cells, size_t count, struct error *err);
void live_table_titles(const struct live_table *table);
void live_table_row(const struct live_table *table, const char *const *cells);
void live_table_destroy(struct live_table *table);

/* The building stones, for output that is no plain table. */
/* Padded with blanks to `width` columns, right-aligned if `right`; the text is escaped. */
void text_padded(FILE *out, const char *text, size_t width, bool right);

#endif
