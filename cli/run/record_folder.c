#define _GNU_SOURCE
#include "cli/run/record_folder.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/run/duplicates.h"
#include "cli/run/record_checkpoint.h"
#include "cli/run/record_files.h"
#include "cli/run/record_lock.h"
#include "cli/run/record_log.h"
#include "cli/run/record_metrics.h"
#include "cli/run/record_photos.h"
#include "cli/run/record_result.h"
#include "cli/shell/growing_file.h"
#include "cli/shell/paths.h"
#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/base/outfile.h"
#include "weights/bind.h"

static const char *const whole_files[] = {"config.json",    "best.safetensors",    "last.safetensors",
                                          "confusion.csv",  "predictions_val.csv", "probabilities_val.csv",
                                          "bad_images.tsv", "lr_find.csv",         "result.json",
                                          "duplicates.tsv", "photos.bin",          NULL};

/* ---- the files that grow ----------------------------------------------------------------------------------------- */

/* log.jsonl holds a line for each step and each epoch, metrics.csv one for each epoch and its head. Events that are
 * there go on, whether or not --tensorboard was given again. */
static enum status open_all(struct record_folder *folder, bool begins, struct error *err)
{
    const struct train_state *state = train_state_get(folder->setup->train);
    enum status status = growing_file_open(&folder->log, folder->path, "log.jsonl", state->step + state->epoch, err);
    if (status == OK)
        status = growing_file_open(&folder->metrics, folder->path, "metrics.csv", begins ? 0 : state->epoch + 1, err);
    if (status == OK && begins)
        fputs(record_metrics_head, folder->metrics);
    if (status == OK)
        folder->short_rows = !begins && !growing_file_begins_with(folder->metrics, record_metrics_head);
    if (status == OK && (folder->setup->values->tensorboard || record_events_exist(folder->path)))
        status = record_events_open(&folder->events, folder->path, folder->setup, err);
    return status;
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static enum status name_files(struct record_folder *folder, struct error *err)
{
    const struct run_setup *t = folder->setup;
    enum status status = path_join(&folder->best, folder->path, "best.safetensors", err);
    if (status == OK)
        status = path_join(&folder->last, folder->path, "last.safetensors", err);
    if (status == OK)
        status = model_metadata(folder->metadata, &folder->metadata_text, t->net->arch, &t->dataset.classes,
                                &t->options.loader.preprocess, err);
    return status;
}

void record_folder_tidy(const char *path, const char *const *names)
{
    for (; *names; names++)
        outfile_remove_stale(path, *names);
}

void record_folder_take_back(const char *path, bool whole)
{
    static const char *const names[] = {"config.json", "photos.bin"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *file = NULL;
        if (path_join(&file, path, names[i], NULL) == OK)
            unlink(file);
        memory_free(file);
    }
    record_lock_remove(path);
    if (whole)
        rmdir(path);
}

enum status record_folder_create(struct record_folder *out, const struct run_setup *setup, struct error *err)
{
    bool ours;
    *out = (struct record_folder){.setup = setup, .lock = -1};
    enum status status = record_lock_create(&out->path, &out->lock, &ours, setup->values->out, err);
    if (status != OK)
        return status;
    status = name_files(out, err);
    if (status == OK)
        status = write_config(out->path, setup, err);
    if (status == OK)
        status = record_photos_write(out->path, setup, err);
    if (status != OK)
        record_folder_take_back(out->path, ours);
    out->begun = status == OK;
    if (status == OK)
        status = duplicates_write(out->path, setup, err);
    return status == OK ? open_all(out, true, err) : status;
}

/* There is no last.safetensors: the run is over, or was killed before it saved anything (*begins). */
static enum status resume_over(bool *begins, const struct record_folder *folder, struct error *err)
{
    struct train *train = folder->setup->train;
    struct record_result result;
    char *state;
    bool over;
    enum status status = record_result_read(&result, &over, &state, folder->path, err);
    if (status != OK)
        return status;
    *begins = !over || (!state && !result.diverged);
    if (over && result.diverged)
        status =
            error_set(err, ERR_DATA, "%s: diverged after %zu epoch%s and is over; start a new run with a lower --lr",
                      folder->path, result.epochs, result.epochs == 1 ? "" : "s");
    else if (state)
        status = checkpoint_read_model(folder->best, train, err);
    if (status == OK && state)
        status = checkpoint_restore(train, state, folder->path, err);
    if (status == OK && state && !train_is_over(train))
        status = error_set(err, ERR_DATA,
                           "%s: is finished and has no last.safetensors, so it cannot continue; start a new run with "
                           "--weights %s",
                           folder->path, folder->best);
    memory_free(state);
    return status;
}

void record_folder_drop_last(const struct record_folder *folder)
{
    unlink(folder->last);
}

/* last.safetensors holds the state as it is: after an epoch, or within one. */
static void note_last(struct record_folder *folder)
{
    const struct train_state *state = train_state_get(folder->setup->train);
    folder->last_epoch = state->epoch + (state->batch > 0);
    folder->last_batch = state->batch;
}

/* What was bad may be good now, and is tried. */
static void forgive_changed(const struct run_setup *t)
{
    size_t train = t->dataset.train.count, all = train + t->dataset.val.count;
    for (size_t i = 0; t->changed && i < all; i++)
        if (t->changed[i])
            train_forgive(t->train, i >= train, (uint32_t)(i >= train ? i - train : i));
}

/* The state of the run as it was left; *begins when it has none yet. */
static enum status read_state(bool *begins, const struct record_folder *folder, struct error *err)
{
    struct stat info;
    struct train *train = folder->setup->train;
    *begins = path_stat(&info, folder->last) != 0 && errno == ENOENT;
    enum status status = *begins ? resume_over(begins, folder, err) : checkpoint_read(folder->last, train, err);
    if (status == OK)
        forgive_changed(folder->setup);
    return status;
}

enum status record_folder_follow(const struct run_setup *setup, struct error *err)
{
    struct record_folder folder = {.setup = setup, .lock = -1};
    bool begins;
    enum status status = memory_strdup(&folder.path, setup->values->resume, err);
    if (status == OK)
        status = name_files(&folder, err);
    if (status == OK)
        status = read_state(&begins, &folder, err);
    record_folder_close(&folder);
    return status;
}

enum status record_folder_resume(struct record_folder *out, const struct run_setup *setup, struct error *err)
{
    struct stat info;
    *out = (struct record_folder){.setup = setup, .lock = -1};
    enum status status = memory_strdup(&out->path, setup->values->resume, err);
    if (status == OK)
        status = record_lock_open(&out->lock, out->path, err);
    if (status == OK)
        status = name_files(out, err);
    if (status != OK)
        return status;
    record_folder_tidy(out->path, whole_files);
    bool begins;
    status = read_state(&begins, out, err);
    if (status == OK && begins)
        status = duplicates_write(out->path, setup, err);
    if (status == OK && setup->photos_stale)
        status = record_photos_write(out->path, setup, err);
    if (!begins && status == OK)
        note_last(out);
    out->best_found = path_stat(&info, out->best) == 0;
    return status == OK ? open_all(out, begins, err) : status;
}

/* ---- the best model ---------------------------------------------------------------------------------------------- */

enum { HELD_MOST = 8 << 20 }; /* bytes of a best model that waits */

static enum status write_best(struct record_folder *folder, size_t epoch, struct error *err)
{
    const struct dataset *dataset = &folder->setup->dataset;
    enum status status = weights_save(folder->best, folder->setup->net, folder->metadata, MODEL_METADATA, err);
    if (status == OK)
        folder->best_epoch = epoch;
    if (status == OK)
        status = record_outputs_write(&folder->outputs, folder->path, &dataset->val, &dataset->classes, err);
    return status;
}

/* Keeps it in memory where it is small enough, else writes it. */
static enum status hold_best(struct record_folder *folder, size_t epoch, struct error *err)
{
    const struct run_setup *t = folder->setup;
    const struct unfreezing *unfreezing = &t->options.unfreezing;
    struct freeze freeze = t->options.freeze;
    freeze.until = unfreezing_until(unfreezing, freeze.until, SIZE_MAX); /* of all that will ever be trained */
    if (snapshot_bytes(t->net, &freeze) > HELD_MOST)
        return write_best(folder, epoch, err);
    folder->held_epoch = epoch;
    enum status status = snapshot_create(&folder->held, t->net, &freeze, err);
    if (status == OK)
        snapshot_take(folder->held);
    return status;
}

static enum status write_held(struct record_folder *folder, struct error *err)
{
    if (!folder->held)
        return OK;
    snapshot_swap(folder->held);
    enum status status = write_best(folder, folder->held_epoch, err);
    snapshot_swap(folder->held);
    snapshot_destroy(folder->held);
    folder->held = NULL;
    return status;
}

/* Changes with what bad_images.tsv holds. */
static size_t bad_content(const struct train *train)
{
    size_t content = 0;
    for (int val = 0; val < 2; val++) {
        const struct absence *absence = train_absence(train, val);
        content += train_bad_count(train, val) + train_damaged_count(train, val);
        for (size_t i = 0; i < absence->count; i++)
            content += absence->rows[i].epochs;
    }
    return content;
}

static enum status list_bad(struct record_folder *folder, struct error *err)
{
    size_t content = bad_content(folder->setup->train);
    if (folder->bad_written == content + 1)
        return OK;
    folder->bad_written = content + 1;
    return write_bad_images(folder->path, folder->setup, err);
}

void record_folder_close(struct record_folder *folder)
{
    struct error err; /* after an error that was told, which this is not to cover up */
    enum status status = write_held(folder, &err);
    if (folder->metrics)
        status = list_bad(folder, &err);
    (void)status;
    if (folder->log)
        fclose(folder->log);
    if (folder->metrics)
        fclose(folder->metrics);
    record_events_close(&folder->events);
    if (folder->lock >= 0)
        close(folder->lock);
    record_outputs_close(&folder->outputs);
    memory_free(folder->metadata_text);
    memory_free(folder->last);
    memory_free(folder->best);
    memory_free(folder->path);
    *folder = (struct record_folder){.lock = -1};
}

/* ---- as the run goes on ------------------------------------------------------------------------------------------ */

void record_folder_step(struct record_folder *folder, const struct step_result *step)
{
    record_log_step(folder->log, step);
    fflush(folder->log);
}

enum status record_folder_outputs(struct record_folder *folder, const struct photo_batch *batch, const float *logits,
                                  size_t before, struct error *err)
{
    return record_outputs_add(&folder->outputs, folder->path, batch, logits, folder->setup->dataset.classes.count,
                              before == 0, err);
}

enum status record_folder_epoch(struct record_folder *folder, const struct epoch_result *epoch, bool may_wait,
                                struct error *err)
{
    const struct run_setup *t = folder->setup;
    char row[METRICS_ROW];
    record_log_epoch(folder->log, epoch);
    record_metrics_write(row, epoch, folder->short_rows);
    fputs(row, folder->metrics);
    enum status status = record_events_epoch(&folder->events, row, err);
    if (status != OK || !epoch->best)
        return status;
    record_outputs_keep(&folder->outputs);
    snapshot_destroy(folder->held); /* it is no longer the best */
    folder->held = NULL;
    status = may_wait ? hold_best(folder, epoch->epoch + 1, err) : write_best(folder, epoch->epoch + 1, err);
    if (status == OK)
        status = write_confusion(folder->path, &t->dataset.classes, epoch->val, err);
    if (status == OK)
        status = write_predictions(folder->path, &t->dataset, epoch->val, err);
    return status;
}

enum status record_folder_save(struct record_folder *folder, struct error *err)
{
    const struct train *train = folder->setup->train;
    enum status status = write_held(folder, err);
    if (status == OK)
        status = list_bad(folder, err);
    if (status == OK && record_photos_update(folder->setup))
        status = record_photos_write(folder->path, folder->setup, err);
    if (status == OK)
        status = growing_file_sync(folder->log, folder->path, "log.jsonl", err);
    if (status == OK)
        status = growing_file_sync(folder->metrics, folder->path, "metrics.csv", err);
    if (status == OK)
        status = record_events_sync(&folder->events, err);
    if (status == OK)
        status = checkpoint_write(folder->last, train, folder->metadata, err);
    if (status == OK)
        note_last(folder);
    return status;
}

void record_folder_good(char out[RUN_GOOD_TEXT], struct record_folder *folder)
{
    enum status status = write_held(folder, NULL); /* or not: it is then trained again */
    bool best = folder->best_epoch > 0 || folder->best_found, last = folder->last_epoch > 0;
    char best_of[32] = "", last_of[64] = "";
    (void)status;
    if (folder->best_epoch > 0)
        snprintf(best_of, sizeof best_of, " of epoch %zu", folder->best_epoch);
    if (folder->last_batch > 0)
        snprintf(last_of, sizeof last_of, " of epoch %zu, step %zu", folder->last_epoch, folder->last_batch);
    else
        snprintf(last_of, sizeof last_of, " of epoch %zu", folder->last_epoch);
    if (best && last)
        snprintf(out, RUN_GOOD_TEXT, "best.safetensors%s and last.safetensors%s are good", best_of, last_of);
    else if (best || last)
        snprintf(out, RUN_GOOD_TEXT, "%s.safetensors%s is good%s", best ? "best" : "last", best ? best_of : last_of,
                 last ? "" : ", there is no last.safetensors yet and --resume starts again");
    else
        snprintf(out, RUN_GOOD_TEXT, "nothing was saved yet and --resume starts again");
}
