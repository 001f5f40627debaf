#define _GNU_SOURCE
#include "cli/run/series.h"
#include "cli/run/train_options.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/run/record_files.h"
#include "cli/run/record_folder.h"
#include "cli/run/record_lock.h"
#include "cli/run/record_photos.h"
#include "cli/run/run_file.h"
#include "cli/run/session.h"
#include "cli/shell/numbers.h"
#include "cli/shell/paths.h"
#include "cli/shell/remark.h"
#include "cli/shell/signals.h"
#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/memory.h"

const char *const series_states[] = {"missing", "stopped", "diverged", "done"};

static const char *const begun_files[] = {"config.json", "photos.bin", NULL};

/* ---- the folder -------------------------------------------------------------------------------------------------- */

static enum status make_folder(struct series *series, const struct arguments *args, const struct run_setup *first,
                               struct error *err)
{
    const struct train_values *values = args->values;
    bool ours;
    enum status status = record_lock_create(&series->path, &series->lock, &ours, values->out, err);
    if (status != OK)
        return status;
    status = write_series_config(series->path, args, first, err);
    if (status == OK)
        status = record_photos_write(series->path, first, err);
    if (status != OK)
        record_folder_take_back(series->path, ours);
    return status;
}

static enum status open_folder(struct series *series, const struct train_values *values, const struct run_setup *first,
                               const struct resumed *resumed, bool shared, struct error *err)
{
    char photos[33];
    checkpoint_photos(photos, &first->dataset);
    if (strcmp(photos, resumed->photos) != 0)
        return error_set(
            err, ERR_DATA,
            "%s: the photos have changed since this was started (files were added, removed or renamed or are "
            "unavailable now, a labels file changed, or another version chose other photos for validation), so its runs could not be "
            "compared; start again with another --out, or continue with the version in its config.json",
            values->resume);
    bool *changed, stale;
    enum status status =
        record_photos_check(&changed, &stale, first, values->resume, values->accept_changed_photos, true, err);
    if (status != OK)
        return status;
    memory_free(changed); /* each run asks for itself */
    status = memory_strdup(&series->path, values->resume, err);
    if (status == OK)
        status = (shared ? record_lock_share : record_lock_open)(&series->lock, series->path, err);
    if (status == OK)
        record_folder_tidy(series->path, begun_files);
    if (status == OK && stale)
        status = record_photos_write(series->path, first, err);
    return status;
}

enum status series_open(struct series *out, const struct arguments *args, const struct run_setup *first,
                        const struct resumed *resumed, bool shared, const char *const *tables, struct error *err)
{
    const struct train_values *values = args->values;
    *out = (struct series){.command = args->command, .lock = -1};
    if (values->time_limit > 0)
        out->deadline = clock_seconds() + 60 * values->time_limit;
    out->head_lr_mult = first->options.rates.head;
    memcpy(out->hash, first->weights_hash, sizeof out->hash);
    enum status status = data_paths_copy(&out->paths, &first->paths, err);
    if (status == OK)
        status = memory_strdup(&out->weights, first->weights ? first->weights : "random", err);
    if (status == OK)
        status = resumed ? open_folder(out, values, first, resumed, shared, err) : make_folder(out, args, first, err);
    if (status == OK)
        record_folder_tidy(out->path, tables);
    return status;
}

void series_close(struct series *series)
{
    for (size_t i = 0; i < series->count; i++)
        memory_free(series->runs[i].name);
    memory_free(series->runs);
    memory_free(series->weights);
    data_paths_free(&series->paths);
    memory_free(series->path);
    if (series->lock >= 0)
        close(series->lock);
    *series = (struct series){.lock = -1};
}

/* ---- the list of runs -------------------------------------------------------------------------------------------- */

struct train_values series_values(const struct series *series, const struct train_values *given)
{
    struct train_values values = *given;
    values.data = series->paths.data;
    values.labels = series->paths.labels;
    values.val_labels = series->paths.val_labels;
    values.weights = series->weights;
    values.head_lr_mult = series->head_lr_mult;
    values.out = values.resume = NULL;
    values.time_limit = 0;
    values.json = false;
    return values;
}

enum status series_add(struct series *series, const char *name, const struct train_values *values,
                       const struct forecast *forecast, struct error *err)
{
    void *runs = series->runs;
    enum status status =
        memory_grow(&runs, &series->room, series->count + 1, sizeof *series->runs, "the list of runs", err);
    if (status != OK)
        return status;
    series->runs = runs;
    struct series_run run = {.values = *values, .forecast = *forecast};
    for (size_t i = 0; i < series->count; i++)
        forecast_share(&run.forecast, &series->runs[i].forecast);
    status = memory_strdup(&run.name, name, err);
    if (status == OK)
        series->runs[series->count++] = run;
    return status;
}

size_t series_count(const struct series *series, enum series_state state)
{
    size_t count = 0;
    for (size_t i = 0; i < series->count; i++)
        count += series->runs[i].state == state;
    return count;
}

/* ---- one run ----------------------------------------------------------------------------------------------------- */

/* What was begun goes on with the options it began with, but for those that are the process's own. */
static enum status go_on(struct session_end *end, const struct series *series, const struct train_values *values,
                         const char *folder, const struct session_options *options, struct error *err)
{
    struct arguments given;
    struct resumed resumed;
    void *option;
    size_t size = strlen(folder) + sizeof "--resume=";
    enum status status = memory_alloc(&option, size, 1, "options", err);
    if (status != OK)
        return status;
    snprintf(option, size, "--resume=%s", folder);
    const char *const argv[] = {option};
    status = arguments_parse(&given, &train_table, 1, argv, err);
    if (status == OK)
        status = train_options_resume(&resumed, &given, err);
    if (status == OK) {
        train_values_complete(&resumed.arguments);
        struct train_values run = *(const struct train_values *)resumed.arguments.values;
        run.data = series->paths.data;
        run.labels = series->paths.labels;
        run.val_labels = series->paths.val_labels;
        run.weights = series->weights;
        run.engine.threads = values->engine.threads;
        run.engine.quiet = values->engine.quiet;
        run.loader_threads = values->loader_threads;
        run.save_every = values->save_every;
        run.keep_last = values->keep_last;
        run.no_report = values->no_report;
        run.cache = values->cache;
        run.cache_dir = values->cache_dir;
        run.cache_limit = values->cache_limit;
        run.accept_changed_photos = values->accept_changed_photos;
        run.time_limit = 0;
        status = session_run(end, &run, options, err);
        resumed_free(&resumed);
    }
    arguments_free(&given);
    memory_free(option);
    return status;
}

static enum status begin(struct session_end *end, const struct train_values *values, const char *folder,
                         const struct session_options *options, struct error *err)
{
    struct train_values run = *values;
    run.out = folder;
    record_folder_tidy(folder, begun_files);
    return session_run(end, &run, options, err);
}

/* "freezetune sweep --resume runs/1 --run 3" */
static void go_on_command(char *out, size_t size, const struct series *series)
{
    char only[32] = "";
    if (series->only)
        snprintf(only, sizeof only, " --run %zu", series->only);
    snprintf(out, size, "freezetune %s --resume %.450s%s", series->command->name, series->path, only);
}

/* Leaves the state MISSING when it was stopped before it made its folder. */
static enum status run_one(struct series *series, struct series_run *run, const char *folder, struct error *err)
{
    char command[512];
    const struct session_options options = {.weights_hash = series->hash,
                                            .one_of_many = true,
                                            .deadline = series->deadline,
                                            .go_on = command,
                                            .clock = &series->clock};
    struct session_end end;
    bool begun;
    go_on_command(command, sizeof command, series);
    enum status status = run_file_exists(&begun, folder, "config.json", err);
    if (status == OK)
        status = begun ? go_on(&end, series, &run->values, folder, &options, err)
                       : begin(&end, &run->values, folder, &options, err);
    if (status == OK && !end.over && !begun)
        status = run_file_exists(&begun, folder, "config.json", err);
    if (status != OK)
        return status;
    run->result = end.result;
    if (end.over)
        run->state = end.result.diverged ? SERIES_DIVERGED : SERIES_DONE;
    else if (begun)
        run->state = SERIES_STOPPED;
    return OK;
}

/* ---- all of them ------------------------------------------------------------------------------------------------- */

enum status series_look(struct series *series, struct error *err)
{
    enum status status = OK;
    for (size_t i = 0; i < series->count && status == OK; i++) {
        struct series_run *run = &series->runs[i];
        char *folder;
        bool done, begun;
        status = path_join(&folder, series->path, run->name, err);
        if (status != OK)
            break;
        status = record_result_read(&run->result, &done, NULL, folder, err);
        if (status == OK)
            status = run_file_exists(&begun, folder, "config.json", err);
        if (status == OK)
            run->state = !done                  ? (begun ? SERIES_STOPPED : SERIES_MISSING)
                         : run->result.diverged ? SERIES_DIVERGED
                                                : SERIES_DONE;
        memory_free(folder);
    }
    return status;
}

bool series_is_over(const struct series_run *run)
{
    return run->state == SERIES_DONE || run->state == SERIES_DIVERGED;
}

double series_seconds(const struct series *series, size_t from)
{
    double seconds = 0;
    for (size_t i = from; i < series->count; i++)
        if (!series_is_over(&series->runs[i]))
            seconds += forecast_all(&series->runs[i].forecast, &series->clock.pace);
    return seconds;
}

/* A series_clock.others: the running one is not among them. */
static double seconds_of_others(const void *context)
{
    const struct series *series = context;
    return series_seconds(series, series->running + 1);
}

/* "run 2 of 6: runs/1/7-0.01; about 41 min left for all". */
static void say_run(struct series *series, size_t i)
{
    char left[NUMBER_TEXT];
    double seconds = series_seconds(series, i);
    series->running = i;
    if (series->only) {
        remark("run %zu of %zu: %s/%s", i + 1, series->count, series->path, series->runs[i].name);
        return;
    }
    series->clock.others = seconds_of_others;
    series->clock.context = series;
    if (series->deadline > 0)
        seconds = fmin(seconds, fmax(series->deadline - clock_seconds(), 0));
    remark("run %zu of %zu: %s/%s; %s left for all", i + 1, series->count, series->path, series->runs[i].name,
           number_about(left, seconds));
}

/* Photos may go bad between two runs: their accuracies are then over different photos. */
static void warn_of_photos(const struct series *series, size_t i)
{
    const struct series_run *run = &series->runs[i];
    for (size_t k = 0; k < series->count; k++) {
        const struct series_run *other = &series->runs[k];
        if (k == i || other->state != SERIES_DONE || !other->result.compared ||
            other->result.photos == run->result.photos)
            continue;
        warn("%s validated %zu photos and %s %zu: their accuracies are over different photos", run->name,
             run->result.photos, other->name, other->result.photos);
        return;
    }
}

static void say_result(const struct series *series, size_t i)
{
    const struct series_run *run = &series->runs[i];
    char accuracy[NUMBER_TEXT];
    if (run->state == SERIES_DIVERGED)
        remark("%s: diverged after %zu epochs", run->name, run->result.epochs);
    else if (run->state == SERIES_DONE)
        remark("%s: validation accuracy %s in epoch %zu of %zu%s", run->name,
               number_percent(accuracy, record_result_accuracy(&run->result)), run->result.best_epoch,
               run->result.epochs,
               run->result.compared ? "" : ", not comparable: validation photos were unavailable in every epoch");
    if (run->state == SERIES_DONE && run->result.compared && run->values.folds == 0)
        warn_of_photos(series, i);
}

/* One that is not over yet. */
static enum status go_through(struct series *series, size_t i, bool *stopped, struct error *err)
{
    struct series_run *run = &series->runs[i];
    char *folder;
    *stopped = signals_stop() || (series->deadline > 0 && clock_seconds() >= series->deadline);
    if (*stopped)
        return OK;
    say_run(series, i);
    enum status status = path_join(&folder, series->path, run->name, err);
    if (status != OK)
        return status;
    status = run_one(series, run, folder, err);
    memory_free(folder);
    if (status != OK)
        return status;
    *stopped = !series_is_over(run);
    if (!*stopped)
        say_result(series, i);
    return *stopped || series->only ? OK : series->write(series, err);
}

/* The tables are written at the end where the last run was not gone through: a kill may have come between its result
 * and them. */
enum status series_run(struct series *series, bool *stopped, struct error *err)
{
    enum status status = series_look(series, err);
    bool written = false;
    *stopped = false;
    signals_catch();
    for (size_t i = 0; i < series->count && status == OK && !*stopped; i++)
        if ((!series->only || i + 1 == series->only) && !series_is_over(&series->runs[i])) {
            status = go_through(series, i, stopped, err);
            written = status == OK && !*stopped;
        } else if (i + 1 == series->only) {
            say_result(series, i);
        }
    if (status == OK && !written && !series->only)
        status = series->write(series, err);
    return status;
}

void series_say_how_to_resume(const struct series *series)
{
    char command[512];
    go_on_command(command, sizeof command, series);
    if (series->only)
        remark("stopped; continue with: %s", command);
    else
        remark("stopped with %zu of %zu runs to do; continue with: %s",
               series_count(series, SERIES_MISSING) + series_count(series, SERIES_STOPPED), series->count, command);
}
