#include "cli/report/html/html_matrix.h"

#include "cli/report/html/html_text.h"

/* With more classes than these, only the count stands in a cell, and titles are upright. */
enum { WIDE_CLASSES = 10 };

static void put_heading(FILE *out, const char *scope, const char *name)
{
    fprintf(out, "<th scope=%s title=\"", scope);
    html_text(out, name);
    fputs("\">", out);
    html_name(out, name);
    fputs("</th>", out);
}

static void put_cell(FILE *out, uint64_t count, uint64_t whole, size_t row, size_t column, bool linked,
                     char *const *names)
{
    double share = whole > 0 ? (double)count / (double)whole : 0;
    fprintf(out, "<td class=\"%s%s\"", row == column ? "d" : "", count == 0 ? " z" : "");
    if (count > 0)
        fprintf(out, " style=\"--s:%.3f\"", 0.08 + 0.92 * share);
    fprintf(out, linked ? "><a href=\"#c%zu-%zu\" title=\"" : "><span title=\"", row, column);
    html_text(out, names[row]);
    fputs(row == column ? ", right" : ", predicted as ", out);
    if (row != column)
        html_text(out, names[column]);
    fprintf(out, "\">%llu", (unsigned long long)count);
    if (count > 0)
        fprintf(out, " <small>%.0f%%</small>", 100 * share);
    fputs(linked ? "</a></td>" : "</span></td>", out);
}

void matrix_write(FILE *out, const uint64_t *counts, const bool *linked, char *const *names, size_t classes)
{
    fprintf(out, "<div class=wide><table class=\"m%s\" id=matrix>\n<thead><tr><td></td>",
            classes > WIDE_CLASSES ? " many" : "");
    for (size_t k = 0; k < classes; k++)
        put_heading(out, "col", names[k]);
    fputs("</tr></thead>\n<tbody>\n", out);
    for (size_t row = 0; row < classes; row++) {
        const uint64_t *cells = counts + row * classes;
        uint64_t whole = 0;
        for (size_t k = 0; k < classes; k++)
            whole += cells[k];
        fputs("<tr>", out);
        put_heading(out, "row", names[row]);
        for (size_t k = 0; k < classes; k++)
            put_cell(out, cells[k], whole, row, k, linked && linked[row * classes + k], names);
        fputs("</tr>\n", out);
    }
    fputs("</tbody></table></div>\n", out);
}
