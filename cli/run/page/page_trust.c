/* Whether probabilities can be trusted: how often answers of a probability are right, and how accurate the answers are
 * when only the surer ones are given. */
#include "cli/run/page/page_measured.h"
#include "cli/run/page/page_words.h"

#include "cli/report/html/html_chart.h"
#include "cli/report/html/html_page.h"
#include "core/train/statistics.h"

/* The bins of one reliability that hold answers. */
struct dots {
    double x[RELIABILITY_BINS], y[RELIABILITY_BINS], low[RELIABILITY_BINS], high[RELIABILITY_BINS];
    size_t count;
};

static void dots_of(struct dots *out, const struct reliability *reliability)
{
    out->count = 0;
    for (size_t i = 0; i < RELIABILITY_BINS; i++) {
        const struct reliability_bin *bin = &reliability->bins[i];
        if (bin->count == 0)
            continue;
        struct interval interval = interval_of_share(bin->right, bin->count, INTERVAL_95);
        out->x[out->count] = bin->confidence / (double)bin->count;
        out->y[out->count] = (double)bin->right / (double)bin->count;
        out->low[out->count] = interval.low;
        out->high[out->count++] = interval.high;
    }
}

static struct chart_line line_of(const struct dots *dots, const char *name, int colour)
{
    return (struct chart_line){.name = name,
                               .x = dots->x,
                               .y = dots->y,
                               .count = dots->count,
                               .low = dots->low,
                               .high = dots->high,
                               .colour = colour,
                               .dots_only = true};
}

static void put_reliability(FILE *out, const struct page_measured *measured)
{
    struct dots dots, calibrated;
    bool both = measured->calibration.reliability.count > 0;
    dots_of(&dots, &measured->answers.reliability);
    dots_of(&calibrated, &measured->calibration.reliability);
    const struct chart_line lines[] = {line_of(&dots, both ? "as the network gives them" : "right answers", 0),
                                       line_of(&calibrated, "at the temperature", 3)};
    const struct chart chart = {.title = "Reliability",
                                .x_name = "probability of the answer",
                                .y_name = "",
                                .lines = lines,
                                .line_count = both ? 2 : 1,
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

static void put_bins(FILE *out, const struct reliability *reliability)
{
    fputs("<details><summary>The numbers of the bins</summary><div class=wide><table id=bins>\n<thead><tr><th "
          "class=n>probability<th class=n>photos<th class=n>mean probability<th class=n>right</tr></thead>\n<tbody>\n",
          out);
    for (size_t i = 0; i < RELIABILITY_BINS; i++) {
        const struct reliability_bin *bin = &reliability->bins[i];
        if (bin->count == 0)
            continue;
        fprintf(out, "<tr><td class=n>%.3f to %.3f<td class=n>%zu<td class=n>", (double)i / RELIABILITY_BINS,
                (double)(i + 1) / RELIABILITY_BINS, bin->count);
        page_put_percent(out, bin->confidence / (double)bin->count);
        fputs("<td class=n>", out);
        page_put_percent(out, (double)bin->right / (double)bin->count);
        fputs("</tr>\n", out);
    }
    fputs("</tbody></table></div></details>\n", out);
}

/* What the temperature does to these photos, on which it may have been fitted. */
static void put_temperature(FILE *out, const struct page_measured *measured)
{
    const struct page_calibration *c = &measured->calibration;
    if (measured->parts) {
        fputs("<p>Each photo was answered by a model that was not trained on it.</p>\n", out);
        return;
    }
    if (!c->known) {
        fputs("<p><code>freezetune eval --calibrate --model RUN</code> fits a temperature that brings them closer, and "
              "<code>predict --error</code> then answers only what it is sure of.</p>\n",
              out);
        return;
    }
    fprintf(out, "<p>The model has the temperature <b id=temperature>%.4g</b>, by which predict divides the logits.",
            c->temperature);
    if (c->reliability.count > 0)
        fprintf(out,
                " With it the error on these photos is <b id=ece_calibrated>%.1f&nbsp;%%</b>; where it was fitted on "
                "them, new photos will fare a little worse.",
                100 * reliability_ece(&c->reliability));
    fputs("</p>\n", out);
}

void page_put_trust(FILE *out, const struct page_measured *measured)
{
    page_section(out, "trust", "Can the probabilities be trusted?");
    fprintf(out,
            "<p>The expected calibration error is <b id=ece>%.1f&nbsp;%%</b>: by so much the mean probability and the "
            "share of right answers differ, over %d bins of equal width. Dots on the dashed line are honest; below it "
            "answers are less often right than they claim.</p>\n",
            100 * reliability_ece(&measured->answers.reliability), RELIABILITY_BINS);
    put_temperature(out, measured);
    fputs("<div class=charts>\n", out);
    put_reliability(out, measured);
    put_coverage(out, &measured->answers);
    fputs("</div>\n", out);
    put_bins(out, &measured->answers.reliability);
    page_section_end(out);
}
