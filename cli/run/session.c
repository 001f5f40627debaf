#include "cli/run/session.h"

#include <stdio.h>

#include "cli/run/job_time.h"
#include "cli/run/lr_search.h"
#include "cli/run/page/run_page.h"
#include "cli/run/ranks.h"
#include "cli/run/record_folder.h"
#include "cli/run/record_photos.h"
#include "cli/run/run_memory.h"
#include "cli/run/run_setup.h"
#include "cli/run/show_end.h"
#include "cli/run/show_plan.h"
#include "cli/run/show_progress.h"
#include "cli/run/show_skipped.h"
#include "cli/run/show_statistics.h"
#include "cli/shell/numbers.h"
#include "cli/shell/progress.h"
#include "cli/shell/remark.h"
#include "cli/shell/signals.h"
#include "cli/shell/term.h"
#include "core/base/clock.h"
#include "core/base/disk.h"
#include "core/base/memory.h"

enum { SAVE_LEAST = 10 }; /* seconds between two checkpoints, unless --save-every says less */
enum { PAGE_LEAST = 10 }; /* seconds between two pages of a run that goes on */

/* What the hooks of the loop work on. */
struct session {
    const struct session_options *options;
    const struct run_setup *setup;
    struct record_folder *folder;
    struct train_progress progress;
    struct show_skipped skipped;
    double started;
    struct run_clock clock;
    double page_written; /* by clock_seconds; 0: not yet */
    bool damage_said;    /* once, after the first epoch */
    bool write_failed;   /* the last error concerns a file of the run */
};

static void tell_time(struct session *session)
{
    session->progress.rest = run_clock_left(&session->clock);
}

static void on_step(void *context, const struct step_result *step)
{
    struct session *session = context;
    record_folder_step(session->folder, step);
    run_clock_step(&session->clock, step->images);
    tell_time(session);
    show_step(&session->progress, step);
}

static void on_evaluation(void *context, size_t done, size_t all)
{
    struct session *session = context;
    run_clock_validation(&session->clock, done, all);
    tell_time(session);
    show_evaluation(&session->progress, train_state_get(session->setup->train)->epoch, done, all);
}

static enum status on_outputs(void *context, const struct photo_batch *batch, const float *logits, size_t before,
                              struct error *err)
{
    struct session *session = context;
    enum status status = record_folder_outputs(session->folder, batch, logits, before, err);
    session->write_failed = status != OK;
    return status;
}

static void on_features(void *context, size_t done, size_t all)
{
    struct session *session = context;
    run_clock_features(&session->clock, done, all);
    tell_time(session);
    show_features(&session->progress, train_state_get(session->setup->train)->epoch, done, all);
}

static void on_cache_failure(void *context, const char *why)
{
    struct session *session = context;
    progress_end(&session->progress.line);
    session->progress.running = RUNNING_NOTHING;
    forecast_lose_features(&session->clock.forecast);
    warn("%s; the run continues without its cache", why);
}

static void on_skipped(void *context, bool val, const struct photo_fault *photo, bool again)
{
    struct session *session = context;
    show_skipped_photo(&session->skipped, val, photo, again);
}

static void on_pass_end(void *context, bool val)
{
    struct session *session = context;
    show_skipped_pass_end(&session->skipped, val);
}

static bool should_stop(void *context)
{
    const struct session *session = context;
    double deadline = session->options->deadline;
    return signals_stop() || (deadline > 0 && clock_seconds() >= deadline);
}

/* Short epochs share a page. A run of a series has none before it is over. */
static void write_running_page(struct session *session)
{
    double now = clock_seconds();
    if (session->setup->values->no_report || session->options->one_of_many ||
        (session->page_written > 0 && now - session->page_written < PAGE_LEAST))
        return;
    run_page_try(session->folder->path, true, RUN_PAGE_PHOTOS);
    session->page_written = clock_seconds();
    run_clock_other(&session->clock);
}

static enum status on_epoch(void *context, const struct epoch_result *epoch, struct error *err)
{
    struct session *session = context;
    run_clock_other(&session->clock);
    enum status status = record_folder_epoch(session->folder, epoch, epoch->saved_lately, err);
    run_clock_other(&session->clock);
    run_clock_epoch(&session->clock);
    tell_time(session);
    session->progress.others = run_clock_others(&session->clock); /* once an epoch: there may be hundreds of them */
    show_epoch(&session->progress, epoch);
    if (!session->damage_said)
        show_damaged(session->setup);
    session->damage_said = true;
    session->write_failed = status != OK;
    if (status == OK)
        write_running_page(session);
    return status;
}

static enum status save(void *context, struct error *err)
{
    struct session *session = context;
    enum status status = record_folder_save(session->folder, err);
    session->write_failed = status != OK;
    run_clock_other(&session->clock);
    return status;
}

static void say_how_to_resume(const struct session *session, const char *why)
{
    const struct train_state *state = train_state_get(session->setup->train);
    remark("%s in epoch %zu of %lld after %zu of %zu steps; continue with: freezetune train --resume %s", why,
           state->epoch + 1, session->setup->values->epochs, state->batch, state->steps_per_epoch,
           session->folder->path);
}

/* What the system refuses now it may do later. */
static bool is_of_system(enum status status)
{
    return status == ERR_IO || status == ERR_CANTCREATE || status == ERR_SYSTEM || status == ERR_NOINPUT;
}

/* A file of the run could not be written or read: what is there all the same, and what to do. */
static enum status explain_write(const struct session *session, enum status status, struct error *err)
{
    const struct run_disk *need = &session->setup->disk;
    const char *go_on = session->options->go_on, *path = session->folder->path;
    char good[RUN_GOOD_TEXT], room[NUMBER_TEXT + 16] = "", bytes[NUMBER_TEXT];
    uint64_t file = need->last > need->best ? need->last : need->best;
    struct error reason = *err;
    struct disk disk;
    record_folder_good(good, session->folder);
    if (disk_look(&disk, path, NULL) == OK && disk.free < file)
        snprintf(room, sizeof room, "free %s and ", number_bytes(bytes, file - disk.free));
    return error_set(err, status, "%.400s; %s: %scontinue with: %s%.300s", reason.text, good, room,
                     go_on ? "" : "freezetune train --resume ", go_on ? go_on : path);
}

/* Why it ended before the last epoch, if it did. */
static void say_why_ended(const struct session *session)
{
    long long patience = session->setup->values->patience;
    enum train_end end = train_end_get(session->setup->train);
    if (end == TRAIN_TIME)
        say_how_to_resume(session, "the time limit was reached (--time-limit)");
    else if (end == TRAIN_PATIENCE)
        remark("stopped after epoch %zu of %lld: %lld epoch%s without better validation (--patience)",
               train_state_get(session->setup->train)->epoch, session->setup->values->epochs, patience,
               patience == 1 ? "" : "s");
}

/* result.json, with the state of the end; then the run has no more use for last.safetensors. */
static enum status write_result(const struct session *session, const struct record_result *result, struct error *err)
{
    const struct record_folder *folder = session->folder;
    char *state = NULL;
    enum status status = result->diverged ? OK : checkpoint_text(&state, session->setup->train, err);
    if (status == OK)
        status = record_result_write(folder->path, result, state, err);
    if (status == OK && !session->setup->values->keep_last)
        record_folder_drop_last(folder);
    memory_free(state);
    return status;
}

/* show_end; where it fails, all files are written. */
static enum status tell_end(const struct session *session, const struct run_proof *proof, bool rows_shown,
                            struct error *err)
{
    enum status status = show_end(session->folder, proof, rows_shown, err);
    if (!is_of_system(status) || !err)
        return status;
    struct error reason = *err;
    return error_set(err, status,
                     "%.400s; the files of the run are complete; see its result with: freezetune train --resume %s",
                     reason.text, session->folder->path);
}

/* The proof, the files of the end, and what is said of it. A run that was out of time has a model, but is not over. */
static enum status finish(struct session_end *out, const struct session *session, bool diverged, struct error *err)
{
    struct record_folder *folder = session->folder;
    struct session_end end = {.over = diverged || train_end_get(session->setup->train) != TRAIN_TIME};
    struct run_proof proof;
    size_t last = train_state_get(session->setup->train)->epoch;
    enum status status = OK;
    if (end.over)
        status = record_result_collect(&end.result, folder, diverged, err);
    if (status == OK && !diverged)
        status = run_prove(&proof, session->setup, folder->best, err);
    if (status == OK && !diverged && proof.weights_changed)
        warn("%s: is no longer the file that this run loaded (its hash was %s), so the frozen part was compared with "
             "the loaded values; another run or --resume needs the original file",
             session->setup->weights, session->setup->weights_hash);
    if (status == OK && end.over)
        status = write_result(session, &end.result, err);
    if (is_of_system(status) && err)
        status = explain_write(session, status, err);
    if (status == OK && !session->options->one_of_many)
        status = tell_end(session, &proof, epoch_rows_complete(session->progress.rows, last), err);
    if (status == OK)
        *out = end;
    return status;
}

/* After the loop, which ended with `status`. */
static enum status end_loop(struct session_end *out, const struct session *session, enum status status,
                            struct error *err)
{
    const struct train_values *values = session->setup->values;
    bool alone = !session->options->one_of_many;
    bool diverged = status == ERR_DIVERGED && !alone;
    if (status != OK && !diverged)
        return (session->write_failed || is_of_system(status)) && err ? explain_write(session, status, err) : status;
    status = OK;
    if (!diverged && train_end_get(session->setup->train) == TRAIN_INTERRUPTED) {
        if (alone)
            say_how_to_resume(session, "stopped");
    } else {
        if (alone)
            say_why_ended(session);
        status = finish(out, session, diverged, err);
    }
    if (status == OK && values->profile && !values->json && alone)
        status = show_profile(session->setup, err);
    return status;
}

/* Where a resumed run goes on. */
static void say_where(struct session *session)
{
    const struct train *train = session->setup->train;
    const struct train_state *state = train_state_get(train);
    char left[SHOW_LEFT];
    tell_time(session);
    show_left(left, &session->progress, false);
    if (train_is_over(train))
        remark("the run is over: nothing is left to train");
    else if (state->batch < state->steps_per_epoch)
        remark("continues in epoch %zu of %lld, step %zu of %zu; %s", state->epoch + 1, session->setup->values->epochs,
               state->batch + 1, state->steps_per_epoch, left);
    else
        remark("continues in epoch %zu of %lld, with its validation; %s", state->epoch + 1,
               session->setup->values->epochs, left);
}

static double deadline_of(const struct session *session)
{
    double limit = session->setup->values->time_limit * 60;
    return limit > 0 ? session->started + limit : 0;
}

/* Epochs that are short share a checkpoint, and those that are asked for within an epoch come often enough for all. */
static struct train_limits limits_of(const struct session *session)
{
    double every = session->setup->values->save_every * 60;
    return (struct train_limits){
        .deadline = deadline_of(session), .save_every = every, .save_least = every < SAVE_LEAST ? every : SAVE_LEAST};
}

static enum status run_loop(struct session_end *out, struct session *started, struct error *err)
{
    struct session session = *started;
    const struct run_setup *setup = session.setup;
    session.progress.setup = setup;
    session.skipped.setup = setup;
    const struct train_hooks hooks = {.context = &session,
                                      .on_step = on_step,
                                      .on_evaluation = on_evaluation,
                                      .on_outputs = on_outputs,
                                      .on_features = on_features,
                                      .on_cache_failure = on_cache_failure,
                                      .on_skipped = on_skipped,
                                      .on_pass_end = on_pass_end,
                                      .should_stop = should_stop,
                                      .on_epoch = on_epoch,
                                      .save = save};
    const struct train_limits limits = limits_of(&session);
    enum status status = run_clock_enter(&session.clock, session.folder, err);
    if (status != OK)
        return status;
    if (setup->values->resume)
        say_where(&session);
    signals_catch();
    status = show_progress_start(&session.progress, session.folder, err);
    run_clock_start(&session.clock);
    if (status == OK)
        status = train_run(setup->train, &limits, &hooks, err);
    progress_end(&session.progress.line);
    status = end_loop(out, &session, status, err);
    show_progress_end(&session.progress);
    return status;
}

static void plan_clock(struct session *session, struct series_clock *series)
{
    double own = deadline_of(session);
    run_clock_plan(&session->clock, series, session->setup);
    double whole = session->options->deadline; /* a run of a series: the series' */
    session->clock.limit = own > 0 ? own : whole > 0 ? whole : job_time_deadline();
}

/* Up to the moment before the run has a folder; after --dry-run less, which shows the plan. */
static enum status prepare(struct session *session, struct run_setup *setup, const struct train_values *values,
                           const struct lr_search *search, struct series_clock *series, struct error *err)
{
    const struct session_options *options = session->options;
    bool alone = !options->one_of_many;
    enum status status = run_setup_open(setup, values, options->weights_hash, err);
    if (status == OK)
        plan_clock(session, series);
    if (status == OK && values->resume)
        status = record_photos_check(&setup->changed, &setup->photos_stale, setup, values->resume,
                                     values->accept_changed_photos, alone, err);
    if (status == OK && alone) {
        const struct plan_time time = {&session->clock.forecast, 1, run_clock_all(&session->clock)};
        if (!search)
            show_inputs(setup);
        status = show_plan(setup, &time, err);
    }
    if (status == OK && !values->resume)
        status = run_disk_check(&setup->disk, 1, run_setup_folder(setup), err);
    if (status == OK)
        status = run_memory_check(run_memory(setup, setup->train), err);
    if (status != OK || values->dry_run)
        return status;
    enum cache_mode planned = train_cache(setup->train)->mode;
    if (alone && !search)
        status = show_statistics(setup, err);
    if (status == OK)
        status = run_setup_prepare(setup, err);
    if (status == OK && train_cache(setup->train)->mode != planned) {
        forecast_lose_features(&session->clock.forecast);
        warn("%s; the run has no cache", train_cache(setup->train)->why);
    }
    return status;
}

/* The run's folder, made or opened. */
static enum status open_folder(const struct session *session, const struct lr_search *search, struct error *err)
{
    const struct run_setup *setup = session->setup;
    struct record_folder *folder = session->folder;
    bool resumes = setup->values->resume != NULL;
    enum status status = resumes ? record_folder_resume(folder, setup, err) : record_folder_create(folder, setup, err);
    if (is_of_system(status) && folder->begun && err)
        status = explain_write(session, status, err);
    if (status == OK && resumes && !train_is_over(setup->train))
        status = run_disk_check(&setup->disk, 1, folder->path, err);
    if (status == OK && search)
        status = lr_search_write(folder->path, search, err);
    if (status == OK && !session->options->one_of_many)
        remark("run: %s", folder->path);
    return status;
}

/* The rate is known; `search` is how it was found, or NULL. */
static enum status train_once(struct session_end *out, const struct train_values *values,
                              const struct session_options *options, const struct lr_search *search, double started,
                              struct error *err)
{
    struct run_setup setup;
    struct record_folder folder = {.lock = -1};
    struct series_clock own = {0};
    struct session session = {.options = options, .setup = &setup, .folder = &folder, .started = started};
    char *page = NULL;
    enum status status = prepare(&session, &setup, values, search, options->clock ? options->clock : &own, err);
    status = ranks_begin(&setup, status, err);
    bool begins = status == OK && !values->dry_run;
    if (begins)
        status = ranks_settle(open_folder(&session, search, err), err);
    if (begins && status == OK) {
        if (values->no_report || memory_strdup(&page, folder.path, NULL) != OK)
            page = NULL;
        status = run_loop(out, &session, err);
    }
    record_folder_close(&folder);
    run_setup_close(&setup);
    /* Behind the training, whose memory is free now. A stopped run and one of a series show no photos. */
    if (page)
        run_page_try(page, false, status == OK && out->over && !options->one_of_many ? RUN_PAGE_PHOTOS : 0);
    memory_free(page);
    return status;
}

enum status session_run(struct session_end *out, const struct train_values *values,
                        const struct session_options *options, struct error *err)
{
    struct train_values found = *values;
    struct lr_search search;
    double started = clock_seconds();
    *out = (struct session_end){0};
    if (values->lr != LR_FIND || values->dry_run)
        return train_once(out, values, options, NULL, started, err);
    enum status status =
        lr_search(&search, values, options->weights_hash, !options->one_of_many, options->deadline, err);
    if (status == OK && search.stopped && !options->one_of_many)
        remark("stopped during --lr find; no run was started");
    if (status != OK || search.stopped)
        return status;
    if (!options->one_of_many && !values->json)
        lr_search_plot(stdout, &search, term_width(stdout));
    remark("lr: %g found", search.lr);
    found.lr = search.lr;
    return train_once(out, &found, options, &search, started, err);
}
