#include "cli/shell/table.h"

#include <assert.h>
#include <string.h>

#include "cli/shell/cell.h"
#include "cli/shell/json.h"
#include "cli/shell/table_fit.h"
#include "cli/shell/term.h"
#include "cli/shell/wrap.h"
#include "core/base/memory.h"
#include "core/base/text.h"

const char *const table_formats[] = {"table", "tsv", "csv", "jsonl", NULL};

enum { CELL_MOST = 4096 }; /* a longer cell ends in "..." in TEXT */

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
        if (table->columns[i].kind == COLUMN_NUMBER)
            cell_number(table->out, text, csv);
        else if (csv)
            csv_cell(table->out, text);
        else
            tsv_cell(table->out, text);
    }
    putc('\n', table->out);
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
    assert(count <= TABLE_COLUMNS_MOST);
    if (format == TABLE_TEXT)
        table->limit = term_limit(out);
    if (format != TABLE_TSV && format != TABLE_CSV)
        return;
    for (size_t i = 0; i < count; i++) {
        if (i)
            putc(format == TABLE_CSV ? ',' : '\t', out);
        fputs(columns[i].title, out);
    }
    putc('\n', out);
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

static size_t cell_width(const struct table *table, size_t column)
{
    char safe[CELL_MOST];
    size_t width = 0;
    for (size_t i = column; i < table->cell_count; i += table->column_count) {
        size_t cell = table->cells[i] ? text_width(text_escape(safe, sizeof safe, table->cells[i])) : 0;
        if (cell > width)
            width = cell;
    }
    return width;
}

/* The columns begin..end-1, and before them the first one. */
struct block {
    const struct table_fit *fit;
    size_t begin, end;
};

static bool in_block(const struct block *block, size_t column)
{
    return block->fit->shown[column] && (column == 0 || (column >= block->begin && column < block->end));
}

/* A cell cut to its column, padded unless it ends the line. A number is not cut: it would be another one. */
static void write_cell(const struct table *table, const char *text, size_t column, size_t width, bool title, bool last)
{
    char safe[CELL_MOST], cut[CELL_MOST + 4];
    const struct column *about = &table->columns[column];
    bool right = about->kind == COLUMN_NUMBER;
    text_escape(safe, sizeof safe, text);
    (about->kind == COLUMN_PATH && !title ? text_shorten_left : text_shorten)(cut, sizeof cut, safe,
                                                                              right && !title ? 0 : width);
    size_t used = text_width(cut);
    int blanks = used < width ? (int)(width - used) : 0;
    if (right)
        fprintf(table->out, "%*s%s", blanks, "", cut);
    else
        fprintf(table->out, "%s%*s", cut, last ? 0 : blanks, "");
}

static void write_prose(const struct table *table, const char *text, size_t column)
{
    char safe[CELL_MOST];
    text_escape(safe, sizeof safe, text);
    text_wrap(table->out, safe, (struct wrap){.width = table->limit, .column = column, .indent = column});
}

/* One line without blanks at its end. */
static void write_line(const struct table *table, const char *const *row, const struct block *block, bool title)
{
    size_t count = table->column_count, at = 0;
    while (count && (!in_block(block, count - 1) || row[count - 1][0] == '\0'))
        count--;
    for (size_t i = 0; i < count; i++) {
        if (!in_block(block, i))
            continue;
        if (i)
            fprintf(table->out, "%*s", COLUMN_GAP, "");
        at += i ? COLUMN_GAP : 0;
        if (table->columns[i].kind == COLUMN_PROSE && i + 1 == count)
            write_prose(table, row[i], at);
        else
            write_cell(table, row[i], i, block->fit->widths[i], title, i + 1 == count);
        at += block->fit->widths[i];
    }
    putc('\n', table->out);
}

enum { TITLE_LINES = 4, TITLE_MOST = 256 };

/* The words of a title in lines of at most `width` columns; how many lines, from 1. */
static size_t split_title(char out[TITLE_LINES][TITLE_MOST], const char *title, size_t width)
{
    size_t line = 0;
    out[0][0] = '\0';
    while (*title) {
        char word[TITLE_MOST], longer[2 * TITLE_MOST + 1];
        size_t length = strcspn(title, " ");
        snprintf(word, sizeof word, "%.*s", (int)length, title);
        snprintf(longer, sizeof longer, "%s%s%s", out[line], out[line][0] ? " " : "", word);
        if (out[line][0] && text_width(longer) > width && line + 1 < TITLE_LINES)
            snprintf(out[++line], TITLE_MOST, "%s", word);
        else
            snprintf(out[line], TITLE_MOST, "%.*s", TITLE_MOST - 1, longer);
        title += length;
        title += strspn(title, " ");
    }
    return line + 1;
}

/* The titles end on the same line. */
static void write_titles(const struct table *table, const struct block *block)
{
    const char *row[TABLE_COLUMNS_MOST];
    char parts[TITLE_LINES][TITLE_MOST], texts[TABLE_COLUMNS_MOST][TITLE_MOST];
    size_t lines = 1;
    for (size_t i = 0; i < table->column_count && block->fit->wrapped; i++) {
        size_t count = in_block(block, i) ? split_title(parts, table->columns[i].title, block->fit->widths[i]) : 1;
        lines = count > lines ? count : lines;
    }
    for (size_t line = 0; line < lines; line++) {
        for (size_t i = 0; i < table->column_count; i++) {
            row[i] = table->columns[i].title;
            if (!block->fit->wrapped || !in_block(block, i))
                continue;
            size_t count = split_title(parts, table->columns[i].title, block->fit->widths[i]), from = lines - count;
            snprintf(texts[i], TITLE_MOST, "%s", line >= from ? parts[line - from] : "");
            row[i] = texts[i];
        }
        write_line(table, row, block, true);
    }
}

/* The next block begins at *begin, and takes as many columns as the limit allows. */
static struct block next_block(const struct table *table, const struct table_fit *fit, size_t begin)
{
    struct block block = {fit, begin, begin};
    size_t used = fit->shown[0] ? fit->widths[0] : 0;
    for (size_t i = begin; i < table->column_count; i++) {
        size_t more = fit->shown[i] ? COLUMN_GAP + fit->widths[i] : 0;
        if (table->limit && block.end > begin && used + more > table->limit)
            break;
        used += more;
        block.end = i + 1;
    }
    return block;
}

static void write_rule(const struct table *table, const struct block *block)
{
    size_t all = 0;
    for (size_t i = 0; i < table->column_count; i++)
        if (in_block(block, i))
            all += block->fit->widths[i] + (all ? COLUMN_GAP : 0);
    for (size_t dash = 0; dash < all; dash++)
        putc('-', table->out);
    putc('\n', table->out);
}

static void write_text(const struct table *table)
{
    struct table_fit fit;
    size_t cells[TABLE_COLUMNS_MOST];
    for (size_t i = 0; i < table->column_count; i++)
        cells[i] = cell_width(table, i);
    table_fit(&fit, table->columns, cells, table->column_count, table->limit);
    size_t begin = 1;
    do {
        struct block block = next_block(table, &fit, begin);
        if (begin > 1)
            putc('\n', table->out);
        write_titles(table, &block);
        for (size_t i = 0; i < table->cell_count; i += table->column_count) {
            if (table->cells[i])
                write_line(table, (const char *const *)table->cells + i, &block, false);
            else
                write_rule(table, &block);
        }
        begin = block.end;
    } while (begin < table->column_count);
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

/* ---- rows as they come ------------------------------------------------------------------------------------------- */

struct live_table {
    struct table table; /* without cells */
    struct table_fit fit;
};

enum status live_table_create(struct live_table **out, FILE *stream, const struct column *columns, const size_t *cells,
                              size_t count, struct error *err)
{
    void *memory;
    enum status status = memory_alloc(&memory, 1, sizeof **out, "a table", err);
    if (status != OK)
        return status;
    struct live_table *live = memory;
    table_start(&live->table, stream, TABLE_TEXT, columns, count);
    table_fit(&live->fit, columns, cells, count, live->table.limit);
    *out = live;
    return OK;
}

/* A row cannot be folded: what has no room in the first block is left out. */
static struct block live_block(const struct live_table *live)
{
    return next_block(&live->table, &live->fit, 1);
}

void live_table_titles(const struct live_table *live)
{
    const struct block block = live_block(live);
    write_titles(&live->table, &block);
}

void live_table_row(const struct live_table *live, const char *const *cells)
{
    const struct block block = live_block(live);
    write_line(&live->table, cells, &block, false);
}

void live_table_destroy(struct live_table *live)
{
    memory_free(live);
}
