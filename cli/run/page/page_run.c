#define _GNU_SOURCE
#include "cli/run/page/page_run.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/run/run_file.h"
#include "cli/run/shell_command.h"
#include "core/base/file.h"
#include "core/base/json_text.h"
#include "core/base/memory.h"

enum { CONFIG_MOST = 64 << 20, STEP_POINTS = 400 };

static const cJSON *item_of(const struct page_run *run, const char *object, const char *key)
{
    const cJSON *in = object ? cJSON_GetObjectItemCaseSensitive(run->config, object) : run->config;
    return cJSON_GetObjectItemCaseSensitive(in, key);
}

const char *page_run_text(const struct page_run *run, const char *object, const char *key)
{
    const cJSON *item = item_of(run, object, key);
    return cJSON_IsString(item) ? item->valuestring : NULL;
}

double page_run_number(const struct page_run *run, const char *object, const char *key, double otherwise)
{
    const cJSON *item = item_of(run, object, key);
    return cJSON_IsNumber(item) ? item->valuedouble : otherwise;
}

const char *page_run_data(const struct page_run *run, const char *otherwise)
{
    const char *data = run->config ? page_run_text(run, "options", "data") : NULL;
    const char *slash = data ? strrchr(data, '/') : NULL;
    return slash && slash[1] ? slash + 1 : data ? data : otherwise;
}

static enum status read_config(struct page_run *run, struct error *err)
{
    char *text;
    size_t size;
    enum status status = run_file_read(&text, &size, run->folder, "config.json", CONFIG_MOST, err);
    if (status == OK && !text)
        return error_set(err, ERR_NOINPUT, "%s/config.json: %s", run->folder, strerror(ENOENT));
    if (status == OK && !(run->config = json_text_parse(text, size)))
        status = error_set(err, ERR_DATA, "%s/config.json: is no JSON", run->folder);
    memory_free(text);
    return status;
}

static enum status read_classes(struct page_run *run, struct error *err)
{
    const cJSON *names = cJSON_GetObjectItemCaseSensitive(run->config, "classes"), *name;
    int count = cJSON_IsArray(names) ? cJSON_GetArraySize(names) : 0;
    void *memory;
    if (count == 0)
        return error_set(err, ERR_DATA, "%s/config.json: names no classes: is no run of train", run->folder);
    enum status status = memory_alloc(&memory, (size_t)count, sizeof(char *), "the classes", err);
    if (status != OK)
        return status;
    run->classes.names = memory;
    cJSON_ArrayForEach(name, names)
    {
        if (!cJSON_IsString(name))
            return error_set(err, ERR_DATA, "%s/config.json: a class is no text", run->folder);
        status = memory_strdup(&run->classes.names[run->classes.count], name->valuestring, err);
        if (status != OK)
            return status;
        run->classes.count++;
    }
    return OK;
}

/* The options as --resume reads them, and the command line that repeats them. */
static enum status read_options(struct page_run *run, struct error *err)
{
    const char *const line[] = {"--resume", run->folder};
    struct arguments given;
    size_t size;
    enum status status = arguments_parse(&given, &train_table, 2, line, err);
    if (status == OK)
        status = train_options_resume(&run->resumed, &given, err);
    arguments_free(&given);
    if (status != OK)
        return status;
    run->values = run->resumed.arguments.values;
    FILE *stream = open_memstream(&run->command, &size);
    if (!stream)
        return error_memory(err, "the command line", 0);
    status = shell_command_train(stream, run->values, err);
    if (fclose(stream) != 0 && status == OK)
        status = error_memory(err, "the command line", 0);
    return status;
}

static enum status read_rows(struct page_run *run, struct error *err)
{
    char *text = NULL, *path;
    void *rows = NULL;
    size_t room = 0;
    enum status status = path_join(&path, run->folder, "metrics.csv", err);
    if (status != OK)
        return status;
    bool begun = !path_is_missing(path);
    memory_free(path);
    if (!begun)
        return OK;
    status = record_metrics_read(&text, run->folder, err);
    for (const char *line = text; status == OK && *line; line = record_metrics_next(line)) {
        struct metrics_row row;
        if (!strchr(line, '\n') || !record_metrics_row(&row, line))
            continue;
        status = memory_grow(&rows, &room, run->row_count + 1, sizeof(struct metrics_row), "the epochs", err);
        run->rows = rows;
        if (status == OK)
            run->rows[run->row_count++] = row;
        if (status == OK && row.best)
            run->best = run->row_count;
    }
    memory_free(text);
    return status;
}

/* ---- log.jsonl --------------------------------------------------------------------------------------------------- */

/* Steps of an epoch and of all that is shown, and their losses gathered in STEP_POINTS parts of it. */
struct gathered {
    double per_epoch, epochs;
    double x[STEP_POINTS], y[STEP_POINTS];
    size_t count[STEP_POINTS];
};

static double value_of(const cJSON *line, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(line, key);
    return cJSON_IsNumber(item) ? item->valuedouble : NAN;
}

static void gather(struct gathered *g, const char *line, size_t length)
{
    static const char begins[] = "{\"event\": \"step\"";
    if (length < sizeof begins || strncmp(line, begins, sizeof begins - 1) != 0)
        return;
    cJSON *root = json_text_parse(line, length);
    double x = value_of(root, "epoch") - 1 + value_of(root, "step") / g->per_epoch, loss = value_of(root, "loss");
    double part = x / g->epochs * STEP_POINTS;
    cJSON_Delete(root);
    if (!(part >= 0 && part <= STEP_POINTS) || !isfinite(loss))
        return;
    size_t i = part < STEP_POINTS ? (size_t)part : STEP_POINTS - 1;
    g->x[i] += x;
    g->y[i] += loss;
    g->count[i]++;
}

static enum status keep(struct page_points *out, const struct gathered *g, struct error *err)
{
    void *memory;
    enum status status = memory_alloc(&memory, 2 * STEP_POINTS, sizeof(double), "the losses", err);
    if (status != OK)
        return status;
    out->x = memory;
    out->y = out->x + STEP_POINTS;
    for (size_t i = 0; i < STEP_POINTS; i++) {
        if (g->count[i] == 0)
            continue;
        out->x[out->count] = g->x[i] / (double)g->count[i];
        out->y[out->count++] = g->y[i] / (double)g->count[i];
    }
    return OK;
}

/* A line at a time: there is one for every step. What cannot be read leaves the curve out, which is no error. */
static enum status read_steps(struct page_run *run, struct error *err)
{
    struct gathered g = {.per_epoch = page_run_number(run, NULL, "steps_per_epoch", 0),
                         .epochs = (double)(run->row_count > 0 ? run->row_count : 1)};
    char *path, *line = NULL;
    size_t room = 0;
    ssize_t length;
    enum status status = path_join(&path, run->folder, "log.jsonl", err);
    if (status != OK)
        return status;
    FILE *in = g.per_epoch >= 1 ? fopen(path, "r") : NULL;
    if (g.per_epoch >= 1 && !in && errno != ENOENT)
        status = error_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    memory_free(path);
    while (in && (length = getline(&line, &room, in)) > 0)
        gather(&g, line, (size_t)length);
    free(line);
    if (in)
        fclose(in);
    return status == OK ? keep(&run->steps, &g, err) : status;
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

static enum status read_name(struct page_run *run, struct error *err)
{
    char resolved[PATH_MAX];
    const char *path = realpath(run->folder, resolved), *slash = path ? strrchr(path, '/') : NULL;
    if (!path)
        return error_set(err, ERR_NOINPUT, "%s: %s", run->folder, strerror(errno));
    return memory_strdup(&run->name, slash && slash[1] ? slash + 1 : path, err);
}

enum status page_run_open_series(struct page_run *out, const char *folder, struct error *err)
{
    *out = (struct page_run){.folder = folder};
    enum status status = read_name(out, err);
    if (status == OK)
        status = read_config(out, err);
    return status == OK ? read_options(out, err) : status;
}

enum status page_run_open(struct page_run *out, const char *folder, size_t photos, struct error *err)
{
    *out = (struct page_run){.folder = folder, .measured = {.classes = &out->classes, .photos = "validation photos"}};
    enum status status = read_name(out, err);
    if (status == OK)
        status = read_config(out, err);
    if (status == OK)
        status = read_classes(out, err);
    if (status == OK)
        status = read_options(out, err);
    if (status == OK)
        status = read_rows(out, err);
    if (status == OK)
        status = read_steps(out, err);
    if (status == OK)
        status = record_result_read(&out->result, &out->over, NULL, folder, err);
    if (status == OK)
        status = page_answers_read(&out->measured.answers, &out->answered, &folder, 1, &out->classes, photos,
                                   (uint64_t)out->values->seed, err);
    if (status == OK && out->answered)
        status = page_calibration_read(&out->measured.calibration, folder, err);
    return status;
}

void page_run_close(struct page_run *run)
{
    page_training_free(&run->training);
    page_measured_free(&run->measured);
    memory_free(run->steps.x);
    memory_free(run->rows);
    free(run->command);
    resumed_free(&run->resumed);
    class_names_free(&run->classes);
    cJSON_Delete(run->config);
    memory_free(run->name);
    *run = (struct page_run){0};
}
