/* The evaluation of an epoch: over the validation photos, with the weights' average in their place if there is one
 * (--ema), then told (on_epoch) and compared with the best so far. */
#include <math.h>
#include <stdio.h>

#include "core/base/clock.h"
#include "core/train/evaluate.h"
#include "core/train/train_private.h"

struct watch {
    struct train *train;
    enum status status; /* of what was noted of the photos, and of on_outputs */
    struct error *err;
};

static bool watch_evaluation(void *context, const struct photo_batch *batch, const float *logits)
{
    struct watch *watch = context;
    const struct train *train = watch->train;
    const struct train_hooks *hooks = train->hooks;
    watch->status = train_note_skipped(watch->train, true, watch->err);
    if (watch->status == OK && hooks->on_outputs)
        watch->status = hooks->on_outputs(hooks->context, batch, logits, train->val.count - batch->count, watch->err);
    watch->status = train_settle(watch->train, watch->status, watch->err);
    if (watch->status != OK)
        return false;
    if (hooks->on_evaluation)
        hooks->on_evaluation(hooks->context, batch->position, train->dataset->val.count);
    return !train_interrupted(watch->train);
}

/* Without a validation photo there is nothing to judge the run by. */
static enum status refuse_blind(const struct train *train, struct error *err)
{
    const struct photo_list *list = &train->dataset->val;
    size_t away = absence_in(&train->absence[1], train->state.epoch);
    if (away == 0)
        return error_set(err, ERR_DATA, "%s: none of the %zu validation photos can be read", list->root, list->count);
    return error_set(err, ERR_NOINPUT,
                     "%s: epoch %zu: none of the %zu validation photos can be read: make them available", list->root,
                     train->state.epoch + 1, list->count);
}

/* One class at minus infinity would leave the loss finite, but such an output is no answer. */
static enum status refuse_infinite(struct train *train, struct error *err)
{
    char what[600];
    snprintf(what, sizeof what, "the output of the network for the validation photo %.500s",
             photo_name(&train->dataset->val, train->val.infinite_photo));
    return train_diverged(train, what, NAN, err);
}

/* Evaluates what the net holds: the weights or their average. The evaluation's BatchNorm is folded into the
 * convolutions, so it is folded again from the weights as they are now. Where it is interrupted the metrics hold a
 * part and are not used. Photos that were away in an evaluation of this epoch before an interruption get another
 * chance. */
static enum status run_evaluation(struct train *train, struct error *err)
{
    const struct train_options *options = &train->options;
    size_t count = train->dataset->val.count, batch = recipe_pass(&options->recipe, options->loader.batch);
    struct watch watch = {.train = train, .err = err};
    enum status status = train_check_weights(train, err);
    if (status != OK)
        return status;
    exec_refold_trained(train->stage.evaluation);
    metrics_reset(&train->val);
    absence_forget(&train->absence[1], train->state.epoch);
    status = train_begin_pass(train, true, NULL, count, 0, photo_view_plain(), err);
    status = train_settle(train, status, err);
    if (train->peers->count > 1)
        (void)train_interrupted(train); /* as all know now: one of them may have been told while it filled the cache */
    if (status == OK && train->end != TRAIN_INTERRUPTED) {
        train_enter_pass(train, true);
        status = evaluate_shared(&train->val, train->stage.evaluation, train->val_feed,
                                 train->whole ? &peers_alone : train->peers, batch, net_classes(train->net),
                                 watch_evaluation, &watch, err);
        train_leave_pass(train);
    }
    if (watch.status != OK)
        return watch.status; /* all know of it */
    if (status == OK && train->end != TRAIN_INTERRUPTED)
        status = train_end_pass(train, true, err);
    return train_settle(train, status, err);
}

/* No photo, or an output that is not finite: neither is a result that another epoch could be compared with. */
static enum status check_evaluation(struct train *train, struct error *err)
{
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
static enum status tell_epoch(struct train *train, struct error *err)
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
        .seconds = clock_seconds() - train->epoch_started,
        .val = &train->val,
        .features = train->cache ? feature_cache_counts(train->cache) : (struct feature_counts){0},
        .away = absence_in(&train->absence[0], state->epoch),
        .val_away = val_away,
        .compared = val_away == 0,
        .best_photos = state->has_best ? state->best_photos : 0,
        .best = is_best(train, val_away == 0),
        .saved_lately = clock_seconds() - train->saved < train->limits.save_least,
    };
    double start = clock_seconds();
    enum status status = train->hooks->on_epoch(train->hooks->context, &result, err);
    train->timing.saving += clock_seconds() - start;
    state->uncompared += !result.compared;
    state->uncompared_lately += !result.compared;
    if (status == OK && result.best)
        remember_best(train, result.compared);
    return status;
}

/* The average takes the place of the weights until on_epoch has written the best model: the model that is kept is the
 * one that was evaluated. */
enum status train_validate(struct train *train, struct error *err)
{
    if (train->recipe.ema)
        ema_swap(train->recipe.ema);
    enum status status = run_evaluation(train, err);
    bool whole = train->end != TRAIN_INTERRUPTED;
    if (status == OK && whole)
        status = check_evaluation(train, err);
    if (status == OK && whole)
        status = tell_epoch(train, err);
    if (train->recipe.ema)
        ema_swap(train->recipe.ema);
    return status;
}
