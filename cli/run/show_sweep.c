#define _POSIX_C_SOURCE 200809L
#include "cli/run/show_sweep.h"

#include <stdlib.h>
#include <string.h>

#include "cli/run/page/run_page.h"
#include "cli/run/shell_command.h"
#include "cli/run/show_curve.h"
#include "cli/run/sweep_plan.h"
#include "cli/shell/json.h"
#include "cli/shell/numbers.h"
#include "cli/shell/paths.h"
#include "cli/shell/wrap.h"
#include "core/base/memory.h"
#include "core/base/outfile.h"
#include "core/base/text.h"
#include "core/train/statistics.h"

/* ---- the command ------------------------------------------------------------------------------------------------- */

/* With the rate that was found. *out is free()d by the caller. */
static enum status command_of(char **out, const struct series_run *run, struct error *err)
{
    struct train_values values = run->values;
    char *text = NULL;
    size_t size;
    values.lr = run->result.lr;
    FILE *stream = open_memstream(&text, &size);
    if (!stream)
        return error_memory(err, "the command line", 0);
    enum status status = shell_command_train(stream, &values, err);
    if (fclose(stream) != 0 && status == OK)
        status = error_memory(err, "the command line", 0);
    if (status == OK)
        *out = text;
    else
        free(text);
    return status;
}

/* The program that made the series need not be in the PATH; where it is gone another may do. */
static void put_program(FILE *out)
{
    char *program = path_program();
    if (!program)
        return;
    fputs("program=", out);
    shell_quote(out, program);
    fputs("\n[ ! -x \"$program\" ] || freezetune() { \"$program\" \"$@\"; }\n", out);
    memory_free(program);
}

static enum status write_command(const struct series *series, const struct series_run *run, struct error *err)
{
    char *command;
    struct outfile file;
    enum status status = command_of(&command, run, err);
    if (status != OK)
        return status;
    status = outfile_open_in(&file, series->path, "reproduce.sh", err);
    if (status == OK) {
        put_program(file.stream);
        fprintf(file.stream, "%s \"$@\"\n", command);
        status = outfile_commit(&file, err);
    }
    free(command);
    return status;
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

/* sweep.csv, and stdout with --format: numbers as they are. */
static const struct column exact_columns[] = {
    {"run", COLUMN_TEXT, 0, 0},
    {"freeze_until", COLUMN_NUMBER, 0, 0},
    {"lr", COLUMN_NUMBER, 0, 0},
    {"state", COLUMN_TEXT, 0, 0},
    {"epochs", COLUMN_NUMBER, 0, 0},
    {"best_epoch", COLUMN_NUMBER, 0, 0},
    {"val_photos", COLUMN_NUMBER, 0, 0},
    {"val_accuracy", COLUMN_NUMBER, 0, 0},
    {"val_accuracy_low", COLUMN_NUMBER, 0, 0},
    {"val_accuracy_high", COLUMN_NUMBER, 0, 0},
    {"val_loss", COLUMN_NUMBER, 0, 0},
    {"val_macro_f1", COLUMN_NUMBER, 0, 0},
    {"trained_parameters", COLUMN_NUMBER, 0, 0},
    {"seconds_per_epoch", COLUMN_NUMBER, 0, 0},
    {"memory", COLUMN_NUMBER, 0, 0},
    {"choice", COLUMN_TEXT, 0, 0},
    {"same_as", COLUMN_TEXT, 0, 0},
    {"limit", COLUMN_NUMBER, 0, 0},
    {"train_photos", COLUMN_NUMBER, 0, 0},
};

/* For people. The first two only where --limit asked for several numbers of photos. */
static const struct column shown_columns[] = {
    {"a class", COLUMN_NUMBER, 0, 0},  {"photos", COLUMN_NUMBER, 0, 8},      {"freeze", COLUMN_NUMBER, 0, 0},
    {"lr", COLUMN_NUMBER, 0, 0},       {"epochs", COLUMN_NUMBER, 0, 6},      {"best", COLUMN_NUMBER, 0, 5},
    {"accuracy", COLUMN_NUMBER, 0, 0}, {"95 % interval", COLUMN_TEXT, 0, 0}, {"macro-F1", COLUMN_NUMBER, 0, 7},
    {"trained", COLUMN_NUMBER, 0, 3},  {"an epoch", COLUMN_NUMBER, 0, 2},    {"memory", COLUMN_NUMBER, 0, 4},
    {"", COLUMN_TEXT, 0, 0},
};

enum { LIMITED = 2 };
enum { EXACT = sizeof exact_columns / sizeof *exact_columns, SHOWN = sizeof shown_columns / sizeof *shown_columns };

struct choice {
    const struct series_run *best, *recommended;
};

static const char *choice_text(const struct choice *choice, const struct series_run *run)
{
    if (run == choice->recommended)
        return run == choice->best ? "best, recommended" : "recommended";
    return run == choice->best ? "best" : "";
}

/* The rate in use, or the one asked for; NULL for one that is not found yet. */
static const char *rate_text(char out[NUMBER_TEXT], const struct series_run *run)
{
    double lr = run->state == SERIES_DONE || run->state == SERIES_DIVERGED ? run->result.lr : run->values.lr;
    return lr == LR_FIND ? NULL : number_double(out, lr);
}

static const char *count_text(char out[NUMBER_TEXT], size_t value)
{
    snprintf(out, NUMBER_TEXT, "%zu", value);
    return out;
}

static enum status exact_row(struct table *table, const struct series_run *run, const struct choice *choice,
                             struct error *err)
{
    const struct record_result *r = &run->result;
    struct interval interval = interval_of_share(r->right, r->photos, INTERVAL_95);
    char text[EXACT][NUMBER_TEXT];
    const char *cells[EXACT] = {run->name, run->values.freeze_until, rate_text(text[2], run),
                                series_states[run->state]};
    if (run->state == SERIES_DONE) {
        cells[4] = count_text(text[4], r->epochs);
        cells[5] = count_text(text[5], r->best_epoch);
        cells[6] = count_text(text[6], r->photos);
        cells[7] = number_double(text[7], record_result_accuracy(r));
        cells[8] = number_double(text[8], interval.low);
        cells[9] = number_double(text[9], interval.high);
        cells[10] = number_double(text[10], r->loss);
        cells[11] = number_double(text[11], r->macro_f1);
        cells[12] = count_text(text[12], r->parameters);
        cells[13] = number_double(text[13], r->seconds);
        cells[14] = count_text(text[14], r->memory);
    }
    cells[15] = choice_text(choice, run);
    cells[16] = run->same_as;
    if (run->values.limit)
        cells[17] = count_text(text[17], (size_t)run->values.limit);
    if (run->state == SERIES_DONE)
        cells[18] = count_text(text[18], r->train_photos);
    return table_row(table, cells, err);
}

/* The words of the lines below the table. */
static const char *shown_choice(const struct choice *choice, const struct series_run *run)
{
    if (run == choice->recommended)
        return run == choice->best ? "best, choose" : "choose";
    return run == choice->best ? "best" : "";
}

/* "8", or "8 = 9" where both are one training. */
static const char *point_shown(char out[NUMBER_TEXT], const struct series_run *run)
{
    size_t used = (size_t)snprintf(out, NUMBER_TEXT, "%s%s", run->values.freeze_until, run->same_as[0] ? " = " : "");
    for (const char *at = run->same_as; *at && used + 4 < NUMBER_TEXT; at++)
        used += (size_t)snprintf(out + used, NUMBER_TEXT - used, "%s%.*s", *at == ' ' ? " = " : "", *at != ' ', at);
    return out;
}

static enum status shown_row(struct table *table, const struct series_run *run, const struct choice *choice,
                             bool limited, struct error *err)
{
    const struct record_result *r = &run->result;
    struct interval interval = interval_of_share(r->right, r->photos, INTERVAL_95);
    char text[SHOWN][NUMBER_TEXT];
    const char *rate = rate_text(text[3], run);
    const char *cells[SHOWN] = {"all", NULL, point_shown(text[2], run), rate ? rate : "find"};
    if (run->values.limit)
        cells[0] = number_count(text[0], (uint64_t)run->values.limit);
    if (run->state == SERIES_DONE) {
        cells[1] = number_count(text[1], r->train_photos);
        cells[4] = count_text(text[4], r->epochs);
        cells[5] = count_text(text[5], r->best_epoch);
        cells[6] = number_percent(text[6], record_result_accuracy(r));
        snprintf(text[7], NUMBER_TEXT, "%.1f to %.1f %%", 100 * interval.low, 100 * interval.high);
        cells[7] = text[7];
        cells[8] = number_percent(text[8], r->macro_f1);
        cells[9] = number_count(text[9], r->parameters);
        cells[10] = number_seconds(text[10], r->seconds);
        cells[11] = number_bytes(text[11], r->memory);
    }
    cells[12] = run->state == SERIES_DONE ? shown_choice(choice, run) : series_states[run->state];
    return table_row(table, cells + (limited ? 0 : LIMITED), err);
}

static enum status put_table(FILE *out, const struct series *series, enum table_format format, struct error *err)
{
    const struct choice choice = {sweep_best(series), sweep_recommended(series)};
    struct table table;
    enum status status = OK;
    bool exact = format != TABLE_TEXT, limited = curve_asked(series);
    size_t left_out = limited ? 0 : LIMITED;
    table_start(&table, out, format, exact ? exact_columns : shown_columns + left_out,
                exact ? EXACT : SHOWN - left_out);
    for (size_t i = 0; i < series->count && status == OK; i++)
        status = exact ? exact_row(&table, &series->runs[i], &choice, err)
                       : shown_row(&table, &series->runs[i], &choice, limited, err);
    if (status == OK)
        table_end(&table);
    table_discard(&table);
    return status;
}

enum status sweep_write(const struct series *series, struct error *err)
{
    const struct series_run *recommended = sweep_recommended(series);
    struct outfile file;
    enum status status = outfile_open_in(&file, series->path, "sweep.csv", err);
    if (status != OK)
        return status;
    status = put_table(file.stream, series, TABLE_CSV, err);
    status = outfile_end(&file, status, err);
    if (status == OK && recommended)
        status = write_command(series, recommended, err);
    if (status == OK && series->count > 0 && !series->runs[0].values.no_report)
        sweep_page_try(series->path);
    return status;
}

/* ---- the report -------------------------------------------------------------------------------------------------- */

static void json_run(struct json *json, const struct series_run *run, const struct choice *choice)
{
    const struct record_result *r = &run->result;
    json_open(json, NULL, '{');
    json_text(json, "run", run->name);
    json_text(json, "freeze_until", run->values.freeze_until);
    json_text(json, "state", series_states[run->state]);
    if (run->state == SERIES_DONE || run->state == SERIES_DIVERGED)
        json_double(json, "lr", r->lr);
    if (run->state == SERIES_DONE) {
        record_result_json(json, r);
    }
    json_text(json, "choice", choice_text(choice, run));
    json_text(json, "same_as", run->same_as[0] ? run->same_as : NULL);
    if (run->values.limit)
        json_int(json, "limit", run->values.limit);
    else
        json_text(json, "limit", NULL);
    if (run->state == SERIES_DONE)
        json_int(json, "train_photos", (int64_t)r->train_photos);
    json_close(json);
}

static enum status json_report(const struct series *series, const struct choice *choice, const char *command,
                               struct error *err)
{
    struct json json = json_start(stdout, true);
    json_open(&json, NULL, '{');
    json_text(&json, "sweep", series->path);
    json_open(&json, "runs", '[');
    for (size_t i = 0; i < series->count; i++)
        json_run(&json, &series->runs[i], choice);
    json_close(&json);
    json_int(&json, "missing", (int64_t)(series_count(series, SERIES_MISSING) + series_count(series, SERIES_STOPPED)));
    json_text(&json, "recommended", choice->recommended ? choice->recommended->name : NULL);
    json_text(&json, "command", command);
    enum status status = curve_json(&json, series, choice->recommended, err);
    json_close(&json);
    json_end(&json);
    return status;
}

static bool is_safe(const char *text)
{
    size_t length = 1;
    for (; *text && length; text += length)
        length = text_safe_length(text);
    return length != 0;
}

static enum status text_report(const struct series *series, const struct choice *choice, const char *command,
                               struct error *err)
{
    const struct series_run *best = choice->best, *chosen = choice->recommended;
    size_t missing = series_count(series, SERIES_MISSING) + series_count(series, SERIES_STOPPED);
    char accuracy[NUMBER_TEXT], enough[NUMBER_TEXT], all[NUMBER_TEXT], path[PATH_SHOWN];
    struct lines lines;
    if (missing)
        say(stdout, "missing  %zu of %zu combinations", missing, series->count);
    if (!chosen)
        return OK;
    say(stdout,
        "accuracy of the best epoch on %s validation photos, with Wilson's interval; an epoch: the median; memory: as "
        "planned",
        number_count(all, best->result.photos));
    say(stdout, "best     %s: %s", best->name, number_percent(accuracy, record_result_accuracy(&best->result)));
    say(stdout,
        "choose   %s: %s; it trains the fewest parameters of all that are not more than one standard error below the "
        "best (%s)",
        chosen->name, number_percent(accuracy, record_result_accuracy(&chosen->result)),
        number_percent(enough, sweep_good_enough(best)));
    text_escape(path, sizeof path, series->path);
    say(stdout, "model    %s/%s/best.safetensors", path, chosen->name);
    say(stdout, "again    sh %s/reproduce.sh", path);
    if (is_safe(command)) { /* else a name that a terminal must not be shown; the file has it as it is */
        fprintf(lines_start_command(&lines, stdout), "         %s\n", command);
        lines_end(&lines);
    }
    return curve_show(series, chosen, err);
}

enum status show_sweep(const struct series *series, enum table_format format, bool json, struct error *err)
{
    const struct choice choice = {sweep_best(series), sweep_recommended(series)};
    char *command = NULL;
    enum status status = OK;
    if (choice.recommended)
        status = command_of(&command, choice.recommended, err);
    if (status == OK && json)
        status = json_report(series, &choice, command, err);
    else if (status == OK)
        status = put_table(stdout, series, format, err);
    if (status == OK && !json && format == TABLE_TEXT)
        status = text_report(series, &choice, command, err);
    free(command);
    return status;
}
