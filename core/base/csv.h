/* Reads comma-separated values (RFC 4180) from a text in memory, a row at a time.
 *
 * Cells are separated by commas, rows by LF, CRLF or CR; the last row may have no end. A cell in double quotes may
 * hold commas, ends of lines and, doubled, quotes; blanks belong to the cell. The first row says how many cells every
 * row has. Lines without a byte are skipped. A byte order mark of UTF-8 in front is skipped.
 *
 * Refused, with the number of the line (1 is the first): NUL bytes, UTF-16, a quote inside a cell without quotes, text
 * behind a closing quote, a quote that is never closed, a row with more or fewer cells than the first, a row of more
 * than CSV_ROW_MOST bytes or CSV_CELLS_MOST cells and, where `utf8` is set, bytes that are not UTF-8.
 */
#ifndef FREEZETUNE_CSV_H
#define FREEZETUNE_CSV_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"

#define CSV_ROW_MOST ((size_t)16 << 20)
#define CSV_CELLS_MOST ((size_t)1 << 16)
#define CSV_NO_COLUMN ((size_t)-1)

/* Cells without their quotes, each with a NUL behind it; they stay until the next csv_next or csv_close. */
struct csv_row {
    char **cells;
    size_t count; /* 0 at the end of the text */
    size_t line;  /* on which the row begins */
};

/* Its fields are csv.c's own. */
struct csv {
    const char *name, *at, *end;
    size_t line, columns;
    bool utf8;
    char *text;
    char **cells;
    size_t text_room, cells_room;
};

/* Begins to read text[size], which is borrowed, as is `name`, the file that messages name. ERR_DATA for NUL bytes and
 * UTF-16. */
MUST_CHECK enum status csv_open(struct csv *out, const char *text, size_t size, const char *name, bool utf8,
                                struct error *err);
/* The next row, or one of 0 cells at the end. ERR_DATA for what is no CSV, ERR_SYSTEM without memory; the reading
 * ends there. */
MUST_CHECK enum status csv_next(struct csv_row *row, struct csv *csv, struct error *err);
void csv_close(struct csv *csv);

/* The place of the only cell of this text in a row (a header); CSV_NO_COLUMN without one, or with two. */
size_t csv_find(const struct csv_row *row, const char *text);

#endif
