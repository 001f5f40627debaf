/* Whether probabilities can be trusted: how often answers of a probability are right, and how accurate the answers are
 * when only the surer ones are given. */
#include "cli/run/page/page_parts.h"

#include <math.h>

#include "cli/report/html/html_chart.h"
#include "cli/report/html/html_page.h"
#include "core/train/statistics.h"

static void put_reliability(FILE *out, const struct page_answers *a)
{
    double x[PAGE_BINS], y[PAGE_BINS], low[PAGE_BINS], high[PAGE_BINS];
    size_t n = 0;
    for (size_t i = 0; i < PAGE_BINS; i++) {
        const struct page_bin *bin = &a->bins[i];
        if (bin->count == 0)
            continue;
        struct interval interval = interval_of_share(bin->right, bin->count, INTERVAL_95);
        x[n] = bin->sum / (double)bin->count;
        y[n] = (double)bin->right / (double)bin->count;
        low[n] = interval.low;
        high[n++] = interval.high;
    }
    const struct chart_line line = {
        .name = "right answers", .x = x, .y = y, .count = n, .low = low, .high = high, .dots_only = true};
    const struct chart chart = {.title = "Reliability",
                                .x_name = "probability of the answer",
                                .y_name = "",
                                .lines = &line,
                                .line_count = 1,
                                .x_high = 1,
                                .y_high = 1,
                                .percent = true,
                                .x_percent = true,
                                .diagonal = true};
    chart_write(out, &chart);
}

/* By the share of photos that are answered: the surest first. */
static void put_coverage(FILE *out, const struct page_answers *a)
{
    double x[PAGE_FINE], y[PAGE_FINE];
    size_t n = 0;
    uint64_t count = 0, right = 0;
    for (size_t i = PAGE_FINE; i-- > 0;) {
        if (a->fine[i].count == 0)
            continue;
        count += a->fine[i].count;
        right += a->fine[i].right;
        x[n] = (double)count / (double)a->count;
        y[n++] = (double)right / (double)count;
    }
    const struct chart_line line = {.name = "accuracy of the answers given", .x = x, .y = y, .count = n, .colour = 2};
    const struct chart chart = {.title = "Coverage",
                                .x_name = "share of photos answered, surest first",
                                .y_name = "",
                                .lines = &line,
                                .line_count = 1,
                                .x_high = 1,
                                .y_low = 1,
                                .y_high = 1,
                                .percent = true,
                                .x_percent = true};
    chart_write(out, &chart);
}

static void put_bins(FILE *out, const struct page_answers *a)
{
    fputs("<details><summary>The numbers of the bins</summary><div class=wide><table id=bins>\n<thead><tr><th "
          "class=n>probability<th class=n>photos<th class=n>mean probability<th class=n>right</tr></thead>\n<tbody>\n",
          out);
    for (size_t i = 0; i < PAGE_BINS; i++) {
        const struct page_bin *bin = &a->bins[i];
        if (bin->count == 0)
            continue;
        fprintf(out, "<tr><td class=n>%.3f to %.3f<td class=n>%llu<td class=n>", (double)i / PAGE_BINS,
                (double)(i + 1) / PAGE_BINS, (unsigned long long)bin->count);
        page_put_percent(out, bin->sum / (double)bin->count);
        fputs("<td class=n>", out);
        page_put_percent(out, (double)bin->right / (double)bin->count);
        fputs("</tr>\n", out);
    }
    fputs("</tbody></table></div></details>\n", out);
}

enum status page_put_trust(FILE *out, const struct page_run *run, struct error *err)
{
    const struct page_answers *a = &run->answers;
    (void)err;
    if (!run->answered)
        return OK;
    page_section(out, "trust", "Can the probabilities be trusted?");
    fprintf(out,
            "<p>The expected calibration error is <b id=ece>%.1f&nbsp;%%</b>: by so much the mean probability and the "
            "share of right answers differ, over %d bins of equal width. Dots on the dashed line are honest; below it "
            "answers are less often right than they claim.</p>\n",
            100 * page_answers_ece(a), PAGE_BINS);
    fputs("<div class=charts>\n", out);
    put_reliability(out, a);
    put_coverage(out, a);
    fputs("</div>\n", out);
    put_bins(out, a);
    page_section_end(out);
    return OK;
}
