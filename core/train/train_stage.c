/* Puts a stage in its place: all of a run that depends on the freeze point (stage.h), with the cache of the features of
 * what is frozen (core/features).
 *
 *   train_plan_stage     whether there is a cache, the plans, how large the cache is: nothing large is allocated
 *   train_prepare_stage  the runs, folded from the weights as they are now; the cache opened and given to the feeds
 *   train_enter_stage    the two of them between two epochs, where the freeze point moves
 *   train_leave_stage    closes and frees both
 */
#include <stdio.h>
#include <string.h>

#include "core/train/train_private.h"

/* ---- the cache of its features ------------------------------------------------------------------------------------
 */

/* Batches that are mixed (--mixup, --cutmix) or have holes (--random-erasing) have no use for features that are made of
 * a photo's bytes alone. */
static bool mixes(const struct train_options *options)
{
    return recipe_mixes(&options->recipe) || options->loader.extras.erasing > 0;
}

static struct feature_ground ground_of(const struct train *train)
{
    const struct loader_options *loader = &train->options.loader;
    return (struct feature_ground){.preprocess = loader->preprocess,
                                   .image = loader->image,
                                   .fast = loader->fast,
                                   .conv = train->options.conv,
                                   .precision = train->options.precision};
}

/* `freeze` and `ground` must outlive it. */
static struct cache_ask ask_of(const struct train *train, const struct freeze *freeze,
                               const struct feature_ground *ground)
{
    const struct train_options *options = &train->options;
    return (struct cache_ask){.options = &options->cache,
                              .net = train->net,
                              .freeze = freeze,
                              .ground = ground,
                              .augment = options->augment,
                              .views = options->views,
                              .mixes = mixes(options),
                              .epochs = options->schedule.epochs,
                              .train = options->usable,
                              .val = train->dataset->val.count,
                              .train_repeats = options->repeats,
                              .val_repeats = options->val_repeats};
}

/* A cache that was asked for must be there in the first stage; a later one that cannot have it goes without. */
static enum status settle(struct train *train, const struct plan_options *options, enum status status,
                          const struct error *reason, struct error *err)
{
    struct feature_plan *plan = &train->feature_plan;
    if (status == OK)
        return OK;
    if (status == ERR_SYSTEM || options->freeze.until == train->options.freeze.until)
        return error_set(err, status, "%s", reason->text);
    plan->mode = CACHE_OFF;
    plan->from = 0;
    snprintf(plan->why, sizeof plan->why, "%.*s", (int)sizeof plan->why - 1, reason->text);
    return OK;
}

/* Before the stage of options->freeze is planned: whether there is a cache, and options->cut and ->from. */
static enum status choose_cache(struct train *train, struct plan_options *options, struct error *err)
{
    struct feature_ground ground = ground_of(train);
    struct cache_ask ask = ask_of(train, &options->freeze, &ground);
    enum status status = OK;
    struct error reason = {0};
    options->cut = freeze_cut(train->net, &options->freeze);
    if (train->options.cache.mode != CACHE_OFF && options->cut > 0 && !train->param_hashes)
        status = param_hashes(&train->param_hashes, train->net, err);
    if (status == OK)
        status = settle(train, options, feature_plan_begin(&train->feature_plan, &ask, train->param_hashes, &reason),
                        &reason, err);
    options->from = train->feature_plan.from;
    return status;
}

/* Files of the stages before, which have more frozen, stay. */
static uint64_t kept_before(const struct train *train, int until)
{
    const struct feature_plan *plan = &train->feature_plan;
    uint64_t bytes = 0;
    for (size_t i = 0; i < train->stages_count && train->stages[i].until > until; i++) {
        const struct feature_plan *before = &train->stages[i].cache;
        bool same = memcmp(before->about.key, plan->about.key, sizeof plan->about.key) == 0;
        bytes += before->mode == CACHE_DISK && !same ? before->bytes : 0;
    }
    return bytes;
}

/* After that: how large it is. */
static enum status size_cache(struct train *train, struct error *err)
{
    const struct plan *plan = train->stage.evaluation_plan;
    struct feature_ground ground = ground_of(train);
    struct cache_ask ask = ask_of(train, &plan->options.freeze, &ground);
    ask.kept = kept_before(train, plan->options.freeze.until);
    struct error reason = {0};
    return settle(train, &plan->options, feature_plan_size(&train->feature_plan, &ask, plan, &reason), &reason, err);
}

/* Once in a run. */
static enum status hash_photos(struct train *train, struct error *err)
{
    const struct photo_list *lists[2] = {&train->dataset->train, &train->dataset->val};
    enum status status = OK;
    for (int i = 0; i < 2 && status == OK; i++)
        if (!train->photo_hashes[i])
            status = photo_hashes(&train->photo_hashes[i], lists[i], train->pool, err);
    return status;
}

/* Opens the planned caches and hands them to the feeds. A cache that was not asked for by name and cannot be opened is
 * none, with the reason in the plan: the run is only slower without it. */
static enum status open_cache(struct train *train, struct error *err)
{
    const struct train_options *options = &train->options;
    struct feature_plan *plan = &train->feature_plan;
    if (plan->mode == CACHE_OFF)
        return OK;
    enum status status = hash_photos(train, err);
    if (status != OK)
        return status;
    struct error reason = {0};
    status = feature_cache_open(&train->cache, plan, options->cache.dir, train->stage.evaluation,
                                train->stage.evaluation_plan->options.batch,
                                feature_draw(options->loader.seed, &options->loader.extras), train->pool, &reason);
    if (status != OK && options->cache.mode == CACHE_AUTO && status != ERR_SYSTEM) {
        plan->mode = CACHE_OFF;
        snprintf(plan->why, sizeof plan->why, "%.*s", (int)sizeof plan->why - 1, reason.text);
        return OK;
    }
    if (status != OK)
        return error_set(err, status, "%s", reason.text);
    feed_use_cache(train->feed, train->cache, train->photo_hashes[0]);
    feed_use_cache(train->val_feed, train->cache, train->photo_hashes[1]);
    return OK;
}

static void close_cache(struct train *train)
{
    if (train->feed)
        feed_use_cache(train->feed, NULL, NULL);
    if (train->val_feed)
        feed_use_cache(train->val_feed, NULL, NULL);
    feature_cache_close(train->cache);
    train->cache = NULL;
}

/* ---- the stage --------------------------------------------------------------------------------------------------- */

void train_leave_stage(struct train *train)
{
    close_cache(train);
    timing_detach(&train->timing, &train->stage);
    bn_sync_free(&train->sync);
    share_free(&train->share);
    stage_free(&train->stage);
}

static int until_of(const struct train *train, size_t epoch)
{
    return unfreezing_until(&train->options.unfreezing, train->options.freeze.until, epoch);
}

/* The plan depends on the cache and the cache on the plan: whether features are kept decides where the plan is cut
 * (plan.cut, plan.from), and how large they are is known from the shapes of the plan. So the cache is chosen before and
 * sized after. The stage before is left first, since two of them may not fit into memory. */
enum status train_plan_stage(struct train *train, size_t epoch, struct error *err)
{
    const struct train_options *options = &train->options;
    struct plan_options plan = {
        .batch = train_at_once(train),
        .height = (size_t)options->loader.preprocess.crop,
        .width = (size_t)options->loader.preprocess.crop,
        .freeze = options->freeze,
        .conv = options->conv,
        .precision = options->precision,
        .threads = pool_threads(train->pool),
    };
    plan.freeze.until = until_of(train, epoch);
    if (train->stage.plan && train->stage.plan->options.freeze.until == plan.freeze.until)
        return OK;
    train_leave_stage(train);
    enum status status = choose_cache(train, &plan, err);
    if (status == OK)
        status = stage_plan(&train->stage, train->net, &plan, plan.batch, err);
    return status == OK ? size_cache(train, err) : status;
}

size_t train_at_once(const struct train *train)
{
    return recipe_at_once(&train->options.recipe, train->peers, train->options.loader.batch);
}

struct normalise train_normalise(const struct train *train)
{
    const struct preprocess *preprocess = &train->options.loader.preprocess;
    struct normalise normalise;
    memcpy(normalise.mean, preprocess->mean, sizeof normalise.mean);
    memcpy(normalise.std, preprocess->std, sizeof normalise.std);
    return normalise;
}

enum status train_prepare_stage(struct train *train, struct error *err)
{
    const struct normalise normalise = train_normalise(train);
    size_t pieces = recipe_pieces(&train->options.recipe, train->options.loader.batch);
    enum status status = stage_prepare(&train->stage, &normalise, train->pool, err);
    if (status == OK)
        status =
            share_create(&train->share, train->peers, train->stage.plan, pieces, train->options.recipe.bn_sync, err);
    if (status == OK && train->options.recipe.bn_sync)
        status = bn_sync_create(&train->sync, train->peers, train->stage.plan, pieces, err);
    if (status == OK)
        status = timing_attach(&train->timing, &train->stage, err);
    return status == OK ? open_cache(train, err) : status;
}

/* What becomes trainable joins the optimizer between the plan, which sets the flags, and the runs, which fold what is
 * still frozen. An epoch with the same freeze point keeps everything, its cache included. */
enum status train_enter_stage(struct train *train, size_t epoch, struct error *err)
{
    if (train->stage.plan->options.freeze.until == until_of(train, epoch))
        return OK;
    enum status status = train_plan_stage(train, epoch, err);
    if (status == OK)
        status = optimizer_add_trainable(train->optimizer, err);
    if (status == OK)
        status = recipe_add_trainable(&train->recipe, &train->stage.plan->options.freeze, err);
    return status == OK ? train_prepare_stage(train, err) : status;
}
