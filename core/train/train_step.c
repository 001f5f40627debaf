/* One step of the optimizer on one batch:
 *
 *   for each piece of the batch (one, unless --micro-batch), of those that are this rank's (all, alone):
 *       logits = forward(piece)                              from pixels, mixed pixels or kept features
 *       loss += cross_entropy(logits, labels)                divided by the divisor of the whole batch
 *       in the last piece: the ranks wait until all have come so far or one has failed; then the exchange may begin
 *       backward(d loss / d logits)                          from the last operator to the freeze point
 *           for each parameter, as soon as its gradient is complete:
 *               update it, or add to the gradients that are kept
 *   with --bn-sync each of these lines is done for all pieces of this rank before the next: layer by layer, together
 *   with the other ranks, since BatchNorm needs the sums of all
 *   the ranks tell each other the losses and statistics of their pieces; in a whole pass (train_pass.c) all pieces are
 *   each rank's own, and the ranks neither wait for nor tell each other anything
 *   where gradients are kept (several pieces, several ranks, or --clip-norm):
 *       sum them over the ranks, clip them, update all parameters
 *   --ema: the average of the weights follows
 */
#include <math.h>

#include "core/base/clock.h"
#include "core/base/rng.h"
#include "core/ops/loss.h"
#include "core/train/mix.h"
#include "core/train/train_private.h"

/* A batch at work. */
struct work {
    struct train *train;
    const struct photo_batch *batch;
    size_t photos; /* of it that are trained on: the first ones */
    size_t side;
    struct mix mix;
    struct targets targets;
    double divisor;
    const int32_t *leading; /* [photos] the labels with the larger share */
};

/* Draws the mix of the batch from (seed, RNG_MIX, epoch, batch), so that a resumed run draws the same. A mixed photo
 * has two labels; the training accuracy counts the one with the larger share, which is the neighbour's for a share
 * below one half. */
static struct work begin_step(struct train *train, const struct photo_batch *batch, size_t photos)
{
    const struct recipe *recipe = &train->recipe;
    const struct recipe_options *options = &recipe->options;
    const struct train_state *state = &train->state;
    struct work work = {
        .train = train,
        .batch = batch,
        .photos = photos,
        .side = (size_t)train->options.loader.preprocess.crop,
        .targets = {.labels = batch->labels, .smoothing = options->label_smoothing, .weights = recipe->class_weights},
        .leading = batch->labels};
    struct rng rng = rng_stream(train->options.seed, RNG_MIX, (uint32_t)state->epoch, state->batch);
    work.mix = mix_draw(options->mixup, options->cutmix, work.side, work.side, rng);
    if (work.mix.kind != MIX_NONE) {
        mix_labels(recipe->others, batch->labels, photos);
        work.targets.others = recipe->others;
        work.targets.share = work.mix.share;
        if (work.mix.share < 0.5)
            work.leading = recipe->others;
    }
    work.divisor = targets_divisor(&work.targets, photos);
    return work;
}

/* Photos from..from+count-1 are put where forward takes them from. The feed knows whether the batch comes as pixels or
 * as kept features. Photos that are mixed or have holes are made into normalised floats here, since nothing of such a
 * batch can be kept. */
static enum status load(const struct work *work, size_t from, size_t count, struct error *err)
{
    struct train *train = work->train;
    if (!train->recipe.mixed)
        return feed_load(train->feed, train->stage.exec, work->batch, from, count, err);
    const struct mix_photos photos = {.pixels = work->batch->pixels,
                                      .count = work->photos,
                                      .height = work->side,
                                      .width = work->side,
                                      .table = train->recipe.table,
                                      .holes = work->batch->holes};
    mix_images(train->recipe.mixed, &work->mix, &photos, from, count, train->pool);
    return OK;
}

/* After that. */
static const float *forward(const struct work *work, size_t from, size_t count)
{
    struct train *train = work->train;
    if (train->recipe.mixed)
        return exec_forward(train->stage.exec, train->recipe.mixed, count);
    return feed_run(train->feed, train->stage.exec, work->batch, from, count);
}

static void update(struct train *train, size_t param, const float *gradient)
{
    double start = clock_seconds();
    optimizer_update(train->optimizer, param, gradient, train->lr);
    train->timing.optimizer += clock_seconds() - start;
}

/* exec_backward calls this from the last parameter to the first, when nothing will add to the gradient any more. An
 * update at that moment needs memory for one gradient instead of all; but the norm of all gradients is known only at
 * the end, and a piece has only a part of each, so these two keep them, and so do ranks. */
static void take_gradient(void *context, size_t param, const float *gradient)
{
    struct train *train = context;
    double start = clock_seconds();
    if (train->recipe.gradients)
        gradients_add(train->recipe.gradients, param, gradient);
    else
        update(train, param, gradient);
    train->timing.sink += clock_seconds() - start;
}

/* Before the first update of a run it is not the training that has gone wrong. */
static enum status refuse_loss(const struct work *work, const float *logits, size_t from, size_t count, double loss,
                               struct error *err)
{
    struct train *train = work->train;
    size_t bad = logits_finite(logits, count, net_classes(train->net));
    if (train->state.step > 0 || bad == count)
        return train_diverged(train, "the loss", loss, err);
    return error_set(err, ERR_DATA,
                     "%.500s: the output of the network is not finite before the first step: values overflow inside "
                     "it, so the initial weights are damaged or come from a training that diverged; use other weights",
                     photo_name(&train->dataset->train, work->batch->photos[from + bad]));
}

/* *loss = that of photos from..to-1, which are a piece, from their logits; and its gradient at those. When a piece's
 * part of the batch's loss is not finite nothing was updated. */
static enum status take_loss(double *loss, float *dlogits, const float *logits, size_t piece, const struct work *work,
                             size_t from, size_t to, struct error *err)
{
    struct train *train = work->train;
    struct targets targets = work->targets;
    size_t right = train->batch.top1;
    targets.labels += from;
    if (targets.others)
        targets.others += from;
    *loss = cross_entropy_targets(dlogits, logits, &targets, to - from, net_classes(train->net), work->divisor);
    if (!isfinite(*loss))
        return refuse_loss(work, logits, from, to - from, *loss, err);
    metrics_add(&train->batch, logits, work->leading + from, work->batch->photos + from, to - from);
    share_note(&train->share, piece, *loss, train->batch.top1 - right);
    return OK;
}

/* From here on no rank fails before the gradients are summed: their exchange may begin. */
static enum status agree(struct train *train, enum status status, struct error *err)
{
    status = train_settle(train, status, err);
    if (status == OK && train->recipe.gradients)
        gradients_start(train->recipe.gradients);
    return status;
}

static size_t piece_begins(const struct work *work, size_t piece)
{
    return work->photos * piece / work->train->share.pieces;
}

/* Between the two passes of its last piece a rank waits for the others. */
static enum status run_piece(double *loss, size_t piece, const struct work *work, struct error *err)
{
    struct train *train = work->train;
    struct exec *exec = train->stage.exec;
    size_t from = piece_begins(work, piece), to = piece_begins(work, piece + 1);
    share_begin_piece(&train->share, exec, piece);
    enum status status = load(work, from, to - from, err);
    if (status == OK)
        status = take_loss(loss, train->dlogits, forward(work, from, to - from), piece, work, from, to, err);
    if (status != OK || piece + 1 == train->share.end)
        status = agree(train, status, err);
    if (status == OK)
        exec_backward(exec, train->dlogits, take_gradient, train);
    share_end_piece(&train->share, exec);
    return status;
}

/* Forward and the losses of all pieces of this rank. */
static enum status forward_together(double *loss, const struct work *work, struct error *err)
{
    struct train *train = work->train;
    const struct share *share = &train->share;
    size_t first = piece_begins(work, share->first), end = piece_begins(work, share->end);
    const float *logits = forward(work, first, end - first);
    enum status status = bn_sync_status(&train->sync, err);
    for (size_t i = share->first; i < share->end && status == OK; i++) {
        size_t from = piece_begins(work, i), at = (from - first) * net_classes(train->net);
        status = take_loss(loss, train->dlogits + at, logits + at, i, work, from, piece_begins(work, i + 1), err);
    }
    return status;
}

/* The pieces of this rank with --bn-sync. Between the layers the ranks wait for each other, so before each of the two
 * passes all must know that nobody has failed. */
static enum status run_together(double *loss, const struct work *work, struct error *err)
{
    struct train *train = work->train;
    struct share *share = &train->share;
    size_t first = piece_begins(work, share->first), end = piece_begins(work, share->end);
    bn_sync_begin(&train->sync, train->stage.exec, share, work->photos);
    enum status status = train_settle(train, load(work, first, end - first, err), err);
    if (status == OK)
        status = train_settle(train, forward_together(loss, work, err), err);
    if (status == OK) {
        exec_backward(train->stage.exec, train->dlogits, take_gradient, train);
        status = bn_sync_status(&train->sync, err);
    }
    bn_sync_end(&train->sync, train->stage.exec);
    return train_settle(train, status, err);
}

static enum status run_apart(double *loss, const struct work *work, struct error *err)
{
    const struct share *share = &work->train->share;
    enum status status = OK;
    for (size_t i = share->first; i < share->end && status == OK; i++)
        status = run_piece(loss, i, work, err);
    return share->first == share->end ? agree(work->train, OK, err) : status;
}

/* The pieces of this rank, then what all ranks have found. */
static enum status run_pieces(struct step_result *out, const struct work *work, struct error *err)
{
    struct train *train = work->train;
    struct share *share = &train->share;
    size_t pieces = recipe_pieces(&train->recipe.options, work->photos);
    metrics_reset(&train->batch);
    share_begin(share, pieces, train->whole);
    if (train->recipe.gradients)
        gradients_begin(train->recipe.gradients, pieces, train->whole);
    enum status status =
        train->recipe.options.bn_sync ? run_together(&out->loss, work, err) : run_apart(&out->loss, work, err);
    if (status == OK)
        status = share_gather(&out->loss, &out->right, share, train->stage.exec, err);
    if (status == OK && train->recipe.gradients)
        status = gradients_sum(train->recipe.gradients, err);
    return status;
}

/* The update of all parameters at once, where their gradients were kept. */
static enum status update_kept(struct train *train, double *norm, struct error *err)
{
    struct gradients *gradients = train->recipe.gradients;
    double most = train->recipe.options.clip_norm;
    if (most > 0) {
        *norm = gradients_clip(gradients, most);
        if (!isfinite(*norm))
            return train_diverged(train, "the norm of the gradient", *norm, err);
    }
    for (size_t i = 0; i < train->net->params_count; i++) {
        const float *gradient = gradients_get(gradients, i);
        if (gradient)
            update(train, i, gradient);
    }
    return OK;
}

enum status train_step(struct train *train, const struct photo_batch *batch, size_t photos, struct step_result *out,
                       struct error *err)
{
    const struct train_state *state = &train->state;
    const struct recipe *recipe = &train->recipe;
    struct work work = begin_step(train, batch, photos);
    train->lr = schedule_lr(&train->options.schedule, state->epoch, state->batch);
    *out = (struct step_result){.epoch = state->epoch,
                                .batch = state->batch,
                                .steps = state->steps_per_epoch,
                                .images = photos,
                                .lr = train->lr};
    enum status status = run_pieces(out, &work, err);
    if (status == OK && recipe->gradients)
        status = update_kept(train, &out->norm, err);
    if (status == OK && recipe->ema)
        ema_update(recipe->ema);
    return status;
}
