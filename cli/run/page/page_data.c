/* What went in: photos by class, those that could not be read, and those that occur twice. */
#include "cli/run/page/page_parts.h"

#include <string.h>

#include "cli/report/html/html_page.h"
#include "cli/report/html/html_text.h"
#include "cli/shell/cell.h"
#include "cli/shell/numbers.h"
#include "core/base/file.h"
#include "core/base/memory.h"

enum { TABLE_MOST = 64 << 20, ROWS = 50 };

/* Ends the cell at `at` with a NUL; returns the next one of the line, or NULL. */
static char *end_cell(char *at)
{
    at = strchr(at, '\t');
    if (!at)
        return NULL;
    *at = '\0';
    return at + 1;
}

static void put_row(FILE *out, char *line, bool head)
{
    fputs("<tr>", out);
    for (char *cell = line, *next; cell; cell = next) {
        next = end_cell(cell);
        fputs(head ? "<th>" : "<td>", out);
        html_name(out, cell_undo(cell));
    }
    fputs("</tr>\n", out);
}

static size_t put_rows(FILE *out, char *text)
{
    size_t count = 0;
    for (char *line = text, *end; *line; line = end, count++) {
        end = line + strcspn(line, "\n");
        if (*end)
            *end++ = '\0';
        if (count <= ROWS)
            put_row(out, line, count == 0);
        if (count == 0)
            fputs("</thead><tbody>\n", out);
    }
    return count;
}

static size_t lines_of(const char *text)
{
    size_t lines = 0;
    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

/* A TSV file of the folder as a table of at most ROWS rows; nothing where it does not exist. */
static enum status put_table(FILE *out, const struct page_run *run, const char *name, const char *title,
                             struct error *err)
{
    char *path, count[NUMBER_TEXT];
    uint8_t *text = NULL;
    size_t size;
    enum status status = path_join(&path, run->folder, name, err);
    if (status != OK)
        return status;
    status = file_read(&text, &size, path, TABLE_MOST, err);
    memory_free(path);
    if (status == ERR_NOINPUT)
        return OK;
    size_t rows = status == OK ? lines_of((const char *)text) : 0;
    if (rows > 1) {
        fprintf(out, "<h3>%s: %s</h3>\n<div class=wide><table>\n<thead>", title, number_count(count, rows - 1));
        put_rows(out, (char *)text);
        fputs("</tbody></table></div>\n", out);
    } else if (status == OK) {
        fprintf(out, "<p>%s: none.</p>\n", title);
    }
    if (rows > ROWS + 1)
        fprintf(out, "<p class=soft>The first %d; all are in %s.</p>\n", ROWS, name);
    memory_free(text);
    return status;
}

enum status page_put_data(FILE *out, const struct page_run *run, struct error *err)
{
    if (!run->answered)
        return OK;
    page_section(out, "data-found", "Data");
    enum status status = put_table(out, run, "bad_images.tsv", "Photos that could not be read or are damaged", err);
    if (status == OK)
        status = put_table(out, run, "duplicates.tsv", "Photos with the same bytes", err);
    page_section_end(out);
    return status;
}
