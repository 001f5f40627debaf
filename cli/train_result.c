#define _DEFAULT_SOURCE
/* The end of train: the epochs, the best, the proof. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/json.h"
#include "cli/numbers.h"
#include "cli/profile_report.h"
#include "cli/table.h"
#include "cli/train_report.h"
#include "core/base/file.h"
#include "core/base/memory.h"

void proof_text(char *out, size_t size, const struct training *t, const struct training_proof *proof)
{
    const struct net *net = t->net;
    int until = train_freeze(t->train)->until;
    char tensors[NUMBER_TEXT], values[NUMBER_TEXT], moving[96] = "";
    if (until == 0) {
        snprintf(out, size, "frozen: nothing (%s)",
                 t->options.unfreezing.count ? "everything trained at the end" : "--freeze-until 0");
        return;
    }
    if (proof->moving > 0)
        snprintf(moving, sizeof moving, "; %zu running statistics moved, as --bn-frozen batch asks", proof->moving);
    snprintf(out, size, "frozen: %s 1%s%.0d (%s%s%s), %s tensors, %s values: bit-identical%s",
             until == 1 ? "child" : "children", until == 1 ? "" : "-", until == 1 ? 0 : until, net->child_names[1],
             until == 1 ? "" : "..", until == 1 ? "" : net->child_names[until], number_count(tensors, proof->tensors),
             number_count(values, proof->values), moving);
}

/* Which fields of metrics.csv the table shows. */
static const struct {
    size_t field;
    struct column column;
    enum { FIELD_AS_IS, FIELD_RATE, FIELD_PERCENT, FIELD_LOSS, FIELD_TIME, FIELD_BEST } form;
} shown[] = {
    {0, {"epoch", COLUMN_NUMBER, 0, 0}, FIELD_AS_IS},
    {1, {"lr", COLUMN_NUMBER, 0, 3}, FIELD_RATE},
    {2, {"loss", COLUMN_NUMBER, 0, 0}, FIELD_LOSS},
    {3, {"accuracy", COLUMN_NUMBER, 0, 0}, FIELD_PERCENT},
    {4, {"val loss", COLUMN_NUMBER, 0, 0}, FIELD_LOSS},
    {5, {"val accuracy", COLUMN_NUMBER, 0, 0}, FIELD_PERCENT},
    {7, {"val macro-F1", COLUMN_NUMBER, 0, 4}, FIELD_PERCENT},
    {11, {"time", COLUMN_NUMBER, 0, 2}, FIELD_TIME},
    {10, {"", COLUMN_TEXT, 4, 1}, FIELD_BEST},
};
enum { SHOWN = sizeof shown / sizeof *shown, FIELDS = 12 };

/* Cuts the line at its commas, in place; false when there are not FIELDS of them. */
static bool split_line(char *fields[FIELDS], char *line)
{
    size_t count = 0;
    for (char *at = line; at && count < FIELDS; count++) {
        fields[count] = at;
        at = strchr(at, ',');
        if (at)
            *at++ = '\0';
    }
    return count == FIELDS;
}

static const char *cell_of(char out[NUMBER_TEXT], size_t i, char *fields[FIELDS], bool best)
{
    const char *text = fields[shown[i].field];
    double value = strtod(text, NULL);
    switch (shown[i].form) {
    case FIELD_PERCENT:
        return number_percent(out, value);
    case FIELD_RATE:
        snprintf(out, NUMBER_TEXT, "%.3g", value);
        return out;
    case FIELD_LOSS:
        snprintf(out, NUMBER_TEXT, "%.4f", value);
        return out;
    case FIELD_TIME:
        return number_seconds(out, value);
    case FIELD_BEST:
        return best ? "best" : "";
    default:
        return text;
    }
}

static enum status epochs_table(char *text, size_t best, struct error *err)
{
    struct column columns[SHOWN];
    struct table table;
    enum status status = OK;
    for (size_t i = 0; i < SHOWN; i++)
        columns[i] = shown[i].column;
    table_start(&table, stdout, TABLE_TEXT, columns, SHOWN);
    char *rest = text, *line = strsep(&rest, "\n"); /* the titles */
    while (status == OK && (line = strsep(&rest, "\n")) && *line) {
        char *fields[FIELDS], cells[SHOWN][NUMBER_TEXT];
        const char *row[SHOWN];
        if (!split_line(fields, line))
            continue;
        for (size_t i = 0; i < SHOWN; i++)
            row[i] = cell_of(cells[i], i, fields, strtoull(fields[0], NULL, 10) == best + 1);
        status = table_row(&table, row, err);
    }
    if (status == OK)
        table_end(&table);
    table_discard(&table);
    return status;
}

static enum status text_end(const struct run_folder *folder, const char *proof, struct error *err)
{
    const struct train_state *state = train_state_get(folder->training->train);
    char *path, accuracy[NUMBER_TEXT];
    uint8_t *text;
    size_t size;
    enum status status = path_join(&path, folder->path, "metrics.csv", err);
    if (status != OK)
        return status;
    status = file_read(&text, &size, path, RUN_METRICS_MOST, err);
    memory_free(path);
    if (status != OK)
        return status;
    putchar('\n');
    status = epochs_table((char *)text, state->best_epoch, err);
    memory_free(text);
    printf("best    epoch %zu: validation accuracy %s, loss %.4f\n", state->best_epoch + 1,
           number_percent(accuracy, state->best_accuracy), state->best_loss);
    fputs("model   ", stdout);
    text_padded(stdout, folder->best, 0, false);
    putchar('\n');
    puts(proof);
    return status;
}

/* ---- --profile --------------------------------------------------------------------------------------------------- */
enum { PARTS = 8 };

static double parts_of(struct profile_part parts[PARTS], const struct train *train)
{
    struct train_times times = train_times(train);
    const struct profile_part all[PARTS] = {{"waiting for photos", times.photos},
                                            {"frozen part", times.prefix},
                                            {"forward of the rest", times.suffix},
                                            {"backward", times.backward},
                                            {"optimizer", times.optimizer},
                                            {"validation: network", times.validation},
                                            {"validation: waiting for photos", times.validation_photos},
                                            {"saving", times.saving}};
    memcpy(parts, all, sizeof all);
    return times.all;
}

enum status report_profile(const struct training *t, struct error *err)
{
    struct profile_part parts[PARTS];
    double total = parts_of(parts, t->train);
    putchar('\n');
    enum status status = profile_report(stdout, TABLE_TEXT, train_profile(t->train), err);
    putchar('\n');
    return status == OK ? profile_report_parts(stdout, parts, PARTS, total, err) : status;
}

static void json_profile(struct json *json, const struct training *t)
{
    struct profile_part parts[PARTS];
    double total = parts_of(parts, t->train);
    profile_report_json(json, train_profile(t->train), parts, PARTS, total);
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */
static const char *const end_names[] = {
    [TRAIN_EPOCHS] = "epochs", [TRAIN_PATIENCE] = "patience", [TRAIN_TIME] = "time-limit"};

enum status report_end(const struct run_folder *folder, const struct training_proof *proof, struct error *err)
{
    const struct training *t = folder->training;
    const struct train_state *state = train_state_get(t->train);
    char line[512];
    proof_text(line, sizeof line, t, proof);
    if (!t->values->json)
        return text_end(folder, line, err);
    struct json json = json_start(stdout, true);
    json_open(&json, NULL, '{');
    json_text(&json, "run", folder->path);
    json_text(&json, "model", folder->best);
    json_int(&json, "epochs", (int64_t)state->epoch);
    json_int(&json, "steps", (int64_t)state->step);
    json_text(&json, "ended_by", end_names[train_end_get(t->train)]);
    json_int(&json, "best_epoch", (int64_t)state->best_epoch + 1);
    json_double(&json, "val_accuracy", state->best_accuracy);
    json_double(&json, "val_loss", state->best_loss);
    json_open(&json, "frozen", '{');
    json_int(&json, "children", train_freeze(t->train)->until);
    json_int(&json, "tensors", (int64_t)proof->tensors);
    json_int(&json, "values", (int64_t)proof->values);
    json_int(&json, "moving_statistics", (int64_t)proof->moving);
    json_bool(&json, "identical", true);
    json_close(&json);
    if (t->values->profile)
        json_profile(&json, t);
    json_close(&json);
    json_end(&json);
    return OK;
}
