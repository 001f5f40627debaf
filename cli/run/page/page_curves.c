/* The curves of a run: loss and accuracy by epoch, with the stages of freezing and the best epoch; the rate; the test
 * of rates of --lr find; and the table behind them. */
#include "cli/run/page/page_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/report/html/html_chart.h"
#include "cli/report/html/html_page.h"
#include "cli/report/html/html_text.h"
#include "cli/run/run_file.h"
#include "core/base/csv.h"
#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/base/text.h"

enum { STAGES_MOST = OPTION_LIST_MOST + 2, STAGE_NAME = 64, LR_FIND_MOST = 1 << 20 };

/* Columns of metrics.csv, each an array. */
struct columns {
    double *epoch, *train_loss, *val_loss, *train_accuracy, *val_accuracy, *lr;
};

static enum status split_columns(struct columns *out, const struct page_run *run, struct error *err)
{
    void *memory;
    size_t n = run->row_count;
    enum status status = memory_alloc(&memory, 6 * n, sizeof(double), "the curves", err);
    if (status != OK)
        return status;
    double *at = memory;
    *out = (struct columns){at, at + n, at + 2 * n, at + 3 * n, at + 4 * n, at + 5 * n};
    for (size_t i = 0; i < n; i++) {
        const struct metrics_row *row = &run->rows[i];
        out->epoch[i] = (double)row->epoch;
        out->train_loss[i] = row->train_loss;
        out->val_loss[i] = row->val_loss;
        out->train_accuracy[i] = row->train_accuracy;
        out->val_accuracy[i] = row->val_accuracy;
        out->lr[i] = row->lr;
    }
    return OK;
}

/* ---- stages ------------------------------------------------------------------------------------------------------ */

struct stages {
    struct chart_band bands[STAGES_MOST];
    char names[STAGES_MOST][STAGE_NAME];
    size_t count;
};

static void add_stage(struct stages *stages, double from, const char *until)
{
    size_t i = stages->count;
    if (i == STAGES_MOST)
        return;
    snprintf(stages->names[i], STAGE_NAME, strcmp(until, "0") == 0 ? "all trained" : "1 to %.40s frozen", until);
    stages->bands[i] = (struct chart_band){from, HUGE_VAL, stages->names[i]};
    stages->count++;
}

static int by_from(const void *a, const void *b)
{
    double x = ((const struct chart_band *)a)->from, y = ((const struct chart_band *)b)->from;
    return x < y ? -1 : x > y;
}

/* Which freeze point holds in which epochs, by --freeze-until, --head-first and --unfreeze-at. One stage alone is
 * said in the verdict. */
static void find_stages(struct stages *out, const struct page_run *run)
{
    const struct train_values *v = run->values;
    *out = (struct stages){0};
    if (v->head_first > 0) {
        add_stage(out, 0, "9");
        add_stage(out, (double)v->head_first, v->freeze_until);
    } else {
        add_stage(out, 0, v->freeze_until);
    }
    for (size_t i = 0; i < v->unfreeze_at.count; i++) {
        const char *text = v->unfreeze_at.texts[i], *colon = strchr(text, ':');
        char *end;
        double epoch = strtod(text, &end);
        if (colon && end == colon && epoch >= 1)
            add_stage(out, epoch - 1, colon + 1);
    }
    qsort(out->bands, out->count, sizeof *out->bands, by_from);
    for (size_t i = 0; i + 1 < out->count; i++)
        out->bands[i].to = out->bands[i + 1].from;
    if (out->count < 2)
        out->count = 0;
}

/* ---- charts ------------------------------------------------------------------------------------------------------ */

static void frame_epochs(struct chart *chart, const struct page_run *run, const struct stages *stages)
{
    chart->x_name = "epoch";
    chart->x_high = (double)run->rows[run->row_count - 1].epoch;
    chart->x_whole = true;
    chart->bands = stages->bands;
    chart->band_count = stages->count;
    chart->mark = run->best > 0;
    chart->mark_at = run->best > 0 ? (double)run->rows[run->best - 1].epoch : 0;
    chart->mark_name = "best";
}

static void put_loss(FILE *out, const struct page_run *run, const struct columns *c, const struct stages *stages)
{
    const struct chart_line lines[] = {
        {.name = "training", .x = c->epoch, .y = c->train_loss, .count = run->row_count, .colour = 1},
        {.name = "validation", .x = c->epoch, .y = c->val_loss, .count = run->row_count, .colour = 0},
        {.name = "steps", .x = run->steps.x, .y = run->steps.y, .count = run->steps.count, .colour = 1, .thin = true}};
    struct chart chart = {.title = "Loss", .y_name = "", .lines = lines, .line_count = run->steps.count > 0 ? 3 : 2};
    frame_epochs(&chart, run, stages);
    chart_write(out, &chart);
}

static void put_accuracy(FILE *out, const struct page_run *run, const struct columns *c, const struct stages *stages)
{
    const struct chart_line lines[] = {
        {.name = "training", .x = c->epoch, .y = c->train_accuracy, .count = run->row_count, .colour = 1},
        {.name = "validation", .x = c->epoch, .y = c->val_accuracy, .count = run->row_count, .colour = 0}};
    struct chart chart = {
        .title = "Accuracy", .y_name = "", .lines = lines, .line_count = 2, .y_low = 1, .y_high = 1, .percent = true};
    frame_epochs(&chart, run, stages);
    chart_write(out, &chart);
}

static void put_rate(FILE *out, const struct page_run *run, const struct columns *c, const struct stages *stages)
{
    const struct chart_line line = {
        .name = "rate of the last step", .x = c->epoch, .y = c->lr, .count = run->row_count, .colour = 5};
    struct chart chart = {.title = "Learning rate", .y_name = "", .lines = &line, .line_count = 1, .short_one = true};
    frame_epochs(&chart, run, stages);
    chart.mark = false;
    chart_write(out, &chart);
}

/* ---- lr_find.csv ------------------------------------------------------------------------------------------------- */

struct rates {
    double *lr, *loss, *smoothed;
    size_t count, room;
};

static enum status add_rate(struct rates *rates, const double cells[3], struct error *err)
{
    void *memory = rates->lr;
    size_t room = rates->room;
    enum status status = memory_grow(&memory, &room, 3 * (rates->count + 1), sizeof(double), "the test of rates", err);
    if (status != OK)
        return status;
    rates->lr = memory;
    rates->room = room;
    memcpy(rates->lr + 3 * rates->count++, cells, 3 * sizeof(double));
    return OK;
}

/* From rows of three to three columns. */
static enum status turn(struct rates *rates, struct error *err)
{
    void *memory;
    size_t n = rates->count;
    enum status status = memory_alloc(&memory, 3 * n, sizeof(double), "the test of rates", err);
    if (status != OK)
        return status;
    double *to = memory;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < 3; k++)
            to[k * n + i] = rates->lr[3 * i + k];
    memory_free(rates->lr);
    rates->lr = to;
    rates->loss = to + n;
    rates->smoothed = to + 2 * n;
    return OK;
}

static enum status read_rates(struct rates *out, const char *text, size_t size, struct error *err)
{
    static const char *const titles[] = {"lr", "loss", "smoothed"};
    struct csv csv;
    struct csv_row row;
    size_t columns[3];
    enum status status = csv_open(&csv, text, size, "lr_find.csv", false, err);
    if (status != OK)
        return status;
    status = csv_next(&row, &csv, err);
    for (int i = 0; i < 3 && status == OK; i++)
        if ((columns[i] = csv_find(&row, titles[i])) == CSV_NO_COLUMN)
            status = error_set(err, ERR_DATA, "lr_find.csv: has no column '%s'", titles[i]);
    while (status == OK && (status = csv_next(&row, &csv, err)) == OK && row.count > 0) {
        double cells[3];
        bool good = true;
        for (int i = 0; i < 3; i++)
            good = good && text_to_double(&cells[i], row.cells[columns[i]]);
        if (good && cells[0] > 0)
            status = add_rate(out, cells, err);
    }
    csv_close(&csv);
    return status == OK ? turn(out, err) : status;
}

static void put_rates_chart(FILE *out, const struct rates *rates, double chosen)
{
    const struct chart_line lines[] = {
        {.name = "smoothed", .x = rates->lr, .y = rates->smoothed, .count = rates->count, .colour = 3},
        {.name = "loss", .x = rates->lr, .y = rates->loss, .count = rates->count, .colour = 3, .thin = true}};
    const struct chart chart = {.title = "Search for the rate",
                                .x_name = "learning rate",
                                .y_name = "",
                                .lines = lines,
                                .line_count = 2,
                                .x_low = rates->lr[0],
                                .x_high = rates->lr[rates->count - 1],
                                .y_low = rates->smoothed[0],
                                .y_high = rates->smoothed[0],
                                .x_log = true,
                                .short_one = true,
                                .mark = chosen > 0,
                                .mark_at = chosen,
                                .mark_name = "chosen"};
    chart_write(out, &chart);
}

static enum status put_rates(FILE *out, const struct page_run *run, struct error *err)
{
    struct rates rates = {0};
    char *text;
    size_t size;
    enum status status = run_file_read(&text, &size, run->folder, "lr_find.csv", LR_FIND_MOST, err);
    if (!text)
        return status;
    status = read_rates(&rates, text, size, err);
    if (status == OK && rates.count > 1)
        put_rates_chart(out, &rates, run->over ? run->result.lr : run->values->lr);
    memory_free(rates.lr);
    memory_free(text);
    return status;
}

/* ---- the section ------------------------------------------------------------------------------------------------- */

static void put_table(FILE *out, const struct page_run *run)
{
    fputs(
        "<details><summary>The numbers of each epoch</summary><div class=wide><table id=epochs>\n<thead><tr>"
        "<th class=n>epoch<th class=n>rate<th class=n>training loss<th class=n>training accuracy<th class=n>validation "
        "loss<th class=n>validation accuracy<th class=n>macro-F1<th class=n>seconds</tr></thead>\n<tbody>\n",
        out);
    for (size_t i = 0; i < run->row_count; i++) {
        const struct metrics_row *row = &run->rows[i];
        fprintf(out,
                "<tr%s><td class=n>%zu<td class=n>%.3g<td class=n>%.4f<td class=n>%.1f&nbsp;%%<td class=n>%.4f<td "
                "class=n>%.1f&nbsp;%%<td class=n>%.1f&nbsp;%%<td class=n>%.2f</tr>\n",
                i + 1 == run->best ? " class=pick" : "", row->epoch, row->lr, row->train_loss,
                100 * row->train_accuracy, row->val_loss, 100 * row->val_accuracy, 100 * row->macro_f1, row->seconds);
    }
    fputs("</tbody></table></div></details>\n", out);
}

enum status page_put_curves(FILE *out, const struct page_run *run, struct error *err)
{
    struct columns columns;
    struct stages stages;
    if (run->row_count == 0)
        return OK;
    enum status status = split_columns(&columns, run, err);
    if (status != OK)
        return status;
    find_stages(&stages, run);
    page_section(out, "curves", "Curves");
    fputs("<div class=charts>\n", out);
    put_loss(out, run, &columns, &stages);
    put_accuracy(out, run, &columns, &stages);
    put_rate(out, run, &columns, &stages);
    status = put_rates(out, run, err);
    fputs("</div>\n", out);
    put_table(out, run);
    page_section_end(out);
    memory_free(columns.epoch);
    return status;
}
