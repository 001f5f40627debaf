/* A cell of CSV or TSV that holds a text from outside (a file's name, a class, a reason), by one rule for all files and
 * outputs:
 *
 *   1. \n, \t, \\ and \xNN stand for a newline, a tab, a backslash and a byte that no terminal should be shown
 *      (text_escape_next): a row is one line.
 *   2. A text that begins with = + - @ or ', also behind blanks and in their wide forms (U+FF1D and so on), has a ' in
 *      front: a spreadsheet takes it as text and runs no formula.
 *   3. CSV only: a cell with a comma or a quote, or with a blank in front, stands in quotes, and quotes inside are
 *      doubled (RFC 4180).
 *
 * Undone: read the CSV, drop one ' in front, then what `printf %b` does. Numbers are no text: -0.5 stays as it is.
 */
#ifndef FREEZETUNE_CELL_H
#define FREEZETUNE_CELL_H

#include <stdbool.h>
#include <stdio.h>

void csv_cell(FILE *out, const char *text);
void tsv_cell(FILE *out, const char *text);
/* The text that csv_cell or tsv_cell wrote, from a cell without its quotes: undone in place, and returned. Backslashes
 * that neither would have written stay. */
char *cell_undo(char *cell);
/* A number's text as it is, in quotes where thousands are separated by commas. */
void cell_number(FILE *out, const char *text, bool csv);

#endif
