/* Who was taken for whom: the confusion matrix, the most frequent confusions, and the table of the classes. */
#include "cli/run/page/page_measured.h"
#include "cli/run/page/page_words.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/report/html/html_chart.h"
#include "cli/report/html/html_matrix.h"
#include "cli/report/html/html_page.h"
#include "cli/report/html/html_text.h"
#include "core/base/memory.h"
#include "core/train/statistics.h"

/* With more classes the top confusions come first, and the matrix opens on demand. */
enum { OPEN_CLASSES = 30, TOP = 10 };

struct pair {
    uint32_t label, predicted;
    uint64_t count;
};

/* The most frequent mistakes first, ties by class; at most TOP. */
static size_t find_top(struct pair top[TOP], const struct page_answers *answers)
{
    size_t count = 0, k = answers->classes;
    for (size_t cell = 0; cell < k * k; cell++) {
        uint64_t photos = answers->matrix[cell];
        if (cell / k == cell % k || photos == 0 || (count == TOP && photos <= top[TOP - 1].count))
            continue;
        size_t at = count < TOP ? count++ : TOP - 1;
        for (; at > 0 && top[at - 1].count < photos; at--)
            top[at] = top[at - 1];
        top[at] = (struct pair){(uint32_t)(cell / k), (uint32_t)(cell % k), photos};
    }
    return count;
}

static void put_top(FILE *out, const struct page_measured *measured, const bool *linked)
{
    struct pair top[TOP];
    const struct page_answers *a = &measured->answers;
    size_t count = find_top(top, a);
    if (count == 0)
        return;
    fputs("<h3>Most frequent confusions</h3>\n<div class=wide><table class=sort>\n<thead><tr><th class=name>class<th "
          "class=name>predicted as<th class=n>photos<th class=n>of the class</tr></thead>\n<tbody>\n",
          out);
    for (size_t i = 0; i < count; i++) {
        const struct pair *p = &top[i];
        double share = (double)p->count / (double)a->labelled[p->label];
        fputs("<tr><td class=name>", out);
        html_name(out, measured->classes->names[p->label]);
        fputs("<td class=name>", out);
        html_name(out, measured->classes->names[p->predicted]);
        fprintf(out, "<td class=n data-v=%llu>", (unsigned long long)p->count);
        if (linked[p->label * a->classes + p->predicted])
            fprintf(out, "<a href=\"#c%u-%u\">%llu</a>", p->label, p->predicted, (unsigned long long)p->count);
        else
            fprintf(out, "%llu", (unsigned long long)p->count);
        fprintf(out, "<td class=n data-v=%.6g>", share);
        page_put_percent(out, share);
        fputs("</tr>\n", out);
    }
    fputs("</tbody></table></div>\n", out);
}

static enum status mark_linked(bool **out, const struct page_answers *answers, struct error *err)
{
    void *linked;
    enum status status = memory_alloc(&linked, answers->classes * answers->classes, sizeof(bool), "the matrix", err);
    if (status != OK)
        return status;
    *out = linked;
    for (size_t i = 0; i < answers->chosen_count; i++)
        (*out)[answers->chosen[i].label * answers->classes + answers->chosen[i].predicted] = true;
    return OK;
}

enum status page_put_confusion(FILE *out, const struct page_measured *measured, struct error *err)
{
    const struct page_answers *a = &measured->answers;
    bool *linked, many = a->classes > OPEN_CLASSES;
    if (!a->matrix)
        return OK;
    enum status status = mark_linked(&linked, a, err);
    if (status != OK)
        return status;
    page_section(out, "confusion", "Confusion");
    fputs(
        "<p class=soft>Rows are the class, columns the answer. A cell shows those of its photos that are below.</p>\n",
        out);
    if (many)
        fprintf(out, "<details><summary>The matrix of all %zu classes</summary>\n", a->classes);
    matrix_write(out, a->matrix, linked, measured->classes->names, a->classes);
    if (many)
        fputs("</details>\n", out);
    if (a->classes > 4)
        put_top(out, measured, linked);
    page_section_end(out);
    memory_free(linked);
    return OK;
}

/* ---- the classes ------------------------------------------------------------------------------------------------- */

static double share_of(uint64_t part, uint64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : 0;
}

static void put_share(FILE *out, uint64_t part, uint64_t whole)
{
    if (whole == 0) {
        fputs("<td class=n data-v=-1>-", out);
        return;
    }
    fprintf(out, "<td class=n data-v=%.6g>", share_of(part, whole));
    page_put_percent(out, share_of(part, whole));
    fputs(" <small>", out);
    page_put_interval(out, part, whole);
    fputs("</small>", out);
}

void page_put_classes(FILE *out, const struct page_measured *measured)
{
    const struct page_answers *a = &measured->answers;
    page_section(out, "classes", "Classes");
    fprintf(out, "<p class=soft>Of the %s, with 95&nbsp;%% intervals. A click on a title sorts.</p>\n",
            measured->photos);
    fputs("<div class=wide><table class=sort id=by-class>\n<thead><tr><th class=name>class<th class=n>photos<th "
          "class=n>precision<th class=n>recall<th>recall<th class=n>F1</tr></thead>\n<tbody>\n",
          out);
    for (size_t i = 0; i < a->classes; i++) {
        struct interval interval = interval_of_share(a->hits[i], a->labelled[i], INTERVAL_95);
        double f1 = share_of(2 * a->hits[i], a->labelled[i] + a->predicted[i]);
        if (a->labelled[i] + a->predicted[i] == 0)
            continue;
        fputs("<tr><td class=name title=\"", out);
        html_text(out, measured->classes->names[i]);
        fputs("\">", out);
        html_name(out, measured->classes->names[i]);
        fprintf(out, "<td class=n data-v=%llu>%llu", (unsigned long long)a->labelled[i],
                (unsigned long long)a->labelled[i]);
        put_share(out, a->hits[i], a->predicted[i]);
        put_share(out, a->hits[i], a->labelled[i]);
        fprintf(out, "<td data-v=%.6g>", share_of(a->hits[i], a->labelled[i]));
        chart_bar(out, share_of(a->hits[i], a->labelled[i]), interval.low, interval.high);
        fprintf(out, "<td class=n data-v=%.6g>", f1);
        page_put_percent(out, f1);
        fputs("</tr>\n", out);
    }
    fputs("</tbody></table></div>\n", out);
    page_section_end(out);
}
