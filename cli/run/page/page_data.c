/* What went in: photos that could not be read, those that occur twice, photos by class, and some as augmented. */
#include "cli/run/page/page_parts.h"

#include <string.h>

#include "cli/report/html/html_page.h"
#include "cli/report/html/html_text.h"
#include "cli/run/run_file.h"
#include "cli/shell/cell.h"
#include "cli/shell/numbers.h"
#include "core/base/memory.h"

enum { TABLE_MOST = 64 << 20, ROWS = 50, CLASSES_OPEN = 30 };

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
    char *text, count[NUMBER_TEXT];
    size_t size;
    enum status status = run_file_read(&text, &size, run->folder, name, TABLE_MOST, err);
    if (!text)
        return status;
    size_t rows = lines_of(text);
    if (rows > 1) {
        fprintf(out, "<h3>%s: %s</h3>\n<div class=wide><table>\n<thead>", title, number_count(count, rows - 1));
        put_rows(out, text);
        fputs("</tbody></table></div>\n", out);
    } else {
        fprintf(out, "<p>%s: none.</p>\n", title);
    }
    if (rows > ROWS + 1)
        fprintf(out, "<p class=soft>The first %d; all are in %s.</p>\n", ROWS, name);
    memory_free(text);
    return status;
}

/* ---- the photos that were given ---------------------------------------------------------------------------------- */

static void put_counts(FILE *out, const struct page_run *run)
{
    const struct page_training *t = &run->training;
    char train[NUMBER_TEXT], val[NUMBER_TEXT];
    bool many = t->classes > CLASSES_OPEN;
    fputs(many ? "<details><summary>Photos by class</summary>" : "<h3>Photos by class</h3>", out);
    fputs("<div class=wide><table id=given>\n<thead><tr><th>class<th class=n>training<th class=n>validation"
          "</tr></thead>\n<tbody>\n",
          out);
    for (size_t i = 0; i < t->classes; i++) {
        fputs("<tr><td>", out);
        html_name(out, run->classes.names[i]);
        fprintf(out, "<td class=n>%s<td class=n>%s</tr>\n", number_count(train, t->train[i]),
                number_count(val, t->val[i]));
    }
    fputs("</tbody></table></div>\n", out);
    if (many)
        fputs("</details>\n", out);
}

static void put_batch(FILE *out, const struct page_run *run, size_t room)
{
    const struct page_training *t = &run->training;
    if (t->shown_count == 0 || html_base64_size(t->shown[0].size) > room)
        return;
    fputs("<h3>Training photos of the first epoch, as the network saw them</h3>\n<div class=g>\n", out);
    for (size_t i = 0; i < t->shown_count; i++) {
        size_t size = html_base64_size(t->shown[i].size);
        if (size > room)
            break;
        room -= size;
        fputs("<div class=b><span class=pic><img alt=\"\" src=\"data:image/jpeg;base64,", out);
        html_base64(out, t->shown[i].jpeg, t->shown[i].size);
        fputs("\"></span>", out);
        html_name(out, run->classes.names[t->shown[i].class]);
        fputs("</div>\n", out);
    }
    fputs("</div>\n", out);
}

enum status page_put_data(FILE *out, const struct page_run *run, size_t room, struct error *err)
{
    if (!run->answered)
        return OK;
    page_section(out, "data-found", "Data");
    enum status status = put_table(out, run, "bad_images.tsv", "Photos that could not be read or are damaged", err);
    if (status == OK)
        status = put_table(out, run, "duplicates.tsv", "Photos with the same bytes", err);
    if (status == OK && run->training.why) {
        fputs("<p class=alert>Without photos by class: ", out);
        html_text(out, run->training.why);
        fputs("</p>\n", out);
    }
    if (status == OK && run->training.known) {
        put_counts(out, run);
        put_batch(out, run, room);
    }
    page_section_end(out);
    return status;
}
