#include "core/train/train.h"

#include <math.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/train/confusion.h"
#include "core/train/evaluate.h"
#include "core/train/train_private.h"

/* Full batches, and one of the rest if BatchNorm can use it. */
static size_t steps_in_epoch(const struct train *train, size_t photos, size_t batch)
{
    return photos / batch + (recipe_step_photos(&train->options.recipe, train->stage.plan, photos % batch) > 0);
}

/* What concerns several options together. A warm-up over all epochs would never reach --lr. */
static enum status check(const struct train_options *options, struct error *err)
{
    const struct schedule *schedule = &options->schedule;
    bool of_batch = options->freeze.bn_trained == BN_BATCH || options->freeze.bn_frozen == BN_BATCH;
    if (options->recipe.bn_sync && !of_batch)
        return error_set(err, ERR_USAGE,
                         "--bn-sync cannot be combined with --bn-trained eval, which takes no statistics of a batch");
    if (schedule->epochs < 1)
        return error_set(err, ERR_USAGE, "--epochs must be 1 or more");
    if (!(schedule->lr > 0) || !isfinite(schedule->lr))
        return error_set(err, ERR_USAGE, "--lr %g: must be above 0", schedule->lr);
    if (!(schedule->warmup >= 0) || !(schedule->warmup < (double)schedule->epochs))
        return error_set(err, ERR_USAGE, "--warmup must be 0 or more and less than --epochs (%zu)", schedule->epochs);
    return recipe_check(&options->recipe, err);
}

/* A rank without a piece would only wait. */
static enum status check_peers(const struct train *train, struct error *err)
{
    const struct train_options *options = &train->options;
    size_t pieces = recipe_pieces(&options->recipe, options->loader.batch), ranks = train->peers->count;
    if (ranks > pieces)
        return error_set(
            err, ERR_USAGE,
            "%zu processes for a batch of %zu photos, which --micro-batch cuts into %zu: start at most %zu", ranks,
            options->loader.batch, pieces, pieces);
    return OK;
}

/* *steps = the steps of an epoch in this stage. Where the maps are 1x1 (layer4 at 32 pixels) BatchNorm with batch
 * statistics sees a single value per channel in a batch of one photo, and PyTorch raises an error. Each way to such a
 * batch has its own message, because the remedy differs: a larger --batch-size, another --micro-batch, or more photos.
 * The first is not said where there are no more photos than the batch holds: a larger one would not help. */
static enum status count_steps(size_t *steps, const struct train *train, struct error *err)
{
    const struct plan *plan = train->stage.plan;
    size_t batch = train->options.loader.batch, usable = train->options.usable;
    if (plan_batch_too_small(plan, batch) && usable > batch)
        return error_set(
            err, ERR_USAGE,
            "--batch-size %zu: at this image size BatchNorm with batch statistics would see a single value "
            "per channel; use a larger one, or --bn-trained eval",
            batch);
    if (!plan_batch_too_small(plan, batch) && recipe_step_photos(&train->options.recipe, plan, batch) < batch)
        return error_set(err, ERR_USAGE,
                         "--micro-batch %zu: in a piece of a batch of %zu BatchNorm with batch statistics would see a "
                         "single value per channel; use a larger one, or --bn-trained eval",
                         train->options.recipe.micro_batch, batch);
    *steps = plan_batch_too_small(plan, batch) ? 0 : steps_in_epoch(train, usable, batch);
    if (*steps == 0)
        return error_set(err, ERR_DATA,
                         "%zu usable photos to train on are too few for BatchNorm with batch statistics at this image "
                         "size: add photos, or use --bn-trained eval",
                         usable);
    return OK;
}

static struct recipe_run recipe_run_of(const struct train *train)
{
    return (struct recipe_run){.net = train->net,
                               .freeze = &train->stage.plan->options.freeze,
                               .photos = &train->dataset->train,
                               .batch = train->options.loader.batch,
                               .side = (size_t)train->options.loader.preprocess.crop,
                               .erases = train->options.loader.extras.erasing > 0,
                               .peers = train->peers,
                               .pool = train->pool};
}

/* The evaluation takes as many photos at a time as a pass of the training: both work in the same memory, and
 * --micro-batch is there to keep it small. */
static struct loader_options val_loader_options(const struct train_options *options)
{
    struct loader_options loader = options->loader;
    loader.batch = recipe_pass(&options->recipe, loader.batch);
    loader.ahead = loader.ahead < loader.batch ? loader.ahead : loader.batch;
    return loader;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Operations of an image up to the shallower cut whose features are there. */
static double flops_before(const struct plan *plan)
{
    double flops = 0;
    for (size_t i = 0; i < plan->from.steps; i++)
        flops += plan->steps[i].flops;
    return flops;
}

/* Plans every stage once: a batch that BatchNorm cannot use in the last stage is an error before the first epoch, not
 * after a night of training, and --dry-run shows the memory of the largest stage. The last stage remains planned,
 * because it has the most work (train_plan); train_prepare goes back to the first. */
static enum status plan_all_stages(struct train *train, struct error *err)
{
    const struct unfreezing *unfreezing = &train->options.unfreezing;
    struct train_needs *needs = &train->needs;
    for (size_t i = 0; i <= unfreezing->count; i++) {
        size_t epoch = i ? unfreezing->steps[i - 1].epoch : 0, steps = 0, bf16 = 0;
        size_t next = i < unfreezing->count ? unfreezing->steps[i].epoch : train->options.schedule.epochs;
        enum status status = train_plan_stage(train, epoch, err);
        if (status == OK)
            status = count_steps(&steps, train, err);
        if (status == OK)
            status = stage_bytes_in(&bf16, train->net, &train->stage.plan->options,
                                    train->stage.evaluation_plan->options.batch, PRECISION_BF16, err);
        if (status != OK)
            return status;
        const struct plan *plan = train->stage.plan, *evaluation = train->stage.evaluation_plan;
        const struct recipe_run run = recipe_run_of(train);
        struct recipe_needs recipe = recipe_needs(&train->options.recipe, &run);
        size_t pieces = recipe_pieces(&train->options.recipe, run.batch);
        bool synced = train->options.recipe.bn_sync;
        size_t told = train->peers->count > 1 ? share_bytes(train->peers, plan, pieces, synced) : 0; /* alone little */
        told += synced ? bn_sync_bytes(train->peers, plan, pieces) : 0;
        double flops = plan->flops_prefix + plan->flops_suffix + plan->flops_backward;
        train->stages[train->stages_count++] = (struct train_stage){.epoch = epoch,
                                                                    .epochs = next - epoch,
                                                                    .until = plan->options.freeze.until,
                                                                    .step_flops = flops,
                                                                    .features_flops = plan->flops_features,
                                                                    .from_flops = flops_before(evaluation),
                                                                    .cache = train->feature_plan};
        needs->cache = larger(needs->cache, feature_cache_memory(&train->feature_plan));
        needs->network = larger(needs->network, stage_bytes(&train->stage));
        needs->network_bf16 = larger(needs->network_bf16, bf16);
        needs->optimizer = larger(needs->optimizer, optimizer_bytes(train->net, &train->options.optimizer));
        needs->gradients = larger(needs->gradients, recipe.gradients + told);
        needs->average = larger(needs->average, recipe.average);
        needs->mixing = recipe.mixing;
        needs->steps_per_epoch = larger(needs->steps_per_epoch, steps);
        needs->step_flops = fmax(needs->step_flops, flops);
        needs->evaluation_flops = evaluation->flops_prefix + evaluation->flops_suffix;
    }
    return OK;
}

/* The metrics of a step and of an evaluation, with its predictions; the confusion table made from these, which grows
 * with the photos and not with the square of the classes; and the gradients of the logits. */
static size_t metrics_needs(const struct train *train)
{
    size_t classes = net_classes(train->net), val = train->dataset->val.count;
    size_t pass = recipe_pass(&train->options.recipe, train->options.loader.batch);
    return metrics_bytes(classes, 0) + metrics_bytes(classes, val) + confusion_bytes(val) +
           evaluate_shared_bytes(train->peers, pass, classes) + train_at_once(train) * classes * sizeof(float);
}

static enum status plan_run(struct train *train, struct error *err)
{
    const struct loader_options *loader = &train->options.loader, val_loader = val_loader_options(&train->options);
    enum status status = plan_all_stages(train, err);
    if (status != OK)
        return status;
    train->needs.weights = net_floats(train->net) * sizeof(float);
    train->needs.photos =
        loader_memory(loader, train->dataset->train.count) + loader_memory(&val_loader, train->dataset->val.count) +
        absence_bytes(train->dataset->train.count + train->dataset->val.count, 2 * train->dataset->classes.count);
    train->needs.metrics = metrics_needs(train);
    train->options.schedule.steps_per_epoch = train->needs.steps_per_epoch;
    train->state.steps_per_epoch = train->needs.steps_per_epoch;
    return OK;
}

enum status train_create(struct train **out, struct net *net, const struct dataset *dataset,
                         const struct train_options *options, struct pool *pool, struct error *err)
{
    void *memory;
    enum status status = check(options, err);
    if (status == OK)
        status = memory_alloc(&memory, 1, sizeof(struct train), "the training", err);
    if (status != OK)
        return status;
    struct train *train = memory;
    *train = (struct train){.net = net,
                            .dataset = dataset,
                            .pool = pool,
                            .peers = options->peers ? options->peers : &peers_alone,
                            .options = *options};
    train->timing.wanted = options->profile;
    status = check_peers(train, err);
    if (status == OK)
        status = plan_run(train, err);
    if (status != OK)
        train_destroy(train);
    else
        *out = train;
    return status;
}

void train_destroy(struct train *train)
{
    if (!train)
        return;
    metrics_free(&train->val);
    metrics_free(&train->batch);
    memory_free(train->dlogits);
    memory_free(train->order);
    absence_free(&train->absence[1]);
    absence_free(&train->absence[0]);
    train_leave_stage(train);
    feed_destroy(train->val_feed);
    feed_destroy(train->feed);
    loader_destroy(train->val_loader);
    loader_destroy(train->loader);
    memory_free(train->photo_hashes[1]);
    memory_free(train->photo_hashes[0]);
    memory_free(train->param_hashes);
    recipe_free(&train->recipe);
    optimizer_destroy(train->optimizer);
    timing_free(&train->timing);
    memory_free(train);
}

struct train_needs train_needs(const struct train *train)
{
    return train->needs;
}

size_t train_stage_count(const struct train *train)
{
    return train->stages_count;
}

struct train_stage train_stage_get(const struct train *train, size_t index)
{
    return train->stages[index];
}

static enum status prepare_recipe(struct train *train, struct error *err)
{
    const struct normalise normalise = train_normalise(train);
    const struct recipe_run run = recipe_run_of(train);
    return recipe_prepare(&train->recipe, &train->options.recipe, &run, &normalise, err);
}

static enum status make_buffers(struct train *train, struct error *err)
{
    size_t classes = net_classes(train->net);
    void *memory;
    enum status status = memory_alloc(&memory, train->dataset->train.count, sizeof(uint32_t), "the order", err);
    if (status != OK)
        return status;
    train->order = memory;
    status = memory_alloc(&memory, train_at_once(train) * classes, sizeof(float), "the logits", err);
    if (status != OK)
        return status;
    train->dlogits = memory;
    status = metrics_init(&train->batch, classes, 0, err);
    if (status == OK)
        status = absence_init(&train->absence[0], &train->dataset->train, train->dataset->classes.count, err);
    if (status == OK)
        status = absence_init(&train->absence[1], &train->dataset->val, train->dataset->classes.count, err);
    return status == OK ? metrics_init(&train->val, classes, train->dataset->val.count, err) : status;
}

static enum status make_feeds(struct train *train, struct error *err)
{
    const struct loader_options *options = &train->options.loader, val = val_loader_options(&train->options);
    const struct dataset *dataset = train->dataset;
    bool half = train->options.cache.half;
    enum status status = loader_create(&train->loader, &dataset->train, options, err);
    if (status == OK)
        status = loader_create(&train->val_loader, &dataset->val, &val, err);
    if (status == OK)
        status = feed_create(&train->feed, train->loader, &dataset->train, options->batch, half, err);
    if (status == OK)
        status = feed_create(&train->val_feed, train->val_loader, &dataset->val, val.batch, half, err);
    if (status == OK)
        status = feed_join(train->feed, train->peers, train_needs_of_batch, train, err);
    if (status == OK)
        status = feed_join(train->val_feed, train->peers, evaluate_needs, (void *)train->peers, err);
    return status;
}

/* The order matters: the optimizer and the recipe make state for the parameters that train_plan_stage has set
 * trainable, and train_prepare_stage hands the cache to the feeds. */
enum status train_prepare(struct train *train, struct error *err)
{
    const struct train_options *options = &train->options;
    enum status status = train_plan_stage(train, 0, err);
    if (status == OK)
        status = optimizer_create(&train->optimizer, train->net, &options->optimizer, train->pool, err);
    if (status != OK)
        return status;
    rates_apply(&options->rates, train->net, train->optimizer);
    if (status == OK)
        status = prepare_recipe(train, err);
    if (status == OK)
        status = make_buffers(train, err);
    if (status == OK)
        status = make_feeds(train, err);
    return status == OK ? train_prepare_stage(train, err) : status;
}

static struct loader *loader_of(const struct train *train, bool val)
{
    return val ? train->val_loader : train->loader;
}

enum status train_mark_bad(struct train *train, bool val, uint32_t photo, const char *reason, struct error *err)
{
    struct loader *loader = loader_of(train, val);
    if (loader_is_bad(loader, photo))
        return OK;
    absence_set_bad(&train->absence[val], photo, true);
    return loader_mark_bad(loader, photo, reason, err);
}

void train_forgive(struct train *train, bool val, uint32_t photo)
{
    struct loader *loader = loader_of(train, val);
    if (!loader_is_bad(loader, photo))
        return;
    absence_set_bad(&train->absence[val], photo, false);
    loader_forgive(loader, photo);
}

size_t train_skipped_count(const struct train *train, bool val)
{
    return loader_bad_count(loader_of(train, val));
}

struct photo_fault train_skipped_get(const struct train *train, bool val, size_t index)
{
    return loader_bad_get(loader_of(train, val), index);
}

size_t train_bad_count(const struct train *train, bool val)
{
    size_t count = 0;
    for (size_t i = 0; i < train_skipped_count(train, val); i++)
        count += !train_skipped_get(train, val, i).away;
    return count;
}

const struct absence *train_absence(const struct train *train, bool val)
{
    return &train->absence[val];
}

uint64_t train_photo_hash(const struct train *train, bool val, uint32_t photo)
{
    const struct hash128 *kept = train->photo_hashes[val];
    if (kept && photo_hash_known(kept[photo]))
        return kept[photo].low;
    return loader_hash(loader_of(train, val), photo);
}

size_t train_damaged_count(const struct train *train, bool val)
{
    return loader_damaged_count(val ? train->val_loader : train->loader);
}

bool train_is_damaged(const struct train *train, bool val, uint32_t photo)
{
    return loader_is_damaged(val ? train->val_loader : train->loader, photo);
}

const struct train_state *train_state_get(const struct train *train)
{
    return &train->state;
}

struct net *train_net(const struct train *train)
{
    return train->net;
}

struct optimizer *train_optimizer(const struct train *train)
{
    return train->optimizer;
}

const struct feature_plan *train_cache(const struct train *train)
{
    return &train->feature_plan;
}

const struct plan *train_plan(const struct train *train)
{
    return train->stage.plan;
}

const struct freeze *train_freeze(const struct train *train)
{
    return &train->stage.plan->options.freeze;
}

enum train_end train_end_get(const struct train *train)
{
    return train->end;
}

const struct profile_sums *train_profile(const struct train *train)
{
    return &train->timing.sums;
}

struct train_times train_times(const struct train *train)
{
    const struct timing *timing = &train->timing;
    return (struct train_times){.all = timing->all,
                                .photos = loader_waited(train->loader),
                                .prefix = timing->prefix,
                                .suffix = timing->suffix,
                                .backward = timing->backward - timing->sink,
                                .optimizer = timing->optimizer,
                                .validation = timing->validation,
                                .validation_photos = loader_waited(train->val_loader),
                                .saving = timing->saving};
}
