/* report.html of train --folds: accuracy by fold, and the answers of all folds together, each to photos that its model
 * was not trained on. From config.json and the run folders. */
#include "cli/run/page/run_page.h"

#include <stdio.h>

#include "cli/report/html/html_chart.h"
#include "cli/report/html/html_page.h"
#include "cli/run/fold_list.h"
#include "cli/run/page/page_found.h"
#include "cli/run/page/page_parts.h"
#include "cli/run/page/page_words.h"
#include "cli/run/run_file.h"
#include "cli/shell/numbers.h"
#include "cli/shell/remark.h"
#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/base/outfile.h"

struct folds {
    struct page_run run;   /* the series */
    struct page_run first; /* a fold that is done: its classes and network; all have the same */
    struct series series;
    struct fold_summary summary;
    char **done, **paths; /* [done_count] names and folders of the folds that are done; paths are owned */
    size_t done_count;
    struct page_measured measured;
};

static void folds_close(struct folds *folds)
{
    page_measured_free(&folds->measured);
    for (size_t i = 0; folds->paths && i < folds->done_count; i++)
        memory_free(folds->paths[i]);
    memory_free(folds->paths);
    memory_free(folds->done);
    series_close(&folds->series);
    page_run_close(&folds->first);
    page_run_close(&folds->run);
}

static enum status find_done(struct folds *folds, struct error *err)
{
    const struct series *series = &folds->series;
    void *names = NULL, *paths = NULL;
    enum status status = memory_alloc(&names, series->count, sizeof(char *), "the folds", err);
    folds->done = names;
    if (status == OK)
        status = memory_alloc(&paths, series->count, sizeof(char *), "the folds", err);
    folds->paths = paths;
    for (size_t i = 0; i < series->count && status == OK; i++) {
        if (series->runs[i].state != SERIES_DONE)
            continue;
        folds->done[folds->done_count] = series->runs[i].name;
        status = path_join(&folds->paths[folds->done_count], series->path, series->runs[i].name, err);
        folds->done_count += status == OK;
    }
    return status;
}

static enum status read_answers(struct folds *folds, size_t photos, struct error *err)
{
    struct page_measured *measured = &folds->measured;
    bool answered;
    enum status status = page_run_open(&folds->first, folds->paths[0], 0, err);
    if (status != OK)
        return status;
    measured->classes = &folds->first.classes;
    measured->photos = "photos";
    measured->parts = folds->done;
    return page_answers_read(&measured->answers, &answered, (const char *const *)folds->paths, folds->done_count,
                             measured->classes, photos, (uint64_t)folds->run.values->seed, err);
}

static enum status folds_open(struct folds *out, const char *folder, size_t photos, struct error *err)
{
    const struct forecast forecast = {0};
    *out = (struct folds){.series = {.lock = -1}};
    enum status status = page_run_open_series(&out->run, folder, err);
    if (status == OK && out->run.values->folds == 0)
        status = error_set(err, ERR_DATA, "%s/config.json: has no folds, but there is a folds.csv", folder);
    if (status == OK)
        status = memory_strdup(&out->series.path, folder, err);
    if (status == OK)
        status = fold_list_add(&out->series, out->run.values, &forecast, err);
    if (status == OK)
        status = series_look(&out->series, err);
    if (status == OK)
        status = fold_summary_of(&out->summary, &out->series, err);
    if (status == OK)
        status = find_done(out, err);
    return status == OK && out->done_count > 0 ? read_answers(out, photos, err) : status;
}

/* ---- the result -------------------------------------------------------------------------------------------------- */

static void put_mean(FILE *out, const char *name, struct mean mean, bool percent)
{
    char text[3 * NUMBER_TEXT];
    if (percent)
        snprintf(text, sizeof text, "%.1f &plusmn; %.1f&nbsp;%%", 100 * mean.mean, 100 * mean.deviation);
    else
        snprintf(text, sizeof text, "%.4f &plusmn; %.4f", mean.mean, mean.deviation);
    page_put_figure(out, text, name);
}

static void put_state(FILE *out, const struct folds *folds)
{
    const struct series *series = &folds->series;
    size_t diverged = series_count(series, SERIES_DIVERGED), left = series->count - folds->done_count - diverged;
    if (diverged > 0)
        fprintf(out,
                "<p class=alert><b>%zu of %zu folds diverged.</b> Lower the rate (--lr) or clip the gradient "
                "(--clip-norm).</p>\n",
                diverged, series->count);
    if (left > 0)
        fprintf(out,
                "<p class=alert><b>Not all folds are over:</b> %zu of %zu are left. <code>freezetune train --resume"
                "</code> continues them.</p>\n",
                left, series->count);
    if (folds->done_count > 0)
        page_put_proof(out, folds->run.values, folds->first.result.freeze_until, true);
}

static void put_verdict(FILE *out, const struct folds *folds)
{
    char photos[3 * NUMBER_TEXT], count[NUMBER_TEXT];
    const char *arch = page_run_text(&folds->first, NULL, "arch");
    const struct fold_summary *s = &folds->summary;
    page_section(out, "verdict", "Result");
    if (s->photos > 0) {
        fputs("<div class=verdict>\n", out);
        page_put_accuracy(out, s->right, s->photos, "photos");
        put_mean(out, "accuracy by fold", s->accuracy, true);
        put_mean(out, "macro-F1 by fold", s->macro_f1, true);
        put_mean(out, "loss by fold", s->loss, false);
        fputs("</div>\n<p class=soft>Each photo is validated once, by a model that was not trained on it; &plusmn; is "
              "the standard deviation between the folds.</p>\n",
              out);
    }
    put_state(out, folds);
    if (folds->done_count > 0) {
        snprintf(photos, sizeof photos, "%s validated, %zu classes", number_count(count, s->photos),
                 folds->first.classes.count);
        page_put_facts(out, &folds->run, arch, photos);
    }
    page_put_command(out, "This command trains them again:", folds->run.command);
    page_section_end(out);
}

/* ---- the folds --------------------------------------------------------------------------------------------------- */

enum column_of_values { FOLD, ACCURACY, LOW, HIGH, LOSS, VALUES };

static size_t take_values(double *values, const struct folds *folds)
{
    size_t n = folds->series.count, count = 0;
    for (size_t i = 0; i < n; i++) {
        const struct series_run *run = &folds->series.runs[i];
        struct interval interval = interval_of_share(run->result.right, run->result.photos, INTERVAL_95);
        if (run->state != SERIES_DONE)
            continue;
        const double row[VALUES] = {(double)run->values.fold, record_result_accuracy(&run->result), interval.low,
                                    interval.high, run->result.loss};
        for (int k = 0; k < VALUES; k++)
            values[(size_t)k * n + count] = row[k];
        count++;
    }
    return count;
}

static void put_chart(FILE *out, const struct folds *folds, const double *values, size_t count, bool accuracy)
{
    size_t n = folds->series.count;
    const struct chart_line line = {.name = "fold",
                                    .x = values + FOLD * n,
                                    .y = values + (accuracy ? ACCURACY : LOSS) * n,
                                    .count = count,
                                    .low = accuracy ? values + LOW * n : NULL,
                                    .high = accuracy ? values + HIGH * n : NULL,
                                    .colour = accuracy ? 0 : 1,
                                    .dots_only = true};
    const struct chart chart = {.title = accuracy ? "Accuracy with 95 % intervals" : "Validation loss",
                                .x_name = "fold",
                                .y_name = "",
                                .lines = &line,
                                .line_count = 1,
                                .x_low = 0.5,
                                .x_high = (double)n + 0.5,
                                .x_whole = true,
                                .y_low = accuracy ? 1 : 0,
                                .y_high = accuracy ? 1 : 0,
                                .percent = accuracy,
                                .level = true,
                                .level_at = accuracy ? folds->summary.accuracy.mean : folds->summary.loss.mean,
                                .level_name = "mean"};
    chart_write(out, &chart);
}

static enum status put_charts(FILE *out, const struct folds *folds, struct error *err)
{
    void *values;
    enum status status = memory_alloc(&values, VALUES * folds->series.count, sizeof(double), "the charts", err);
    if (status != OK)
        return status;
    size_t count = take_values(values, folds);
    fputs("<div class=charts>\n", out);
    put_chart(out, folds, values, count, true);
    put_chart(out, folds, values, count, false);
    fputs("</div>\n", out);
    memory_free(values);
    return OK;
}

static enum status put_row(FILE *out, const struct folds *folds, const struct series_run *run, struct error *err)
{
    const struct record_result *r = &run->result;
    char text[NUMBER_TEXT];
    fputs("<tr><td class=name>", out);
    enum status status = page_put_run(out, folds->series.path, run->name, err);
    if (run->state != SERIES_DONE) {
        fprintf(out, "<td>%s", series_states[run->state]);
        for (int i = 0; i < 7; i++)
            fputs("<td class=n data-v=-1>", out);
        fputs("</tr>\n", out);
        return status;
    }
    fprintf(out, "<td>%s<td class=n data-v=%zu>%s", series_states[run->state], r->train_photos,
            number_count(text, r->train_photos));
    fprintf(out, "<td class=n data-v=%zu>%s<td class=n data-v=%zu>%zu of %zu<td class=n data-v=%.9g>", r->photos,
            number_count(text, r->photos), r->best_epoch, r->best_epoch, r->epochs, record_result_accuracy(r));
    page_put_percent(out, record_result_accuracy(r));
    fputs(" <small>", out);
    page_put_interval(out, r->right, r->photos);
    fprintf(out, "</small><td class=n data-v=%.9g>", r->macro_f1);
    page_put_percent(out, r->macro_f1);
    fprintf(out, "<td class=n data-v=%.9g>%.4f<td class=n data-v=%.9g>%s</tr>\n", r->loss, r->loss, r->seconds,
            number_seconds(text, r->seconds));
    return status;
}

static enum status put_folds(FILE *out, const struct folds *folds, struct error *err)
{
    page_section(out, "folds", "Folds");
    enum status status = folds->done_count > 0 ? put_charts(out, folds, err) : OK;
    fputs("<p class=soft>Each fold has a page of its own.</p>\n<div class=wide><table class=sort id=by-fold>\n<thead>"
          "<tr><th class=name>fold<th>state<th class=n>trained on<th class=n>validated<th class=n>best epoch<th "
          "class=n>accuracy<th class=n>macro-F1<th class=n>loss<th class=n>an epoch</tr></thead>\n<tbody>\n",
          out);
    for (size_t i = 0; i < folds->series.count && status == OK; i++)
        status = put_row(out, folds, &folds->series.runs[i], err);
    fputs("</tbody></table></div>\n", out);
    page_section_end(out);
    return status;
}

/* ---- numbers ----------------------------------------------------------------------------------------------------- */

static void put_numbers(struct json *json, const void *context)
{
    const struct folds *folds = context;
    json_text(json, "run", folds->run.name);
    json_text(json, "command", folds->run.command);
    json_open(json, "folds", '[');
    for (size_t i = 0; i < folds->series.count; i++) {
        const struct series_run *run = &folds->series.runs[i];
        json_open(json, NULL, '{');
        json_int(json, "fold", run->values.fold);
        json_text(json, "state", series_states[run->state]);
        if (run->state == SERIES_DONE) {
            json_int(json, "train_photos", (int64_t)run->result.train_photos);
            record_result_json(json, &run->result);
        }
        json_close(json);
    }
    json_close(json);
    fold_summary_json(json, &folds->summary);
    json_int(json, "photos_validated", (int64_t)folds->summary.photos);
    json_int(json, "right", (int64_t)folds->summary.right);
    if (folds->measured.answers.count > 0)
        page_measured_json(json, &folds->measured);
}

/* ---- the page ---------------------------------------------------------------------------------------------------- */

struct opened {
    const struct folds *folds;
    struct page_found found;
};

static enum status open_source(struct page_source *out, void *context, size_t part, struct error *err)
{
    struct opened *o = context;
    *out = (struct page_source){&o->found.model, &o->found.photos.dataset.val, &o->folds->run.values->engine};
    return page_found_open(&o->found, o->folds->paths[part], err);
}

static void close_source(void *context)
{
    page_found_close(&((struct opened *)context)->found);
}

static enum status put_page(FILE *out, const struct folds *folds, size_t max_size, struct error *err)
{
    static const struct page_link links[] = {{"folds", "Folds"},
                                             {"confusion", "Confusion"},
                                             {"classes", "Classes"},
                                             {"photos", "Photos"},
                                             {"trust", "Trust"}};
    struct opened opened = {.folds = folds};
    const struct page_sources sources = {open_source, close_source, &opened, folds->done_count};
    const struct page_numbers numbers = {put_numbers, folds};
    char title[400], subtitle[200];
    snprintf(title, sizeof title, "%.300s: %zu folds", page_run_data(&folds->run, "a run"), folds->series.count);
    snprintf(subtitle, sizeof subtitle, "run %.180s", folds->run.name);
    const struct page_head head = {.title = title,
                                   .subtitle = subtitle,
                                   .links = links,
                                   .link_count = folds->measured.answers.count > 0 ? sizeof links / sizeof *links : 1};
    page_begin(out, &head);
    put_verdict(out, folds);
    enum status status = put_folds(out, folds, err);
    if (status == OK)
        status = page_put_measured(out, &folds->measured, &sources, &numbers, max_size, err);
    page_end(out);
    return status;
}

enum status folds_page_write(bool *is_folds, const char *folder, const struct run_page_options *options,
                             struct error *err)
{
    struct folds folds;
    struct outfile file;
    enum status status = run_file_exists(is_folds, folder, "folds.csv", err);
    if (status != OK || !*is_folds)
        return status;
    status = folds_open(&folds, folder, options->photos, err);
    if (status == OK)
        status =
            options->out ? outfile_open(&file, options->out, err) : outfile_open_in(&file, folder, "report.html", err);
    if (status == OK)
        status = outfile_end(&file, put_page(file.stream, &folds, options->max_size, err), err);
    folds_close(&folds);
    return status;
}

void folds_page_try(const char *folder, bool whole)
{
    const struct run_page_options options = {.photos = whole ? RUN_PAGE_PHOTOS : 0, .max_size = RUN_PAGE_SIZE};
    struct error why;
    bool is_folds;
    if (folds_page_write(&is_folds, folder, &options, &why) != OK)
        warn("%s/report.html was not written: %s", folder, why.text);
}
