#include <assert.h>
#include <math.h>
#include <stdio.h>

#include "core/base/clock.h"
#include "core/base/rng.h"
#include "core/train/evaluate.h"
#include "core/train/train_private.h"

/* Seconds that the running epoch has taken so far. */
static double epoch_seconds(const struct train *train)
{
    return clock_seconds() - train->epoch_started;
}

static enum status save(struct train *train, const struct train_hooks *hooks, struct error *err)
{
    enum status status = train_check_weights(train, err);
    double start = clock_seconds();
    if (status == OK)
        status = hooks->save(hooks->context, err);
    train->timing.saving += clock_seconds() - start;
    return status;
}

/* Within an epoch: what it has taken so far is part of the state. Between two epochs that is nothing, so that runs that
 * were never interrupted save the same bytes. */
static enum status save_within(struct train *train, const struct train_hooks *hooks, struct error *err)
{
    train->state.seconds = epoch_seconds(train);
    enum status status = save(train, hooks, err);
    train->state.seconds = 0;
    return status;
}

static bool should_stop(const struct train_hooks *hooks)
{
    return hooks->should_stop && hooks->should_stop(hooks->context);
}

struct watch {
    const struct train_hooks *hooks;
    size_t all;
    struct train *train;
    enum status status; /* of what was noted of an evaluation's photos */
    struct error *err;
};

static bool watch_features(void *context, size_t done, size_t all)
{
    const struct watch *watch = context;
    if (watch->hooks->on_features)
        watch->hooks->on_features(watch->hooks->context, done, all);
    return !should_stop(watch->hooks);
}

/* Begins a pass of a feed, its features computed. */
static enum status start_feed(struct train *train, bool val, const uint32_t *order, size_t count, size_t position,
                              struct photo_view view, const struct train_hooks *hooks, bool *stopped, struct error *err)
{
    struct feed *feed = val ? train->val_feed : train->feed;
    struct watch watch = {.hooks = hooks};
    loader_forget_away(val ? train->val_loader : train->loader); /* each pass tries them again */
    train->seen[val] = train_skipped_count(train, val);
    enum status status = feed_start(feed, order, count, position, view, watch_features, &watch, stopped, err);
    const char *failure = train->cache ? feature_cache_failure(train->cache) : NULL;
    if (failure && !train->cache_failed && hooks->on_cache_failure)
        hooks->on_cache_failure(hooks->context, failure);
    train->cache_failed |= failure != NULL;
    return status == OK ? train_note_skipped(train, val, hooks, err) : status;
}

static enum status start_epoch(struct train *train, const struct train_hooks *hooks, bool *stopped, struct error *err)
{
    const struct train_options *options = &train->options;
    size_t count = train->dataset->train.count;
    struct rng rng = rng_stream(options->seed, RNG_ORDER, (uint32_t)train->state.epoch, 0);
    for (size_t i = 0; i < count; i++)
        train->order[i] = (uint32_t)i;
    rng_shuffle(&rng, train->order, count);
    return start_feed(train, false, train->order, count, train->state.position,
                      photo_view_of(options->augment, options->views, train->state.epoch), hooks, stopped, err);
}

static enum status step(struct train *train, const struct photo_batch *batch, size_t photos,
                        const struct train_hooks *hooks, struct error *err)
{
    struct train_state *state = &train->state;
    struct step_result result;
    enum status status = train_step(train, batch, photos, &result, err);
    if (status != OK)
        return status;
    state->position = batch->position;
    state->batch++;
    state->step++;
    state->count += photos;
    state->top1 += train->batch.top1;
    state->loss_sum += result.loss * (double)photos;
    if (hooks->on_step)
        hooks->on_step(hooks->context, &result);
    return OK;
}

static bool time_is_over(const struct train_hooks *hooks)
{
    return hooks->time_is_over && hooks->time_is_over(hooks->context);
}

/* The steps of one epoch, or what is left of them; between two of them it may be *stopped, or the time be over. */
static enum status run_steps(struct train *train, const struct train_hooks *hooks, bool *stopped, struct error *err)
{
    const struct photo_batch *batch;
    enum status status = start_epoch(train, hooks, stopped, err);
    if (status != OK || *stopped)
        return status;
    for (;;) {
        if (should_stop(hooks)) {
            *stopped = true;
            return OK;
        }
        status = feed_next(train->feed, &batch, err);
        if (status == OK)
            status = batch ? train_note_skipped(train, false, hooks, err) : train_end_pass(train, false, hooks, err);
        if (status == OK && !batch && train->state.batch == 0)
            return error_set(err, ERR_DATA, "%s: epoch %zu had no step: too few photos can be read",
                             train->dataset->train.root, train->state.epoch + 1);
        if (status != OK || !batch)
            return status;
        size_t photos = recipe_step_photos(&train->options.recipe, train->stage.plan, batch->count);
        train->state.left_out += batch->count - photos;
        if (photos == 0) {
            train->state.position = batch->position;
            continue;
        }
        status = step(train, batch, photos, hooks, err);
        bool last = batch->position == train->dataset->train.count;
        if (status == OK && !last && time_is_over(hooks)) {
            train->end = TRAIN_TIME;
            return OK;
        }
        if (status == OK && !last && hooks->should_save && hooks->should_save(hooks->context))
            status = save_within(train, hooks, err);
        if (status != OK)
            return status;
    }
}

static bool watch_evaluation(void *context, size_t done)
{
    struct watch *watch = context;
    watch->status = train_note_skipped(watch->train, true, watch->hooks, watch->err);
    if (watch->status != OK)
        return false;
    if (watch->hooks->on_evaluation)
        watch->hooks->on_evaluation(watch->hooks->context, done, watch->all);
    return !should_stop(watch->hooks);
}

/* Without a validation photo there is nothing to go by. */
static enum status refuse_blind(const struct train *train, struct error *err)
{
    const struct photo_list *list = &train->dataset->val;
    size_t away = absence_in(&train->absence[1], train->state.epoch);
    if (away == 0)
        return error_set(err, ERR_DATA, "%s: none of the %zu validation photos can be read", list->root, list->count);
    return error_set(
        err, ERR_NOINPUT,
        "%s: epoch %zu: none of the %zu validation photos can be read: see that they are there, then go on "
        "with --resume",
        list->root, train->state.epoch + 1, list->count);
}

/* One class at minus infinity would leave the loss finite, but such an output is no answer. */
static enum status refuse_infinite(struct train *train, struct error *err)
{
    char what[600];
    snprintf(what, sizeof what, "the output of the network for the validation photo %.500s",
             photo_name(&train->dataset->val, train->val.infinite_photo));
    return train_diverged(train, what, NAN, err);
}

/* Of what the net holds: the weights or their average. */
static enum status run_evaluation(struct train *train, const struct train_hooks *hooks, bool *stopped,
                                  struct error *err)
{
    size_t count = train->dataset->val.count;
    struct watch watch = {.hooks = hooks, .all = count, .train = train, .err = err};
    enum status status = train_check_weights(train, err);
    if (status != OK)
        return status;
    run_refold(train->stage.evaluation);
    metrics_reset(&train->val);
    absence_forget(&train->absence[1],
                   train->state.epoch); /* where a run goes on, it may have been in this evaluation */
    status = start_feed(train, true, NULL, count, 0, photo_view_plain(), hooks, stopped, err);
    if (status == OK && !*stopped)
        status =
            evaluate(&train->val, stopped, train->stage.evaluation, train->val_feed, watch_evaluation, &watch, err);
    if (status == OK)
        status = watch.status;
    if (status == OK && !*stopped)
        status = train_end_pass(train, true, hooks, err);
    if (status != OK || *stopped)
        return status;
    if (train->val.count == 0)
        return refuse_blind(train, err);
    if (train->val.infinite > 0)
        return refuse_infinite(train, err);
    double loss = metrics_loss(&train->val);
    return isfinite(loss) ? OK : train_diverged(train, "the validation loss", loss, err);
}

/* An accuracy over fewer photos, as some were away, is not one to compare with: it is the best only until there is one
 * that is. */
static bool is_best(const struct train *train, bool compared)
{
    const struct train_state *state = &train->state;
    double accuracy = metrics_accuracy(&train->val), loss = metrics_loss(&train->val);
    if (!state->has_best || (compared && state->best_uncompared))
        return true;
    if (!compared && (!state->best_uncompared || train->val.count < state->best_photos))
        return false;
    if (accuracy > state->best_accuracy || (!compared && train->val.count > state->best_photos))
        return true;
    return accuracy == state->best_accuracy && loss < state->best_loss;
}

static void remember_best(struct train *train, bool compared)
{
    struct train_state *state = &train->state;
    state->has_best = true;
    state->best_uncompared = !compared;
    state->best_epoch = state->epoch;
    state->best_photos = train->val.count;
    state->best_right = train->val.top1;
    state->best_accuracy = metrics_accuracy(&train->val);
    state->best_loss = metrics_loss(&train->val);
    if (compared)
        state->uncompared_lately = 0;
}

/* Tells the hook of the epoch and of its evaluation, and remembers the best. */
static enum status tell_epoch(struct train *train, const struct train_hooks *hooks, struct error *err)
{
    struct train_state *state = &train->state;
    size_t val_away = absence_in(&train->absence[1], state->epoch);
    double images = state->count ? (double)state->count : 1;
    size_t last = state->batch ? state->batch - 1 : 0;
    struct epoch_result result = {
        .epoch = state->epoch,
        .steps = state->batch,
        .images = state->count,
        .left_out = state->left_out,
        .lr = schedule_lr(&train->options.schedule, state->epoch, last),
        .train_loss = state->loss_sum / images,
        .train_accuracy = (double)state->top1 / images,
        .seconds = epoch_seconds(train),
        .val = &train->val,
        .features = train->cache ? feature_cache_counts(train->cache) : (struct feature_counts){0},
        .away = absence_in(&train->absence[0], state->epoch),
        .val_away = val_away,
        .compared = val_away == 0,
        .best_photos = state->has_best ? state->best_photos : 0,
        .best = is_best(train, val_away == 0),
    };
    double start = clock_seconds();
    enum status status = hooks->on_epoch(hooks->context, &result, err);
    train->timing.saving += clock_seconds() - start;
    state->uncompared += !result.compared;
    state->uncompared_lately += !result.compared;
    if (status == OK && result.best)
        remember_best(train, result.compared);
    return status;
}

/* Evaluates and tells, with the weights' average in their place if there is one. */
static enum status judge_epoch(struct train *train, const struct train_hooks *hooks, bool *stopped, struct error *err)
{
    if (train->recipe.ema)
        ema_swap(train->recipe.ema);
    enum status status = run_evaluation(train, hooks, stopped, err);
    if (status == OK && !*stopped)
        status = tell_epoch(train, hooks, err);
    if (train->recipe.ema)
        ema_swap(train->recipe.ema);
    return status;
}

/* Patience counts from here, or from a better epoch after it. */
static size_t last_stage_begins(const struct train *train)
{
    const struct unfreezing *unfreezing = &train->options.unfreezing;
    return unfreezing->count ? unfreezing->steps[unfreezing->count - 1].epoch : 0;
}

static void next_epoch(struct train *train)
{
    struct train_state *state = &train->state;
    train->epoch_started = clock_seconds();
    state->epoch++;
    if (state->epoch == last_stage_begins(train))
        state->uncompared_lately = 0;
    state->position = state->batch = state->left_out = 0;
    state->count = state->top1 = 0;
    state->loss_sum = 0;
}

/* The steps of the epoch are done, and its evaluation can be made when its photos are back. The error that ends the run
 * is told, and not one of this: what was saved before is good as well. */
static void save_before_error(struct train *train, const struct train_hooks *hooks)
{
    struct error err;
    enum status status = save_within(train, hooks, &err);
    (void)status;
}

/* Evaluates, tells, and moves the state to the next epoch; when stopped it saves. */
static enum status finish_epoch(struct train *train, const struct train_hooks *hooks, bool *stopped, struct error *err)
{
    enum status status = judge_epoch(train, hooks, stopped, err);
    if (status == OK && *stopped)
        return save_within(train, hooks, err);
    if (status == ERR_NOINPUT)
        save_before_error(train, hooks);
    if (status == OK)
        next_epoch(train);
    return status;
}

/* In the middle of an epoch. What is saved knows nothing of the evaluation, if there is one: a run that goes on from it
 * does what it would have done. */
static enum status end_by_time(struct train *train, const struct train_hooks *hooks, bool *stopped, struct error *err)
{
    const struct train_state before = train->state;
    enum status status = OK;
    if (!before.has_best)
        status = judge_epoch(train, hooks, stopped, err);
    if (status == ERR_NOINPUT)
        save_before_error(train, hooks);
    if (status != OK)
        return status;
    const struct train_state told = train->state;
    train->state = before;
    status = save_within(train, hooks, err);
    train->state = told;
    return status;
}

/* Whether the run is over, from its state alone: a run that is over and resumed is still over. */
static enum train_end end_of(const struct train *train)
{
    const struct train_state *state = &train->state;
    size_t since = last_stage_begins(train);
    if (state->epoch == train->options.schedule.epochs)
        return TRAIN_EPOCHS;
    if (state->has_best && !state->best_uncompared && state->best_epoch + 1 > since)
        since = state->best_epoch + 1;
    size_t waited = state->epoch > since ? state->epoch - since : 0;
    bool over = train->options.patience > 0 && state->epoch >= since &&
                waited >= train->options.patience + state->uncompared_lately;
    return over ? TRAIN_PATIENCE : TRAIN_UNFINISHED;
}

bool train_is_over(const struct train *train)
{
    return end_of(train) != TRAIN_UNFINISHED;
}

static bool skip_save(const struct train_hooks *hooks)
{
    return hooks->skip_save && hooks->skip_save(hooks->context);
}

static enum status run_epochs(struct train *train, const struct train_hooks *hooks, bool *stopped, struct error *err)
{
    for (train->end = end_of(train); train->end == TRAIN_UNFINISHED;) {
        enum status status = train_enter_stage(train, train->state.epoch, err);
        if (status == OK)
            status = run_steps(train, hooks, stopped, err);
        if (status != OK)
            return status;
        if (train->end == TRAIN_TIME)
            return end_by_time(train, hooks, stopped, err);
        status = *stopped ? save_within(train, hooks, err) : finish_epoch(train, hooks, stopped, err);
        if (status != OK || *stopped)
            return status;
        train->end = end_of(train);
        if (train->end == TRAIN_UNFINISHED && time_is_over(hooks))
            train->end = TRAIN_TIME;
        if (train->end != TRAIN_UNFINISHED || !skip_save(hooks))
            status = save(train, hooks, err);
        if (status != OK)
            return status;
    }
    return OK;
}

enum status train_range(struct train *train, const struct train_hooks *hooks, struct error *err)
{
    bool stopped = false;
    assert(train->stage.run && hooks->should_stop);
    while (!stopped) {
        enum status status = run_steps(train, hooks, &stopped, err);
        if (status != OK)
            return status;
        next_epoch(train);
    }
    return OK;
}

enum status train_run(struct train *train, const struct train_hooks *hooks, bool *stopped, struct error *err)
{
    assert(train->stage.run && hooks->on_epoch && hooks->save);
    double start = clock_seconds();
    *stopped = false;
    train->epoch_started = start - train->state.seconds;
    train->state.seconds = 0;
    enum status status = run_epochs(train, hooks, stopped, err);
    train->timing.all += clock_seconds() - start;
    timing_detach(&train->timing, &train->stage);
    return status;
}
