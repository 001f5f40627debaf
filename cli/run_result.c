#define _DEFAULT_SOURCE
#include "cli/run_result.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "cli/json.h"
#include "cli/summary.h"
#include "cli/train_report.h"
#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/base/outfile.h"
#include "core/train/statistics.h"

enum { RESULT_MOST = 64 << 20 }; /* the state names every photo that could not be read */

double run_result_accuracy(const struct run_result *result)
{
    return result->photos ? (double)result->right / (double)result->photos : 0;
}

/* ---- out of metrics.csv ------------------------------------------------------------------------------------------ */

/* The value of a line under a title of the first line; NaN when there is none. Numbers only: no cell is quoted. */
static double value_under(const char *title, const char *titles, const char *line)
{
    size_t length = strlen(title);
    while (strncmp(titles, title, length) != 0 || (titles[length] != ',' && titles[length] != '\n')) {
        titles += strcspn(titles, ",\n");
        line += strcspn(line, ",\n");
        if (*titles != ',' || *line != ',')
            return NAN;
        titles++;
        line++;
    }
    char *end;
    double value = strtod(line, &end);
    return end > line && (*end == ',' || *end == '\n') ? value : NAN;
}

static const char *next_line(const char *text)
{
    const char *end = strchr(text, '\n');
    return end ? end + 1 : text + strlen(text);
}

static enum status read_epochs(struct run_result *result, const char *text, const char *path, struct error *err)
{
    void *memory;
    double *seconds, f1 = 0;
    size_t rows = 0;
    enum status status = memory_alloc(&memory, result->epochs + 1, sizeof *seconds, "the epochs", err);
    if (status != OK)
        return status;
    seconds = memory;
    for (const char *line = next_line(text); *line && rows < result->epochs; line = next_line(line)) {
        seconds[rows++] = value_under("seconds", text, line);
        if (rows == result->best_epoch)
            f1 = value_under("val_macro_f1", text, line);
    }
    bool good = rows == result->epochs && isfinite(f1);
    for (size_t i = 0; i < rows; i++)
        good = good && isfinite(seconds[i]);
    if (good && rows > 0) {
        result->seconds = median_of(seconds, rows);
        result->macro_f1 = f1;
    }
    memory_free(memory);
    return good ? OK : error_set(err, ERR_DATA, "%s: is not what the run had written: it was changed", path);
}

/* The text and the path of metrics.csv, owned by the caller. */
static enum status open_metrics(char **text, char **path, const struct run_folder *folder, struct error *err)
{
    uint8_t *bytes;
    size_t size;
    enum status status = path_join(path, folder->path, "metrics.csv", err);
    if (status != OK)
        return status;
    fflush(folder->metrics);
    status = file_read(&bytes, &size, *path, RUN_METRICS_MOST, err);
    if (status == OK)
        *text = (char *)bytes;
    else
        memory_free(*path);
    return status;
}

static enum status read_metrics(struct run_result *result, const struct run_folder *folder, struct error *err)
{
    char *text, *path;
    enum status status = open_metrics(&text, &path, folder, err);
    if (status != OK)
        return status;
    status = read_epochs(result, text, path, err);
    memory_free(text);
    memory_free(path);
    return status;
}

enum status run_result_last_seconds(double *out, const struct run_folder *folder, struct error *err)
{
    char *text, *path;
    enum status status = open_metrics(&text, &path, folder, err);
    if (status != OK)
        return status;
    *out = 0;
    for (const char *line = next_line(text); *line; line = next_line(line))
        *out = value_under("seconds", text, line);
    if (!isfinite(*out) || *out < 0)
        *out = 0;
    memory_free(text);
    memory_free(path);
    return OK;
}

enum status run_result_collect(struct run_result *out, const struct run_folder *folder, bool diverged,
                               struct error *err)
{
    const struct training *t = folder->training;
    const struct train_state *state = train_state_get(t->train);
    struct run_result result = {
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
        .memory = report_memory(t),
    };
    enum status status = read_metrics(&result, folder, err);
    if (status == OK)
        *out = result;
    return status;
}

/* ---- result.json ------------------------------------------------------------------------------------------------- */

static void put(struct json *json, const struct run_result *result, const char *state)
{
    json_open(json, NULL, '{');
    json_bool(json, "diverged", result->diverged);
    json_int(json, "freeze_until", result->freeze_until);
    json_double(json, "lr", result->lr);
    json_int(json, "train_photos", (int64_t)result->train_photos);
    json_int(json, "epochs", (int64_t)result->epochs);
    json_int(json, "best_epoch", (int64_t)result->best_epoch);
    json_int(json, "val_photos", (int64_t)result->photos);
    json_int(json, "val_right", (int64_t)result->right);
    json_double(json, "val_accuracy", run_result_accuracy(result));
    json_bool(json, "val_compared", result->compared);
    json_int(json, "unreadable_photos", (int64_t)result->unreadable);
    json_int(json, "unavailable_photos", (int64_t)result->unavailable);
    json_int(json, "epochs_not_compared", (int64_t)result->uncompared);
    json_double(json, "val_loss", result->loss);
    json_double(json, "val_macro_f1", result->macro_f1);
    json_int(json, "trained_parameters", (int64_t)result->parameters);
    json_double(json, "seconds_per_epoch", result->seconds);
    json_int(json, "memory", (int64_t)result->memory);
    json_text(json, "state", state);
    json_close(json);
    json_end(json);
}

enum status run_result_write(const char *folder, const struct run_result *result, const char *state, struct error *err)
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

static size_t count_of(const cJSON *root, const char *key, bool *good)
{
    return (size_t)number_of(root, key, 0, 0x1p53, good);
}

/* What earlier versions did not write. */
static size_t later_count(const cJSON *root, const char *key, bool *good)
{
    return cJSON_HasObjectItem(root, key) ? count_of(root, key, good) : 0;
}

static bool take(struct run_result *out, const cJSON *root)
{
    const cJSON *diverged = cJSON_GetObjectItemCaseSensitive(root, "diverged");
    bool good = cJSON_IsBool(diverged);
    *out = (struct run_result){
        .diverged = cJSON_IsTrue(diverged),
        .freeze_until = (int)number_of(root, "freeze_until", 0, 1000, &good),
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
    return good && out->right <= out->photos;
}

/* Versions before wrote none. */
static enum status take_state(char **state, const cJSON *root, struct error *err)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(root, "state");
    return state && cJSON_IsString(item) ? memory_strdup(state, item->valuestring, err) : OK;
}

enum status run_result_read(struct run_result *out, bool *there, char **state, const char *folder, struct error *err)
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
    *there = status != ERR_NOINPUT;
    if (status == OK) {
        cJSON *root = cJSON_Parse((const char *)text);
        struct run_result result;
        bool good = root && take(&result, root);
        if (good)
            status = take_state(state, root, err);
        if (good && status == OK)
            *out = result;
        else if (!good)
            status =
                error_set(err, ERR_DATA, "%s: is not the result of a run: remove it to have the run end anew", path);
        cJSON_Delete(root);
    }
    memory_free(text);
    memory_free(path);
    return *there ? status : OK;
}
