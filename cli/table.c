#include "cli/table.h"

#include <string.h>

#include "cli/json.h"
#include "cli/term.h"
#include "core/base/memory.h"
#include "core/base/text.h"

const char *const table_formats[] = {"table", "tsv", "csv", "jsonl", NULL};

enum { CELL_MOST = 4096 }; /* a longer cell ends in "..." in TEXT and TSV */

void csv_cell(FILE *out, const char *text)
{
    bool quoted = strpbrk(text, ",\"\r\n") || text[0] == ' ' || text[0] == '\t';
    if (quoted)
        putc('"', out);
    for (size_t length; *text; text += length) {
        length = text_safe_length(text);
        if (length == 0 && !strchr("\t\r\n", *text))
            fprintf(out, "\\x%02x", (unsigned char)*text);
        else if (*text == '"')
            fputs("\"\"", out);
        else
            fwrite(text, 1, length ? length : 1, out);
        length = length ? length : 1;
    }
    if (quoted)
        putc('"', out);
}

void text_padded(FILE *out, const char *text, size_t width, bool right)
{
    char safe[CELL_MOST];
    text_escape(safe, sizeof safe, text);
    size_t used = text_width(safe);
    int blanks = used < width ? (int)(width - used) : 0;
    if (right)
        fprintf(out, "%*s%s", blanks, "", safe);
    else
        fprintf(out, "%s%*s", safe, blanks, "");
}

static void tsv_cell(FILE *out, const char *text)
{
    char safe[CELL_MOST];
    fputs(text_escape(safe, sizeof safe, text), out);
}

/* A number's text in JSON: separators of thousands out. An empty one is null. */
static void json_number(FILE *out, const char *text)
{
    if (*text == '\0')
        fputs("null", out);
    for (; *text; text++)
        if (*text != ',')
            putc(*text, out);
}

static void write_separated(const struct table *table, const char *const *cells)
{
    bool csv = table->format == TABLE_CSV;
    for (size_t i = 0; i < table->column_count; i++) {
        const char *text = cells[i] ? cells[i] : "";
        if (i)
            putc(csv ? ',' : '\t', table->out);
        if (csv)
            csv_cell(table->out, text);
        else
            tsv_cell(table->out, text);
    }
    fputs(csv ? "\r\n" : "\n", table->out);
}

static void write_json(const struct table *table, const char *const *cells)
{
    for (size_t i = 0; i < table->column_count; i++) {
        fputs(i ? ", " : "{", table->out);
        json_string(table->out, table->columns[i].title);
        fputs(": ", table->out);
        if (!cells[i])
            fputs("null", table->out);
        else if (table->columns[i].kind == COLUMN_NUMBER)
            json_number(table->out, cells[i]);
        else
            json_string(table->out, cells[i]);
    }
    fputs("}\n", table->out);
}

void table_start(struct table *table, FILE *out, enum table_format format, const struct column *columns, size_t count)
{
    *table = (struct table){.out = out, .format = format, .columns = columns, .column_count = count};
    if (format != TABLE_TSV && format != TABLE_CSV)
        return;
    for (size_t i = 0; i < count; i++) {
        if (i)
            putc(format == TABLE_CSV ? ',' : '\t', out);
        fputs(columns[i].title, out);
    }
    fputs(format == TABLE_CSV ? "\r\n" : "\n", out);
}

static enum status keep(struct table *table, const char *const *cells, struct error *err)
{
    void *grown = table->cells;
    enum status status = memory_grow(&grown, &table->cell_capacity, table->cell_count + table->column_count,
                                     sizeof(char *), "a table", err);
    table->cells = grown;
    if (status != OK)
        return status;
    char **row = table->cells + table->cell_count;
    for (size_t i = 0; i < table->column_count; i++)
        row[i] = NULL;
    table->cell_count += table->column_count;
    for (size_t i = 0; cells && i < table->column_count && status == OK; i++)
        status = memory_strdup(&row[i], cells[i] ? cells[i] : "", err);
    return status;
}

enum status table_row(struct table *table, const char *const *cells, struct error *err)
{
    switch (table->format) {
    case TABLE_TEXT:
        return keep(table, cells, err);
    case TABLE_TSV:
    case TABLE_CSV:
        write_separated(table, cells);
        return OK;
    case TABLE_JSONL:
        write_json(table, cells);
        return OK;
    }
    return OK;
}

enum status table_rule(struct table *table, struct error *err)
{
    return table->format == TABLE_TEXT ? keep(table, NULL, err) : OK;
}

static size_t column_width(const struct table *table, size_t column)
{
    char safe[CELL_MOST];
    size_t width = text_width(table->columns[column].title);
    for (size_t i = column; i < table->cell_count; i += table->column_count) {
        size_t cell = table->cells[i] ? text_width(text_escape(safe, sizeof safe, table->cells[i])) : 0;
        if (cell > width)
            width = cell;
    }
    return width;
}

/* One line without blanks at its end. `row` NULL gives the titles. */
static void write_line(const struct table *table, char *const *row, const size_t *widths)
{
    size_t count = table->column_count;
    while (row && count && row[count - 1][0] == '\0')
        count--;
    for (size_t i = 0; i < count; i++) {
        bool right = table->columns[i].kind == COLUMN_NUMBER;
        if (i)
            fputs("  ", table->out);
        text_padded(table->out, row ? row[i] : table->columns[i].title, i + 1 < count || right ? widths[i] : 0, right);
    }
    putc('\n', table->out);
}

static void write_text(const struct table *table)
{
    enum { COLUMNS_MOST = 64 };
    size_t widths[COLUMNS_MOST], all = 0;
    for (size_t i = 0; i < table->column_count && i < COLUMNS_MOST; i++) {
        widths[i] = column_width(table, i);
        all += widths[i] + (i ? 2 : 0);
    }
    write_line(table, NULL, widths);
    for (size_t i = 0; i < table->cell_count; i += table->column_count) {
        if (table->cells[i]) {
            write_line(table, table->cells + i, widths);
            continue;
        }
        for (size_t dash = 0; dash < all; dash++)
            putc('-', table->out);
        putc('\n', table->out);
    }
}

void table_end(struct table *table)
{
    if (table->format == TABLE_TEXT && table->column_count)
        write_text(table);
    table_discard(table);
}

void table_discard(struct table *table)
{
    for (size_t i = 0; i < table->cell_count; i++)
        memory_free(table->cells[i]);
    memory_free(table->cells);
    *table = (struct table){0};
}
