#include "core/train/train_cache.h"

#include <stdio.h>
#include <string.h>

#include "core/base/memory.h"

static struct feature_ground ground_of(const struct train *train)
{
    const struct loader_options *loader = &train->options.loader;
    return (struct feature_ground){loader->preprocess, loader->image, loader->fast, train->options.exact};
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
                              .mixes = train_options_mixes(options),
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

enum status train_cache_begin(struct train *train, struct plan_options *options, struct error *err)
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

enum status train_cache_size(struct train *train, struct error *err)
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

enum status train_cache_open(struct train *train, struct error *err)
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

void train_cache_close(struct train *train)
{
    if (train->feed)
        feed_use_cache(train->feed, NULL, NULL);
    if (train->val_feed)
        feed_use_cache(train->val_feed, NULL, NULL);
    feature_cache_close(train->cache);
    train->cache = NULL;
}
