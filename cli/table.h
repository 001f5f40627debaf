/* Tables: the same rows as aligned text, TSV, CSV (RFC 4180) or JSON lines.
 *
 * TEXT needs all rows to know the widths and is written by table_end; the others are written row by row. Cells hold
 * whatever bytes a file name holds:
 *   TEXT   control bytes, backslashes and bytes that are not UTF-8 as text_escape writes them
 *   TSV    the same, so a row is always one line and a cell never holds a tab
 *   CSV    RFC 4180: quoted where needed, quotes doubled, line breaks kept inside quotes, bytes as they are
 *   JSONL  one object a line; bytes that are not UTF-8 as \udc80..\udcff, as Python's "surrogateescape" reads file
 * names
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
    COLUMN_TEXT,  /* left-aligned, a JSON string */
    COLUMN_NUMBER /* right-aligned; the cell is a number's text and stands as it is in JSON, separators taken out */
};

struct column {
    const char *title; /* also the key in JSON */
    enum column_kind kind;
};

struct table {
    FILE *out;
    enum table_format format;
    const struct column *columns; /* borrowed */
    size_t column_count;
    char **cells; /* TEXT only: rows that wait for their widths; a NULL first cell is a rule */
    size_t cell_count, cell_capacity;
};

/* Starts a table on `out` (borrowed) and, for TSV and CSV, writes the line of titles. */
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

/* The building stones, for output that is no plain table. */
/* RFC 4180; what a terminal must not be shown is written as \xNN, tabs and ends of lines stay. */
void csv_cell(FILE *out, const char *text);
/* Padded with blanks to `width` columns, right-aligned if `right`; the text is escaped. */
void text_padded(FILE *out, const char *text, size_t width, bool right);

#endif
