#include "cli/run/page/page_words.h"

#include <stdbool.h>
#include <string.h>

#include "cli/report/html/html_text.h"
#include "cli/run/run_file.h"
#include "cli/shell/numbers.h"
#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/train/statistics.h"

void page_put_percent(FILE *out, double share)
{
    fprintf(out, "%.1f&nbsp;%%", 100 * share);
}

void page_put_interval(FILE *out, size_t right, size_t count)
{
    struct interval interval = interval_of_share(right, count, INTERVAL_95);
    fprintf(out, "%.1f to %.1f&nbsp;%%", 100 * interval.low, 100 * interval.high);
}

void page_put_figure(FILE *out, const char *value, const char *name)
{
    fprintf(out, "<div><b>%s</b><span>%s</span></div>\n", value, name);
}

void page_put_accuracy(FILE *out, size_t right, size_t count, const char *photos)
{
    char good[NUMBER_TEXT], all[NUMBER_TEXT];
    fputs("<div class=first><b id=accuracy>", out);
    page_put_percent(out, (double)right / (double)count);
    fputs("</b><span>accuracy, 95&nbsp;% interval ", out);
    page_put_interval(out, right, count);
    fprintf(out, "<br>%s of %s %s right</span></div>\n", number_count(good, right), number_count(all, count), photos);
}

void page_put_fact(FILE *out, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    fprintf(out, "<dt>%s</dt><dd>", name);
    html_text(out, value);
    fputs("</dd>\n", out);
}

enum status page_put_run(FILE *out, const char *folder, const char *name, struct error *err)
{
    char *path;
    bool there;
    enum status status = path_join(&path, folder, name, err);
    if (status != OK)
        return status;
    status = run_file_exists(&there, path, "report.html", err);
    memory_free(path);
    if (status != OK)
        return status;
    if (there) {
        fputs("<a href=\"", out);
        html_text(out, name);
        fputs("/report.html\">", out);
    }
    html_name(out, name);
    fputs(there ? "</a>" : "", out);
    return OK;
}

void page_put_command(FILE *out, const char *what, const char *command)
{
    bool inside = false;
    fprintf(out, "<p class=soft>%s</p>\n<pre class=command>", what);
    for (const char *at = command; *at;) {
        size_t length = strcspn(at + 1, " ") + 1;
        char piece[400];
        inside = strncmp(at, " --", 3) == 0 && length < sizeof piece;
        snprintf(piece, sizeof piece, "%.*s", (int)(length < sizeof piece ? length : sizeof piece - 1), at);
        at += strlen(piece);
        /* A browser would break a line behind the hyphens. */
        fputs(inside ? " <span>" : "", out);
        html_text(out, inside ? piece + 1 : piece);
        fputs(inside ? "</span>" : "", out);
    }
    fputs("</pre>\n", out);
}
