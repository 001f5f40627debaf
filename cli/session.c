#include "cli/session.h"

#include <stdio.h>

#include "cli/lr_search.h"
#include "cli/progress.h"
#include "cli/run_folder.h"
#include "cli/signals.h"
#include "cli/term.h"
#include "cli/train_report.h"
#include "cli/training.h"
#include "core/base/clock.h"

enum { SAVE_LEAST = 10 }; /* seconds between two checkpoints, unless --save-every says less */

/* What the hooks of the loop work on. */
struct session {
    const struct session_options *options;
    const struct training *training;
    struct run_folder *folder;
    struct train_progress progress;
    double started, epoch_started, saved;
};

static void on_step(void *context, const struct step_result *step)
{
    struct session *session = context;
    run_folder_step(session->folder, step);
    report_step(&session->progress, step);
}

static void on_evaluation(void *context, size_t done, size_t all)
{
    struct session *session = context;
    report_evaluation(&session->progress, train_state_get(session->training->train)->epoch, done, all);
}

static void on_features(void *context, size_t done, size_t all)
{
    struct session *session = context;
    report_features(&session->progress, train_state_get(session->training->train)->epoch, done, all);
}

static void on_cache_failure(void *context, const char *why)
{
    struct session *session = context;
    progress_end(&session->progress.line);
    session->progress.running = RUNNING_NOTHING;
    warn("%s; the run goes on without its cache", why);
}

static bool should_stop(void *context)
{
    const struct session *session = context;
    double deadline = session->options->deadline;
    return signals_stop() || (deadline > 0 && clock_seconds() >= deadline);
}

static bool time_is_over(void *context)
{
    const struct session *session = context;
    double limit = session->training->values->time_limit * 60;
    return limit > 0 && clock_seconds() - session->started >= limit;
}

static bool should_save(void *context)
{
    const struct session *session = context;
    double every = session->training->values->save_every * 60;
    return every > 0 && clock_seconds() - session->saved >= every;
}

/* Epochs that are short share a checkpoint, and those that are asked for within an epoch come often enough for all. */
static bool saved_lately(const struct session *session)
{
    double every = session->training->values->save_every * 60;
    double least = every < SAVE_LEAST ? every : SAVE_LEAST;
    return clock_seconds() - session->saved < least;
}

static bool skip_save(void *context)
{
    return saved_lately(context);
}

static enum status on_epoch(void *context, const struct epoch_result *epoch, struct error *err)
{
    struct session *session = context;
    double now = clock_seconds(), seconds = now - session->epoch_started;
    session->epoch_started = now;
    report_epoch(&session->progress, epoch, seconds);
    return run_folder_epoch(session->folder, epoch, seconds, saved_lately(session), err);
}

static enum status save(void *context, struct error *err)
{
    struct session *session = context;
    enum status status = run_folder_save(session->folder, err);
    session->saved = clock_seconds();
    return status;
}

static void say_how_to_resume(const struct session *session, const char *why)
{
    const struct train_state *state = train_state_get(session->training->train);
    remark("%s in epoch %zu of %lld after %zu of %zu steps; go on with: freezetune train --resume %s", why,
           state->epoch + 1, session->training->values->epochs, state->batch, state->steps_per_epoch,
           session->folder->path);
}

/* Why it ended before the last epoch, if it did. */
static void say_why_ended(const struct session *session)
{
    long long patience = session->training->values->patience;
    enum train_end end = train_end_get(session->training->train);
    if (end == TRAIN_TIME)
        say_how_to_resume(session, "the time was over (--time-limit)");
    else if (end == TRAIN_PATIENCE)
        remark("ended after epoch %zu of %lld: %lld epoch%s brought no better validation (--patience)",
               train_state_get(session->training->train)->epoch, session->training->values->epochs, patience,
               patience == 1 ? "" : "s");
}

/* The proof, the files of the end, and what is said of it. A run that was out of time has a model, but is not over. */
static enum status finish(struct session_end *out, const struct session *session, bool diverged, struct error *err)
{
    struct run_folder *folder = session->folder;
    struct session_end end = {.over = diverged || train_end_get(session->training->train) != TRAIN_TIME};
    struct training_proof proof;
    size_t last = train_state_get(session->training->train)->epoch;
    enum status status = OK;
    if (end.over)
        status = run_result_collect(&end.result, folder, diverged, err);
    if (status == OK && !diverged)
        status = training_prove(&proof, session->training, folder->best, err);
    if (status == OK && end.over)
        status = run_result_write(folder->path, &end.result, err);
    if (status == OK && !session->options->one_of_many)
        status = report_end(folder, &proof, epoch_rows_complete(session->progress.rows, last), err);
    if (status == OK)
        *out = end;
    return status;
}

/* After the loop, which ended with `status`. */
static enum status end_loop(struct session_end *out, const struct session *session, bool stopped, enum status status,
                            struct error *err)
{
    const struct train_values *values = session->training->values;
    bool alone = !session->options->one_of_many;
    bool diverged = status == ERR_DIVERGED && !alone;
    if (status != OK && !diverged)
        return status;
    status = OK;
    if (!diverged && stopped) {
        if (alone)
            say_how_to_resume(session, "stopped");
    } else {
        if (alone)
            say_why_ended(session);
        status = finish(out, session, diverged, err);
    }
    if (status == OK && values->profile && !values->json && alone)
        status = report_profile(session->training, err);
    return status;
}

static enum status run_loop(struct session_end *out, const struct training *training, struct run_folder *folder,
                            const struct session_options *options, double started, struct error *err)
{
    struct session session = {.options = options,
                              .training = training,
                              .folder = folder,
                              .progress = {.training = training},
                              .started = started};
    const struct train_hooks hooks = {.context = &session,
                                      .on_step = on_step,
                                      .on_evaluation = on_evaluation,
                                      .on_features = on_features,
                                      .on_cache_failure = on_cache_failure,
                                      .should_stop = should_stop,
                                      .time_is_over = time_is_over,
                                      .should_save = should_save,
                                      .skip_save = skip_save,
                                      .on_epoch = on_epoch,
                                      .save = save};
    bool stopped = false;
    signals_catch();
    session.epoch_started = session.saved = clock_seconds();
    enum status status = report_progress_start(&session.progress, folder, err);
    if (status == OK)
        status = train_run(training->train, &hooks, &stopped, err);
    progress_end(&session.progress.line);
    status = end_loop(out, &session, stopped, status, err);
    report_progress_end(&session.progress);
    return status;
}

/* The rate is known; `search` is how it was found, or NULL. */
static enum status train_once(struct session_end *out, const struct train_values *values,
                              const struct session_options *options, const struct lr_search *search, double started,
                              struct error *err)
{
    struct training training;
    struct run_folder folder = {.lock = -1};
    enum status status = training_open(&training, values, options->weights_hash, err);
    if (status == OK && !options->one_of_many) {
        if (!search)
            report_inputs(&training);
        status = report_plan(&training, err);
    }
    if (status != OK || values->dry_run)
        goto cleanup;
    enum cache_mode planned = train_cache(training.train)->mode;
    status = training_prepare(&training, err);
    if (status != OK)
        goto cleanup;
    if (train_cache(training.train)->mode != planned)
        warn("%s; the run has no cache", train_cache(training.train)->why);
    status = values->resume ? run_folder_resume(&folder, &training, err) : run_folder_create(&folder, &training, err);
    if (status == OK && search)
        status = lr_search_write(folder.path, search, err);
    if (status == OK) {
        if (!options->one_of_many)
            remark("run: %s", folder.path);
        status = run_loop(out, &training, &folder, options, started, err);
    }
cleanup:
    run_folder_close(&folder);
    training_close(&training);
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
        remark("stopped while a rate was looked for: nothing was begun");
    if (status != OK || search.stopped)
        return status;
    if (!options->one_of_many && !values->json)
        lr_search_plot(stdout, &search, term_width(stdout));
    remark("lr: %g found", search.lr);
    found.lr = search.lr;
    return train_once(out, &found, options, &search, started, err);
}
