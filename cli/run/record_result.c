#include "cli/run/record_result.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/report/summary.h"
#include "cli/run/record_metrics.h"
#include "cli/run/run_memory.h"
#include "cli/shell/json.h"
#include "core/base/file.h"
#include "core/base/json_text.h"
#include "core/base/memory.h"
#include "core/base/outfile.h"
#include "core/train/statistics.h"

enum { RESULT_MOST = 64 << 20 }; /* the state names every photo that could not be read */

double record_result_accuracy(const struct record_result *result)
{
    return result->photos ? (double)result->right / (double)result->photos : 0;
}

/* ---- out of metrics.csv ------------------------------------------------------------------------------------------ */

/* Rows are those of epochs 1, 2, ...: the run has written them so. */
static enum status take_epochs(struct record_result *result, const char *text, const char *folder, struct error *err)
{
    void *memory;
    double *seconds, f1 = 0;
    size_t rows = 0;
    struct metrics_row row;
    enum status status = memory_alloc(&memory, result->epochs + 1, sizeof *seconds, "the epochs", err);
    if (status != OK)
        return status;
    seconds = memory;
    for (const char *line = record_metrics_next(text); *line && rows < result->epochs;
         line = record_metrics_next(line)) {
        if (!record_metrics_row(&row, line) || row.epoch != rows + 1)
            break;
        seconds[rows++] = row.seconds;
        if (rows == result->best_epoch)
            f1 = row.macro_f1;
    }
    bool good = rows == result->epochs;
    if (good && rows > 0) {
        result->seconds = median_of(seconds, rows);
        result->macro_f1 = f1;
    }
    memory_free(memory);
    return good ? OK
                : error_set(err, ERR_DATA,
                            "%s/metrics.csv: row %zu differs from what the run wrote: restore the file, or start a new "
                            "run",
                            folder, rows + 1);
}

/* The text of metrics.csv, owned by the caller. */
static enum status open_metrics(char **text, const struct record_folder *folder, struct error *err)
{
    fflush(folder->metrics);
    return record_metrics_read(text, folder->path, err);
}

static enum status read_metrics(struct record_result *result, const struct record_folder *folder, struct error *err)
{
    char *text;
    enum status status = open_metrics(&text, folder, err);
    if (status != OK)
        return status;
    status = take_epochs(result, text, folder->path, err);
    memory_free(text);
    return status;
}

enum status record_result_last_seconds(double *out, const struct record_folder *folder, struct error *err)
{
    struct metrics_row row;
    char *text;
    enum status status = open_metrics(&text, folder, err);
    if (status != OK)
        return status;
    *out = 0;
    for (const char *line = record_metrics_next(text); *line; line = record_metrics_next(line))
        *out = record_metrics_row(&row, line) ? row.seconds : 0;
    memory_free(text);
    return OK;
}

enum status record_result_collect(struct record_result *out, const struct record_folder *folder, bool diverged,
                                  struct error *err)
{
    const struct run_setup *t = folder->setup;
    const struct train_state *state = train_state_get(t->train);
    struct record_result result = {
        .diverged = diverged,
        .freeze_until = t->freeze_until,
        .lr = t->values->lr,
        .train_photos = t->dataset.train.count - train_bad_count(t->train, false),
        .epochs = state->epoch,
        .best_epoch = state->has_best ? state->best_epoch + 1 : 0,
        .photos = state->has_best ? state->best_photos : t->dataset.val.count - train_bad_count(t->train, true),
        .right = state->best_right,
        .compared = !state->best_uncompared,
        .unreadable = train_bad_count(t->train, false) + train_bad_count(t->train, true),
        .unavailable = train_absence(t->train, false)->count + train_absence(t->train, true)->count,
        .uncompared = state->uncompared,
        .loss = state->best_loss,
        .parameters = trained_values(t->net, train_freeze(t->train)),
        .memory = run_memory(t, t->train),
    };
    enum status status = read_metrics(&result, folder, err);
    if (status == OK)
        *out = result;
    return status;
}

/* ---- result.json ------------------------------------------------------------------------------------------------- */

void record_result_json(struct json *json, const struct record_result *r)
{
    struct interval interval = interval_of_share(r->right, r->photos, INTERVAL_95);
    json_int(json, "epochs", (int64_t)r->epochs);
    json_int(json, "best_epoch", (int64_t)r->best_epoch);
    json_int(json, "val_photos", (int64_t)r->photos);
    json_int(json, "val_right", (int64_t)r->right);
    json_double(json, "val_accuracy", record_result_accuracy(r));
    json_double(json, "val_accuracy_low", interval.low);
    json_double(json, "val_accuracy_high", interval.high);
    json_double(json, "val_loss", r->loss);
    json_double(json, "val_macro_f1", r->macro_f1);
    json_int(json, "trained_parameters", (int64_t)r->parameters);
    json_double(json, "seconds_per_epoch", r->seconds);
    json_int(json, "memory", (int64_t)r->memory);
}

static void put(struct json *json, const struct record_result *result, const char *state)
{
    json_open(json, NULL, '{');
    json_bool(json, "diverged", result->diverged);
    json_int(json, "freeze_until", result->freeze_until);
    json_double(json, "lr", result->lr);
    json_int(json, "train_photos", (int64_t)result->train_photos);
    record_result_json(json, result);
    json_bool(json, "val_compared", result->compared);
    json_int(json, "unreadable_photos", (int64_t)result->unreadable);
    json_int(json, "unavailable_photos", (int64_t)result->unavailable);
    json_int(json, "epochs_not_compared", (int64_t)result->uncompared);
    json_text(json, "state", state);
    json_close(json);
    json_end(json);
}

enum status record_result_write(const char *folder, const struct record_result *result, const char *state,
                                struct error *err)
{
    struct outfile file;
    enum status status = outfile_open_in(&file, folder, "result.json", err);
    if (status != OK)
        return status;
    struct json json = json_start(file.stream, true);
    put(&json, result, state);
    return outfile_commit(&file, err);
}

/* What is missing or odd counts as wrong. */
static double number_of(const cJSON *root, const char *key, double low, double high, bool *good)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(root, key);
    double value = cJSON_IsNumber(item) ? item->valuedouble : NAN;
    if (value >= low && value <= high)
        return value;
    *good = false;
    return 0;
}

static double whole_of(const cJSON *root, const char *key, double most, bool *good)
{
    double value = number_of(root, key, 0, most, good);
    *good = *good && value == floor(value);
    return value;
}

static size_t count_of(const cJSON *root, const char *key, bool *good)
{
    return (size_t)whole_of(root, key, 0x1p53, good);
}

/* What earlier versions did not write. */
static size_t later_count(const cJSON *root, const char *key, bool *good)
{
    return cJSON_HasObjectItem(root, key) ? count_of(root, key, good) : 0;
}

static bool take(struct record_result *out, const cJSON *root)
{
    const cJSON *diverged = cJSON_GetObjectItemCaseSensitive(root, "diverged");
    bool good = cJSON_IsBool(diverged);
    *out = (struct record_result){
        .diverged = cJSON_IsTrue(diverged),
        .freeze_until = (int)whole_of(root, "freeze_until", 1000, &good),
        .lr = number_of(root, "lr", 0, 1e6, &good),
        .train_photos = count_of(root, "train_photos", &good),
        .epochs = count_of(root, "epochs", &good),
        .best_epoch = count_of(root, "best_epoch", &good),
        .photos = count_of(root, "val_photos", &good),
        .right = count_of(root, "val_right", &good),
        .compared = !cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(root, "val_compared")),
        .unreadable = later_count(root, "unreadable_photos", &good),
        .unavailable = later_count(root, "unavailable_photos", &good),
        .uncompared = later_count(root, "epochs_not_compared", &good),
        .loss = number_of(root, "val_loss", 0, 1e300, &good),
        .macro_f1 = number_of(root, "val_macro_f1", 0, 1, &good),
        .parameters = count_of(root, "trained_parameters", &good),
        .seconds = number_of(root, "seconds_per_epoch", 0, 1e300, &good),
        .memory = count_of(root, "memory", &good),
    };
    return good && out->right <= out->photos && out->best_epoch <= out->epochs;
}

/* Versions before wrote none. */
static enum status take_state(char **state, const cJSON *root, struct error *err)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(root, "state");
    return state && cJSON_IsString(item) ? memory_strdup(state, item->valuestring, err) : OK;
}

enum status record_result_read(struct record_result *out, bool *there, char **state, const char *folder,
                               struct error *err)
{
    char *path;
    uint8_t *text = NULL;
    size_t size;
    if (state)
        *state = NULL;
    enum status status = path_join(&path, folder, "result.json", err);
    if (status != OK)
        return status;
    status = file_read(&text, &size, path, RESULT_MOST, err);
    *there = status != ERR_NOINPUT || !path_is_missing(path);
    if (status == OK) {
        cJSON *root = json_text_parse((const char *)text, size);
        struct record_result result;
        bool good = root && take(&result, root);
        if (good)
            status = take_state(state, root, err);
        if (good && status == OK)
            *out = result;
        else if (!good)
            status = error_set(err, ERR_DATA,
                               "%s: is not the result of a run, or is damaged: remove it, and --resume writes it again",
                               path);
        cJSON_Delete(root);
    }
    memory_free(text);
    memory_free(path);
    return *there ? status : OK;
}
