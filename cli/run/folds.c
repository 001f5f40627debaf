#include "cli/run/folds.h"

#include <stdio.h>

#include "cli/run/estimate.h"
#include "cli/run/fold_list.h"
#include "cli/run/page/run_page.h"
#include "cli/run/series.h"
#include "cli/run/run_memory.h"
#include "cli/run/show_plan.h"
#include "cli/run/show_statistics.h"
#include "cli/shell/json.h"
#include "cli/shell/numbers.h"
#include "cli/shell/table.h"
#include "cli/shell/wrap.h"
#include "core/base/outfile.h"
#include "core/train/statistics.h"

/* ---- what came out ----------------------------------------------------------------------------------------------- */

static const struct column columns[] = {{"fold", COLUMN_NUMBER, 0, 0},         {"state", COLUMN_TEXT, 0, 0},
                                        {"train_photos", COLUMN_NUMBER, 0, 0}, {"val_photos", COLUMN_NUMBER, 0, 0},
                                        {"epochs", COLUMN_NUMBER, 0, 0},       {"best_epoch", COLUMN_NUMBER, 0, 0},
                                        {"val_loss", COLUMN_NUMBER, 0, 0},     {"val_accuracy", COLUMN_NUMBER, 0, 0},
                                        {"val_macro_f1", COLUMN_NUMBER, 0, 0}, {"seconds", COLUMN_NUMBER, 0, 0}};

static const struct column shown_columns[] = {
    {"fold", COLUMN_NUMBER, 0, 0},      {"state", COLUMN_TEXT, 0, 0},          {"trained on", COLUMN_NUMBER, 0, 6},
    {"validated", COLUMN_NUMBER, 0, 5}, {"epochs", COLUMN_NUMBER, 0, 8},       {"best", COLUMN_NUMBER, 0, 7},
    {"val loss", COLUMN_NUMBER, 0, 0},  {"val accuracy", COLUMN_NUMBER, 0, 0}, {"val macro-F1", COLUMN_NUMBER, 0, 0},
    {"an epoch", COLUMN_NUMBER, 0, 9}};

enum { COLUMNS = sizeof columns / sizeof *columns };

static enum status put_row(struct table *table, const struct series_run *run, bool exact, struct error *err)
{
    const struct record_result *r = &run->result;
    char text[COLUMNS][NUMBER_TEXT];
    const char *cells[COLUMNS] = {text[0], series_states[run->state]};
    snprintf(text[0], NUMBER_TEXT, "%lld", run->values.fold);
    if (run->state == SERIES_DONE) {
        const size_t counts[] = {r->train_photos, r->photos, r->epochs, r->best_epoch};
        for (size_t i = 0; i < 4; i++) {
            snprintf(text[2 + i], NUMBER_TEXT, "%zu", counts[i]);
            cells[2 + i] = text[2 + i];
        }
        if (exact)
            number_double(text[6], r->loss);
        else
            snprintf(text[6], NUMBER_TEXT, "%.4f", r->loss);
        cells[6] = text[6];
        cells[7] = exact ? number_double(text[7], record_result_accuracy(r))
                         : number_percent(text[7], record_result_accuracy(r));
        cells[8] = exact ? number_double(text[8], r->macro_f1) : number_percent(text[8], r->macro_f1);
        cells[9] = exact ? number_double(text[9], r->seconds) : number_seconds(text[9], r->seconds);
    }
    return table_row(table, cells, err);
}

static enum status put_table(FILE *out, const struct series *series, bool exact, struct error *err)
{
    struct table table;
    enum status status = OK;
    table_start(&table, out, exact ? TABLE_CSV : TABLE_TEXT, exact ? columns : shown_columns, COLUMNS);
    for (size_t i = 0; i < series->count && status == OK; i++)
        status = put_row(&table, &series->runs[i], exact, err);
    if (status == OK)
        table_end(&table);
    table_discard(&table);
    return status;
}

static enum status write_folds(const struct series *series, struct error *err)
{
    struct outfile file;
    enum status status = outfile_open_in(&file, series->path, "folds.csv", err);
    if (status != OK)
        return status;
    status = put_table(file.stream, series, true, err);
    return outfile_end(&file, status, err);
}

static void json_report(const struct series *series, const struct fold_summary *summary)
{
    struct json json = json_start(stdout, true);
    json_open(&json, NULL, '{');
    json_text(&json, "run", series->path);
    json_open(&json, "folds", '[');
    for (size_t i = 0; i < series->count; i++) {
        const struct series_run *run = &series->runs[i];
        json_open(&json, NULL, '{');
        json_int(&json, "fold", run->values.fold);
        json_text(&json, "state", series_states[run->state]);
        if (run->state == SERIES_DONE) {
            json_int(&json, "train_photos", (int64_t)run->result.train_photos);
            json_int(&json, "val_photos", (int64_t)run->result.photos);
            json_int(&json, "best_epoch", (int64_t)run->result.best_epoch);
            json_double(&json, "val_loss", run->result.loss);
            json_double(&json, "val_accuracy", record_result_accuracy(&run->result));
            json_double(&json, "val_macro_f1", run->result.macro_f1);
        }
        json_close(&json);
    }
    json_close(&json);
    fold_summary_json(&json, summary);
    json_close(&json);
    json_end(&json);
}

static enum status text_report(const struct series *series, const struct fold_summary *summary, struct error *err)
{
    struct interval interval = interval_of_share(summary->right, summary->photos, INTERVAL_95);
    putchar('\n');
    enum status status = put_table(stdout, series, false, err);
    if (status != OK || summary->folds == 0)
        return status;
    say(stdout, "mean of %zu folds, with the standard deviation between them", summary->folds);
    say(stdout, "accuracy  %.1f %% +- %.1f", 100 * summary->accuracy.mean, 100 * summary->accuracy.deviation);
    say(stdout, "macro-F1  %.1f %% +- %.1f", 100 * summary->macro_f1.mean, 100 * summary->macro_f1.deviation);
    say(stdout, "loss      %.4f +- %.4f", summary->loss.mean, summary->loss.deviation);
    say(stdout,
        "together  %zu of %zu photos right, each validated once: %.1f %%, Wilson's 95 %% interval %.1f to %.1f %%",
        summary->right, summary->photos, 100 * (double)summary->right / (double)summary->photos, 100 * interval.low,
        100 * interval.high);
    return OK;
}

static enum status report(const struct series *series, bool json, struct error *err)
{
    struct fold_summary summary;
    enum status status = fold_summary_of(&summary, series, err);
    if (status == OK && json)
        json_report(series, &summary);
    else if (status == OK)
        status = text_report(series, &summary, err);
    return status;
}

/* ---- the runs ---------------------------------------------------------------------------------------------------- */

static enum status run_folds(struct series *series, bool json, bool no_report, struct error *err)
{
    bool stopped;
    series->write = write_folds;
    enum status status = series_run(series, &stopped, err);
    if (status == OK && !no_report)
        folds_page_try(series->path, !stopped);
    if (status == OK)
        status = report(series, json, err);
    if (status == OK && stopped)
        series_say_how_to_resume(series);
    for (size_t i = 0; i < series->count && status == OK; i++)
        if (series->runs[i].state == SERIES_DIVERGED)
            status = error_set(err, ERR_DIVERGED, "%s/%s: the training diverged; lower --lr or lengthen --warmup",
                               series->path, series->runs[i].name);
    return status;
}

/* The first makes the features of all photos, but for those views of its validation photos that it does not see. */
static double seconds_of_folds(const struct forecast *first, size_t folds)
{
    const struct pace pace = {0};
    struct forecast other = *first;
    forecast_share(&other, first);
    return forecast_all(first, &pace) + (double)(folds - 1) * forecast_all(&other, &pace);
}

enum status folds_run(const struct arguments *args, const struct resumed *resumed, struct error *err)
{
    static const char *const tables[] = {"folds.csv", NULL};
    const struct train_values *values = args->values;
    struct train_values first = *values;
    struct run_setup setup;
    struct series series = {.lock = -1};
    struct forecast forecast;
    double peak = 0;
    first.fold = 1;
    enum status status = run_setup_open(&setup, &first, resumed ? resumed->weights_hash : NULL, err);
    if (status == OK) { /* what fold 1 can be, every fold can: their shares differ by a photo, and none is empty */
        show_inputs(&setup);
        peak = estimate_peak(setup.pool, setup.options.precision);
        estimate_forecast(&forecast, &setup, setup.train, peak);
        const struct plan_time time = {&forecast, (size_t)values->folds,
                                       seconds_of_folds(&forecast, (size_t)values->folds)};
        status = show_plan(&setup, &time, err);
    }
    if (status == OK && !values->resume)
        status = run_disk_check(&setup.disk, (size_t)values->folds, run_setup_folder(&setup), err);
    if (status == OK)
        status = run_memory_check(run_memory(&setup, setup.train), err);
    if (status == OK)
        status = show_statistics(&setup, err);
    if (status == OK && !values->dry_run)
        status = series_open(&series, args, &setup, resumed, false, tables, err);
    run_setup_close(&setup);
    series.clock.peak = peak;
    if (status == OK && !values->dry_run)
        status = fold_list_add(&series, values, &forecast, err);
    if (status == OK && !values->dry_run)
        status = run_folds(&series, values->json, values->no_report, err);
    series_close(&series);
    return status;
}
