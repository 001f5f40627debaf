/* The training loop:
 *
 *   for each epoch, while nothing ends the run:           run_epochs
 *       enter its stage                                   train_stage.c: the freeze point may have moved
 *       shuffle the photos, compute missing features      begin_epoch
 *       for each batch, while nothing ends the run:       train_one_epoch
 *           forward, loss, backward, update               train_step.c
 *           out of time or interrupted: end               pause_after_step
 *           save, if the last checkpoint is old
 *       evaluate, tell, remember the best                 finish_epoch, train_validate.c
 *       all epochs done, out of patience or time: end
 *       save, if the run ends or the last checkpoint is old
 *
 * train->end says whether the run ends, and why: the function that finds a reason sets it, and every loop here
 * looks at it. A reason is no error: the status stays OK. Only save_is_due decides to save.
 *
 * The step is train_step.c's, a pass over photos train_pass.c's, the evaluation train_validate.c's; what a checkpoint
 * holds is checkpoint.c's.
 */
#include <assert.h>

#include "core/base/clock.h"
#include "core/base/hash.h"
#include "core/base/rng.h"
#include "core/train/train_private.h"

static bool goes_on(const struct train *train)
{
    return train->end == TRAIN_UNFINISHED;
}

/* ---- saving ------------------------------------------------------------------------------------------------------ */

/* The one place that decides to save; `status` is that of the evaluation before. Whatever ends a run, a checkpoint
 * comes last: --resume goes on from it. Validation photos that are all away are an error, but the steps are done, and
 * their evaluation can be made when the photos are back. Else it depends on the age of the last checkpoint: within an
 * epoch they bound what a crash costs; between two epochs a head that trains in a tenth of a second would spend most of
 * its time on writing the whole network after each. */
static bool save_is_due(const struct train *train, enum status status)
{
    const struct train_limits *limits = &train->limits;
    double age = clock_seconds() - train->saved;
    if (status != OK)
        return status == ERR_NOINPUT;
    if (!goes_on(train))
        return true;
    if (train->in_epoch)
        return limits->save_every > 0 && age >= limits->save_every;
    return age >= limits->save_least;
}

/* Saves with `state` as the run's. Within an epoch what it has taken so far is a part of it; between two epochs that is
 * nothing, so that runs that were never interrupted save the same bytes. */
static enum status save(struct train *train, struct train_state state, struct error *err)
{
    const struct train_state now = train->state;
    enum status status = train_check_weights(train, err);
    double start = clock_seconds();
    if (status == OK) {
        state.seconds = train->in_epoch ? start - train->epoch_started : 0;
        train->state = state;
        status = train->hooks->save(train->hooks->context, err);
        train->state = now;
    }
    train->saved = clock_seconds();
    train->timing.saving += train->saved - start;
    return status;
}

/* ---- the steps of an epoch --------------------------------------------------------------------------------------- */

static enum status begin_epoch(struct train *train, struct error *err)
{
    const struct train_options *options = &train->options;
    size_t count = train->dataset->train.count;
    struct rng rng = rng_stream(options->seed, RNG_ORDER, (uint32_t)train->state.epoch, 0);
    train->in_epoch = true;
    for (size_t i = 0; i < count; i++)
        train->order[i] = (uint32_t)i;
    rng_shuffle(&rng, train->order, count);
    return train_begin_pass(train, false, train->order, count, train->state.position,
                            photo_view_of(options->augment, options->views, train->state.epoch), err);
}

/* *out = the next batch, its first *photos to be trained on; NULL at the end of the epoch. A last batch that is too
 * small for BatchNorm is left out. */
static enum status next_batch(const struct photo_batch **out, size_t *photos, struct train *train, struct error *err)
{
    struct train_state *state = &train->state;
    for (;;) {
        enum status status = feed_next(train->feed, out, err);
        const struct photo_batch *batch = status == OK ? *out : NULL;
        if (status == OK)
            status = batch ? train_note_skipped(train, false, err) : train_end_pass(train, false, err);
        if (status == OK && !batch && state->batch == 0)
            return error_set(err, ERR_DATA, "%s: epoch %zu had no step: too few photos can be read",
                             train->dataset->train.root, state->epoch + 1);
        if (status != OK || !batch)
            return status;
        *photos = recipe_step_photos(&train->options.recipe, train->stage.plan, batch->count);
        state->left_out += batch->count - *photos;
        if (*photos > 0)
            return OK;
        state->position = batch->position;
    }
}

/* Forward, loss, backward and update are train_step; then the state moves on. */
static enum status step(struct train *train, const struct photo_batch *batch, size_t photos, struct error *err)
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
    state->top1 += result.right;
    state->loss_sum += result.loss * (double)photos;
    if (train->hooks->on_step)
        train->hooks->on_step(train->hooks->context, &result);
    return OK;
}

/* After a step. The time is not asked before the first one, so that a run that is resumed with the same small
 * --time-limit again and again gets on; and not after an epoch's last one, whose evaluation makes a model of it. */
static enum status pause_after_step(struct train *train, struct error *err)
{
    bool last = train->state.position == train->dataset->train.count;
    if (!last && train_is_late(train))
        train->end = TRAIN_TIME;
    else if (!train_interrupted(train) && !last && save_is_due(train, OK))
        return save(train, train->state, err);
    return OK;
}

/* What is left of the epoch, or as far as it comes. An error does not end it before all peers know of it. */
static enum status train_one_epoch(struct train *train, struct error *err)
{
    const struct photo_batch *batch = NULL;
    size_t photos = 0;
    enum status status = train_settle(train, begin_epoch(train, err), err);
    if (status != OK || train_interrupted(train))
        return status;
    train_enter_pass(train, false);
    while (goes_on(train)) {
        if (status == OK)
            status = next_batch(&batch, &photos, train, err);
        if (status == OK && !batch)
            train_leave_pass(train);
        status = train_settle(train, status, err);
        if (status != OK || !batch)
            break;
        status = step(train, batch, photos, err);
        if (status == OK)
            status = pause_after_step(train, err);
    }
    train_leave_pass(train);
    return status;
}

/* ---- the epochs -------------------------------------------------------------------------------------------------- */

/* Patience counts from here, or from a better epoch after it. */
static size_t last_stage_begins(const struct train *train)
{
    const struct unfreezing *unfreezing = &train->options.unfreezing;
    return unfreezing->count ? unfreezing->steps[unfreezing->count - 1].epoch : 0;
}

/* Whether the run is over, from its state alone: a run that is over and resumed is still over. Patience counts the
 * epochs since the best one, and at the earliest from the last stage on: a stage that unfreezes layers needs its own
 * epochs to get better. Epochs that could not be compared (photos were away) extend it, and a best one among them is
 * not one to wait for. */
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

static void next_epoch(struct train *train)
{
    struct train_state *state = &train->state;
    train->in_epoch = false;
    train->epoch_started = clock_seconds();
    state->epoch++;
    if (state->epoch == last_stage_begins(train))
        state->uncompared_lately = 0;
    state->position = state->batch = state->left_out = 0;
    state->count = state->top1 = 0;
    state->loss_sum = 0;
}

/* That all ranks hold the same weights is what the bytes of a run rest on. After the first time those that no step
 * changes are the same still. */
static enum status compare_weights(struct train *train, struct error *err)
{
    struct hash128 hash = {0};
    size_t rank;
    if (train->peers->count == 1)
        return OK;
    for (size_t i = 0; i < train->net->params_count; i++) {
        const struct param *param = &train->net->params[i];
        if (train->compared && !freeze_moves(train_freeze(train), param))
            continue;
        hash = hash_bytes(param->data, param->count * sizeof(float), hash.low ^ (uint64_t)param->batches);
    }
    enum status status = peers_compare(&rank, train->peers, &hash, sizeof hash, err);
    train->compared = true;
    if (status != OK || rank == 0)
        return status;
    return error_set(err, ERR_PROMISE,
                     "after the steps of epoch %zu rank %zu holds other weights than rank 0: nothing of the epoch was "
                     "saved; please report it with the processors of both machines",
                     train->state.epoch + 1, rank);
}

/* The steps are done, or the run ends in the middle of them. A run that is out of time ends with a model: where no
 * epoch has been evaluated yet, the unfinished one is. Its checkpoint knows nothing of that evaluation, and a run that
 * goes on from it does what it would have done. */
static enum status finish_epoch(struct train *train, struct error *err)
{
    const struct train_state before = train->state;
    enum status status = compare_weights(train, err);
    if (status == OK && (goes_on(train) || (train->end == TRAIN_TIME && !before.has_best)))
        status = train_validate(train, err);
    if (status == OK && goes_on(train)) {
        next_epoch(train);
        train->end = end_of(train);
        if (goes_on(train) && train_is_late(train))
            train->end = TRAIN_TIME;
    }
    if (!save_is_due(train, status))
        return status;
    struct error second; /* the one that ends the run is told: the checkpoint before is good as well */
    enum status saved = save(train, train->in_epoch ? before : train->state, status == OK ? err : &second);
    return status == OK ? saved : status;
}

static enum status run_epochs(struct train *train, struct error *err)
{
    enum status status = OK;
    for (train->end = end_of(train); status == OK && goes_on(train);) {
        status = train_settle(train, train_enter_stage(train, train->state.epoch, err), err);
        if (status == OK)
            status = train_one_epoch(train, err);
        if (status == OK)
            status = train_settle(train, finish_epoch(train, err), err);
    }
    return status;
}

enum status train_run(struct train *train, const struct train_limits *limits, const struct train_hooks *hooks,
                      struct error *err)
{
    assert(train->stage.exec && hooks->on_epoch && hooks->save);
    double start = clock_seconds();
    train->hooks = hooks;
    train->limits = limits ? *limits : (struct train_limits){0};
    train->stop = train->late = train->checked = train->compared = false;
    train->saved = start;
    train->epoch_started = start - train->state.seconds;
    train->state.seconds = 0;
    enum status status = run_epochs(train, err);
    train->timing.all += clock_seconds() - start;
    timing_detach(&train->timing, &train->stage);
    return status;
}

enum status train_range(struct train *train, const struct train_hooks *hooks, struct error *err)
{
    enum status status = OK;
    assert(train->stage.exec && hooks->should_stop);
    train->hooks = hooks;
    train->limits = (struct train_limits){0};
    for (train->end = TRAIN_UNFINISHED; status == OK && goes_on(train);) {
        status = train_one_epoch(train, err);
        next_epoch(train);
    }
    return status;
}
