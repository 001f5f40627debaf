#define _POSIX_C_SOURCE 200809L
#include "cli/run/show_runs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/shell/json.h"
#include "cli/shell/numbers.h"
#include "cli/shell/remark.h"
#include "core/base/memory.h"

enum { COLUMNS = 11 };

/* For people, and for programs. */
static const struct column columns[2][COLUMNS] = {
    {{"run", COLUMN_TEXT, 12, 0},
     {"state", COLUMN_TEXT, 0, 1},
     {"network", COLUMN_TEXT, 0, 7},
     {"freeze", COLUMN_NUMBER, 0, 6},
     {"epochs", COLUMN_NUMBER, 0, 5},
     {"best", COLUMN_NUMBER, 0, 8},
     {"accuracy", COLUMN_NUMBER, 0, 0},
     {"macro-F1", COLUMN_NUMBER, 0, 4},
     {"loss", COLUMN_NUMBER, 0, 3},
     {"time", COLUMN_NUMBER, 0, 2},
     {"differs in", COLUMN_PROSE, 16, 0}},
    {{"run", COLUMN_TEXT, 0, 0},
     {"state", COLUMN_TEXT, 0, 0},
     {"arch", COLUMN_TEXT, 0, 0},
     {"freeze_until", COLUMN_NUMBER, 0, 0},
     {"epochs", COLUMN_NUMBER, 0, 0},
     {"best_epoch", COLUMN_NUMBER, 0, 0},
     {"val_accuracy", COLUMN_NUMBER, 0, 0},
     {"val_macro_f1", COLUMN_NUMBER, 0, 0},
     {"val_loss", COLUMN_NUMBER, 0, 0},
     {"seconds", COLUMN_NUMBER, 0, 0},
     {"options", COLUMN_TEXT, 0, 0}},
};

/* NULL for what is not known. */
static const char *count_text(char out[NUMBER_TEXT], long long value, long long least)
{
    snprintf(out, NUMBER_TEXT, "%lld", value);
    return value < least ? NULL : out;
}

static const char *share_text(char out[NUMBER_TEXT], double value, bool people)
{
    return isnan(value) ? NULL : people ? number_percent(out, value) : number_double(out, value);
}

static enum status put_row(struct table *table, const struct listed_run *run, const char *options, struct error *err)
{
    bool people = table->format == TABLE_TEXT;
    char freeze[NUMBER_TEXT], epochs[NUMBER_TEXT], best[NUMBER_TEXT], accuracy[NUMBER_TEXT], f1[NUMBER_TEXT];
    char loss[NUMBER_TEXT], seconds[NUMBER_TEXT];
    snprintf(loss, sizeof loss, run->loss < 1000 ? "%.4f" : "%.4g", run->loss);
    if (!people)
        number_double(loss, run->loss);
    if (people)
        number_seconds(seconds, isnan(run->seconds) ? 0 : run->seconds);
    else
        number_double(seconds, run->seconds);
    const char *const cells[COLUMNS] = {run->name,
                                        run_state_names[run->state],
                                        run->arch[0] ? run->arch : NULL,
                                        count_text(freeze, run->freeze_until, 0),
                                        count_text(epochs, (long long)run->epochs, run->options ? 0 : 1),
                                        count_text(best, (long long)run->best_epoch, 1),
                                        share_text(accuracy, run->accuracy, people),
                                        share_text(f1, run->macro_f1, people),
                                        isnan(run->loss) ? NULL : loss,
                                        isnan(run->seconds) ? NULL : seconds,
                                        options};
    return table_row(table, cells, err);
}

/* The options as text, free()d by the caller. */
static enum status options_text(char **out, const struct run_options *options, const struct listed_run *run,
                                struct error *err)
{
    size_t size;
    FILE *stream = open_memstream(out, &size);
    if (!stream)
        return error_memory(err, "the options", 0);
    run_options_text(stream, options, run);
    return fclose(stream) == 0 ? OK : error_memory(err, "the options", 0);
}

enum status show_runs_table(const struct run_list *list, const struct run_options *options, enum table_format format,
                            struct error *err)
{
    struct table table;
    enum status status = OK;
    /* Where nothing differs, people need no column for it. */
    size_t count = format == TABLE_TEXT && options->count == 0 ? COLUMNS - 1 : COLUMNS;
    table_start(&table, stdout, format, columns[format != TABLE_TEXT], count);
    for (size_t i = 0; i < list->count && status == OK; i++) {
        char *text = NULL;
        status = options_text(&text, options, &list->runs[i], err);
        if (status == OK)
            status = put_row(&table, &list->runs[i], text, err);
        free(text);
    }
    if (status == OK)
        table_end(&table);
    table_discard(&table);
    return status;
}

static void put_run(struct json *json, const struct listed_run *run, const struct run_options *options)
{
    json_open(json, NULL, '{');
    json_text(json, "run", run->name);
    json_text(json, "state", run_state_names[run->state]);
    json_text(json, "reason", run->reason);
    json_text(json, "arch", run->arch[0] ? run->arch : NULL);
    if (run->freeze_until >= 0)
        json_int(json, "freeze_until", run->freeze_until);
    else
        json_text(json, "freeze_until", NULL);
    json_int(json, "epochs", (int64_t)run->epochs);
    json_int(json, "best_epoch", (int64_t)run->best_epoch);
    json_double(json, "val_accuracy", run->accuracy);
    json_double(json, "val_macro_f1", run->macro_f1);
    json_double(json, "val_loss", run->loss);
    json_double(json, "seconds", run->seconds);
    run_options_json(json, "options", options, run);
    json_close(json);
}

void show_runs_json(const char *folder, const struct run_list *list, const struct run_options *options)
{
    struct json json = json_start(stdout, true);
    json_open(&json, NULL, '{');
    json_text(&json, "folder", folder);
    json_open(&json, "differing", '[');
    for (size_t i = 0; i < options->count; i++)
        json_text(&json, NULL, options->names[i]);
    json_close(&json);
    json_open(&json, "runs", '[');
    for (size_t i = 0; i < list->count; i++)
        put_run(&json, &list->runs[i], options);
    json_close(&json);
    json_open(&json, "ignored", '[');
    for (size_t i = 0; i < list->other_count; i++) {
        json_open(&json, NULL, '{');
        json_text(&json, "folder", list->others[i].name);
        json_text(&json, "reason", list->others[i].reason);
        json_close(&json);
    }
    json_close(&json);
    json_close(&json);
    json_end(&json);
}

/* Of a folder that holds many others, some stand for all. */
static void remark_others(const char *folder, const struct run_list *list)
{
    enum { SHOWN = 5 };
    for (size_t i = 0; i < list->other_count && i < SHOWN; i++)
        remark("ignored: %s/%s: %s", folder, list->others[i].name, list->others[i].reason);
    if (list->other_count > SHOWN)
        remark("ignored: %zu more folders", list->other_count - SHOWN);
}

void show_runs_remarks(const char *folder, const struct run_list *list)
{
    const char *photos = NULL;
    bool other_photos = false;
    for (size_t i = 0; i < list->count; i++) {
        const struct listed_run *run = &list->runs[i];
        if (run->reason)
            warn("%s", run->reason);
        if (!run->photos[0] || isnan(run->accuracy))
            continue;
        other_photos = other_photos || (photos && strcmp(photos, run->photos) != 0);
        photos = run->photos;
    }
    remark_others(folder, list);
    if (other_photos)
        remark("the photos are not the same in all runs, so their accuracies cannot be compared one with another");
}
