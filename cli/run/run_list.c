#define _GNU_SOURCE
#include "cli/run/run_list.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/run/record_lock.h"
#include "cli/run/record_metrics.h"
#include "cli/run/record_result.h"
#include "cli/run/run_file.h"
#include "core/base/file.h"
#include "core/base/json_text.h"
#include "core/base/memory.h"

enum { CONFIG_MOST = 64 << 20, OPTIONS_MOST = 1000 };

const char *const run_state_names[] = {[RUN_FINISHED] = "finished",
                                       [RUN_RUNNING] = "running",
                                       [RUN_INTERRUPTED] = "interrupted",
                                       [RUN_DIVERGED] = "diverged",
                                       [RUN_DAMAGED] = "damaged"};

/* ---- one run ----------------------------------------------------------------------------------------------------- */

/* What a file of the run has wrong is no error of the list, but for a lack of memory. */
static enum status note_damage(struct listed_run *run, enum status status, const struct error *why, struct error *err)
{
    if (status == ERR_SYSTEM)
        return error_set(err, status, "%s", why->text);
    run->state = RUN_DAMAGED;
    return run->reason ? OK : memory_strdup(&run->reason, why->text, err);
}

static void take_text(char *out, size_t size, const cJSON *item)
{
    if (cJSON_IsString(item))
        snprintf(out, size, "%s", item->valuestring);
}

/* Takes the options out of the object. */
static void take_config(struct listed_run *run, cJSON *root)
{
    const cJSON *until =
        cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(root, "options"), "freeze-until");
    if (cJSON_IsNumber(until) && until->valuedouble >= 0 && until->valuedouble <= 1000)
        run->freeze_until = (int)until->valuedouble;
    take_text(run->arch, sizeof run->arch, cJSON_GetObjectItemCaseSensitive(root, "arch"));
    take_text(run->photos, sizeof run->photos, cJSON_GetObjectItemCaseSensitive(root, "photos"));
    run->options = cJSON_DetachItemFromObjectCaseSensitive(root, "options");
}

static enum status take_result(struct listed_run *run, const char *path, struct error *err)
{
    struct record_result result;
    struct error why;
    bool over;
    enum status status = record_result_read(&result, &over, NULL, path, &why);
    if (status != OK)
        return note_damage(run, status, &why, err);
    if (!over)
        return OK;
    run->state = result.diverged ? RUN_DIVERGED : RUN_FINISHED;
    run->epochs = result.epochs;
    run->best_epoch = result.best_epoch;
    if (result.best_epoch > 0) {
        run->accuracy = record_result_accuracy(&result);
        run->macro_f1 = result.macro_f1;
        run->loss = result.loss;
    }
    return OK;
}

/* Rows up to one that has no end yet. Of a run that is over only the time is taken. False: a row is none. */
static bool take_rows(struct listed_run *run, const char *text)
{
    bool over = run->state == RUN_FINISHED || run->state == RUN_DIVERGED;
    double seconds = 0;
    for (const char *line = record_metrics_next(text); strchr(line, '\n'); line = record_metrics_next(line)) {
        struct metrics_row row;
        if (!record_metrics_row(&row, line))
            return false;
        seconds += row.seconds;
        run->seconds = seconds;
        if (!over)
            run->epochs = row.epoch;
        if (!over && row.best) {
            run->best_epoch = row.epoch;
            run->accuracy = row.val_accuracy;
            run->macro_f1 = row.macro_f1;
            run->loss = row.val_loss;
        }
    }
    return true;
}

static enum status take_metrics(struct listed_run *run, const char *path, struct error *err)
{
    char *text = NULL;
    struct error why;
    enum status status = record_metrics_read(&text, path, &why);
    if (status == ERR_NOINPUT)
        return OK; /* it has not begun */
    if (status == OK && !take_rows(run, text))
        status = error_set(&why, ERR_DATA, "%s/metrics.csv: a row differs from what a run writes", path);
    memory_free(text);
    return status == OK ? OK : note_damage(run, status, &why, err);
}

/* Takes the name. `root` is config.json's object, or NULL, and `why` says what is wrong with it. */
static enum status add_run(struct run_list *list, const char *path, char *name, cJSON *root, enum status config,
                           const struct error *why, struct error *err)
{
    void *runs = list->runs;
    enum status status = memory_grow(&runs, &list->capacity, list->count + 1, sizeof *list->runs, "the runs", err);
    list->runs = runs;
    if (status != OK) {
        memory_free(name);
        return status;
    }
    struct listed_run *run = &list->runs[list->count++];
    *run = (struct listed_run){.name = name, .state = RUN_INTERRUPTED, .freeze_until = -1};
    run->accuracy = run->macro_f1 = run->loss = run->seconds = NAN;
    if (!root)
        return note_damage(run, config, why, err);
    take_config(run, root);
    if (record_lock_is_held(path))
        run->state = RUN_RUNNING;
    else
        status = take_result(run, path, err);
    return status == OK ? take_metrics(run, path, err) : status;
}

/* ---- folders ----------------------------------------------------------------------------------------------------- */

static enum status add_other(struct run_list *list, const char *name, const char *reason, struct error *err)
{
    void *others = list->others;
    enum status status =
        memory_grow(&others, &list->other_capacity, list->other_count + 1, sizeof *list->others, "the folders", err);
    list->others = others;
    if (status == OK)
        status = memory_strdup(&list->others[list->other_count].name, name, err);
    if (status == OK)
        list->others[list->other_count++].reason = reason;
    return status;
}

/* *there: the folder has a config.json. *root: its object, or NULL with the status and `why`. */
static enum status read_config(cJSON **root, bool *there, const char *folder, struct error *why)
{
    char *text;
    size_t size;
    enum status status = run_file_read(&text, &size, folder, "config.json", CONFIG_MOST, why);
    *root = NULL;
    *there = status != OK || text;
    if (status != OK || !text)
        return status;
    *root = json_text_parse(text, size);
    const cJSON *options = cJSON_GetObjectItemCaseSensitive(*root, "options");
    if (!cJSON_IsObject(options) || cJSON_GetArraySize(options) > OPTIONS_MOST) {
        status = error_set(why, ERR_DATA, "%s/config.json: is not the config.json of a run, or is damaged", folder);
        cJSON_Delete(*root);
        *root = NULL;
    }
    memory_free(text);
    return status;
}

static enum status walk(struct run_list *list, const char *path, const char *name, unsigned depth, struct error *err);

/* Every folder in it. `prefix` is what its runs are called after, or NULL. */
static enum status walk_inside(struct run_list *list, const char *path, const char *prefix, unsigned depth,
                               struct error *err)
{
    DIR *folder = folder_open(path);
    struct dirent *entry;
    enum status status = folder ? OK : file_failure(path, errno, err);
    while (status == OK && (entry = folder_next(folder))) {
        char *inner = NULL, *name = NULL;
        struct stat info;
        if (entry->d_name[0] == '.')
            continue;
        status = path_join(&inner, path, entry->d_name, err);
        if (status == OK)
            status = prefix ? path_join(&name, prefix, entry->d_name, err) : memory_strdup(&name, entry->d_name, err);
        if (status == OK && path_stat(&info, inner) == 0 && S_ISDIR(info.st_mode))
            status = walk(list, inner, name, depth, err);
        memory_free(inner);
        memory_free(name);
    }
    if (folder)
        closedir(folder);
    return status;
}

/* A folder below the one that was named (depth 1), or below a sweep or folds (depth 2). */
static enum status walk(struct run_list *list, const char *path, const char *name, unsigned depth, struct error *err)
{
    cJSON *root;
    bool there;
    struct error why;
    char *own = NULL;
    size_t before = list->count;
    enum status config = read_config(&root, &there, path, &why), status = OK;
    bool series = cJSON_IsString(cJSON_GetObjectItemCaseSensitive(root, "command"));
    if (!there) {
        status = add_other(list, name, "it has no config.json", err);
    } else if (series && depth < 2) {
        status = walk_inside(list, path, depth == 0 ? NULL : name, 2, err);
        if (status == OK && list->count == before)
            status = add_other(list, name, "no run in it has started", err);
    } else {
        status = memory_strdup(&own, name, err);
        if (status == OK)
            status = add_run(list, path, own, root, config, &why, err);
    }
    cJSON_Delete(root);
    return status;
}

enum status run_list_read(struct run_list *out, const char *folder, struct error *err)
{
    cJSON *root;
    bool there;
    struct error why;
    *out = (struct run_list){0};
    enum status status = read_config(&root, &there, folder, &why);
    cJSON_Delete(root);
    if (status == ERR_SYSTEM)
        return error_set(err, status, "%s", why.text);
    status = there ? walk(out, folder, folder, 0, err) : walk_inside(out, folder, NULL, 1, err);
    if (status == OK && out->count == 0)
        status = error_set(err, ERR_NOINPUT,
                           "%s: holds no run: no folder in it has a config.json; name the folder that --out named, "
                           "or the one above it",
                           folder);
    if (status == OK)
        run_list_sort(out, ORDER_NAME);
    return status;
}

void run_list_free(struct run_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        memory_free(list->runs[i].name);
        memory_free(list->runs[i].reason);
        cJSON_Delete(list->runs[i].options);
    }
    for (size_t i = 0; i < list->other_count; i++)
        memory_free(list->others[i].name);
    memory_free(list->runs);
    memory_free(list->others);
    *list = (struct run_list){0};
}

/* ---- order ------------------------------------------------------------------------------------------------------- */

const char *const run_orders[] = {[ORDER_NAME] = "name", [ORDER_ACCURACY] = "accuracy", [ORDER_MACRO_F1] = "macro-f1",
                                  [ORDER_LOSS] = "loss", [ORDER_TIME] = "time",         NULL};

/* Less comes first. */
static double place_of(const struct listed_run *run, enum run_order order)
{
    const double places[] = {[ORDER_NAME] = 0,
                             [ORDER_ACCURACY] = -run->accuracy,
                             [ORDER_MACRO_F1] = -run->macro_f1,
                             [ORDER_LOSS] = run->loss,
                             [ORDER_TIME] = run->seconds};
    return isnan(places[order]) ? INFINITY : places[order];
}

static int compare(const void *a, const void *b, void *order)
{
    const struct listed_run *x = a, *y = b;
    double first = place_of(x, *(enum run_order *)order), second = place_of(y, *(enum run_order *)order);
    return first < second ? -1 : first > second ? 1 : strverscmp(x->name, y->name);
}

void run_list_sort(struct run_list *list, enum run_order order)
{
    if (list->count > 1)
        qsort_r(list->runs, list->count, sizeof *list->runs, compare, &order);
}
