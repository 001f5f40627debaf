#include "core/base/csv.h"

#include <string.h>

#include "core/base/memory.h"
#include "core/base/text.h"

/* Lines that end in the bytes from..to-1. A CR whose LF is not among them ends one too. */
static size_t count_ends(const char *from, const char *to)
{
    size_t count = 0;
    for (; from < to; from++)
        count += *from == '\n' || (*from == '\r' && !(from + 1 < to && from[1] == '\n'));
    return count;
}

enum status csv_open(struct csv *out, const char *text, size_t size, const char *name, bool utf8, struct error *err)
{
    static const char mark[] = "\xEF\xBB\xBF";
    const char *zero = size ? memchr(text, '\0', size) : NULL;
    if (size >= 2 && (memcmp(text, "\xFF\xFE", 2) == 0 || memcmp(text, "\xFE\xFF", 2) == 0))
        return error_set(err, ERR_DATA, "%s: is UTF-16: save it as UTF-8", name);
    if (zero)
        return error_set(err, ERR_DATA, "%s: line %zu: holds a NUL byte: save it as text in UTF-8", name,
                         count_ends(text, zero) + 1);
    *out = (struct csv){.name = name, .at = text, .end = text + size, .line = 1, .utf8 = utf8};
    if (size >= 3 && memcmp(text, mark, 3) == 0)
        out->at += 3;
    return OK;
}

void csv_close(struct csv *csv)
{
    memory_free(csv->text);
    memory_free(csv->cells);
    *csv = (struct csv){0};
}

static bool ends_cell(const char *at, const char *end)
{
    return at == end || *at == ',' || *at == '\n' || *at == '\r';
}

/* Behind the quote that closes the cell which begins with the quote at `at`; NULL where none does. */
static const char *quoted_end(const char *at, const char *end)
{
    for (at++; (at = memchr(at, '"', (size_t)(end - at))); at += 2)
        if (at + 1 == end || at[1] != '"')
            return at + 1;
    return NULL;
}

/* Behind the cell at `from`, the row's number `cell` counted from 1, in *to. */
static enum status cell_end(const char **to, const struct csv *csv, const char *from, size_t cell, struct error *err)
{
    const char *at = from;
    bool quoted = from < csv->end && *from == '"';
    if (quoted && !(at = quoted_end(from, csv->end)))
        return error_set(err, ERR_DATA, "%s: line %zu: the quote that opens cell %zu is never closed", csv->name,
                         csv->line + count_ends(csv->at, from), cell);
    if (quoted && !ends_cell(at, csv->end))
        return error_set(err, ERR_DATA,
                         "%s: line %zu: text follows the closing quote of cell %zu: a quote inside a cell is written "
                         "twice",
                         csv->name, csv->line + count_ends(csv->at, at), cell);
    while (!ends_cell(at, csv->end) && *at != '"')
        at++;
    if (!ends_cell(at, csv->end))
        return error_set(err, ERR_DATA,
                         "%s: line %zu: a quote stands inside cell %zu: put the whole cell in quotes, and write the "
                         "quote twice",
                         csv->name, csv->line + count_ends(csv->at, at), cell);
    *to = at;
    return OK;
}

/* Where the row at csv->at ends (*to), and how many cells it has. */
static enum status row_end(const char **to, size_t *cells, const struct csv *csv, struct error *err)
{
    const char *at = csv->at;
    enum status status = cell_end(&at, csv, at, 1, err);
    for (*cells = 1; status == OK && at < csv->end && *at == ',' && *cells <= CSV_CELLS_MOST; ++*cells)
        status = cell_end(&at, csv, at + 1, *cells + 1, err);
    *to = at;
    if (status != OK)
        return status;
    if (*cells > CSV_CELLS_MOST || (size_t)(at - csv->at) > CSV_ROW_MOST)
        return error_set(err, ERR_DATA, "%s: line %zu: the row is too long: at most %zu cells and %zu bytes are read",
                         csv->name, csv->line, CSV_CELLS_MOST, CSV_ROW_MOST);
    if (csv->columns && *cells != csv->columns)
        return error_set(err, ERR_DATA,
                         "%s: line %zu: has %zu cell%s, the first row has %zu: a cell with a comma stands in quotes",
                         csv->name, csv->line, *cells, *cells == 1 ? "" : "s", csv->columns);
    if (csv->utf8 && !text_is_utf8(csv->at, (size_t)(at - csv->at)))
        return error_set(err, ERR_DATA, "%s: line %zu: is not UTF-8: save the file as UTF-8", csv->name, csv->line);
    return OK;
}

/* Copies the cells of the row, which is known to be right, without their quotes. */
static void split_row(struct csv *csv, const char *to)
{
    const char *at = csv->at;
    char *text = csv->text;
    for (size_t cell = 0; cell < csv->columns; cell++, at++) {
        bool quoted = at < to && *at == '"';
        const char *end = quoted ? quoted_end(at, to) - 1 : at;
        csv->cells[cell] = text;
        while (!quoted && !ends_cell(end, to))
            end++;
        for (at += quoted; at < end; at += *at == '"' ? 2 : 1)
            *text++ = *at;
        *text++ = '\0';
        at += quoted;
    }
}

static void skip_end(struct csv *csv)
{
    if (csv->at == csv->end)
        return;
    csv->at += *csv->at == '\r' && csv->at + 1 < csv->end && csv->at[1] == '\n' ? 2 : 1;
    csv->line++;
}

enum status csv_next(struct csv_row *row, struct csv *csv, struct error *err)
{
    const char *to;
    size_t cells;
    void *text = csv->text, *places = csv->cells;
    *row = (struct csv_row){0};
    while (csv->at < csv->end && (*csv->at == '\n' || *csv->at == '\r'))
        skip_end(csv);
    if (csv->at == csv->end)
        return OK;
    enum status status = row_end(&to, &cells, csv, err);
    if (status == OK)
        status = memory_grow(&text, &csv->text_room, (size_t)(to - csv->at) + 1, 1, "a row of CSV", err);
    if (status == OK) {
        csv->text = text;
        status = memory_grow(&places, &csv->cells_room, cells, sizeof *csv->cells, "a row of CSV", err);
    }
    if (status != OK) {
        csv->at = csv->end;
        return status;
    }
    csv->cells = places;
    csv->columns = cells;
    split_row(csv, to);
    *row = (struct csv_row){csv->cells, cells, csv->line};
    csv->line += count_ends(csv->at, to);
    csv->at = to;
    skip_end(csv);
    return OK;
}

size_t csv_find(const struct csv_row *row, const char *text)
{
    size_t found = CSV_NO_COLUMN;
    for (size_t i = 0; i < row->count; i++) {
        if (strcmp(row->cells[i], text) != 0)
            continue;
        if (found != CSV_NO_COLUMN)
            return CSV_NO_COLUMN;
        found = i;
    }
    return found;
}
