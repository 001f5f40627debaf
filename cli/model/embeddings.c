#include "cli/model/embeddings.h"

#include <string.h>

#include "core/base/memory.h"
#include "core/features/feature_plan.h"
#include "core/net/exec.h"

struct embedder {
    const struct embeddings_options *options;
    struct loader_options loader;
    struct pool *pool;
    struct feature_plan features;
    struct plan *plan;
    struct exec *exec;
    struct feature_cache *cache;
    size_t width;
};

static void loader_of(struct loader_options *out, const struct model *model, const struct embeddings_options *options)
{
    *out = (struct loader_options){.threads = engine_threads(options->engine),
                                   .batch = options->batch,
                                   .ahead = options->batch,
                                   .preprocess = model->info.preprocess,
                                   .image = engine_image_options(options->engine),
                                   .fast = options->engine->decode == DECODE_FAST};
}

/* All children but the last are frozen. First on disk; where that cannot be, in memory. */
static enum status plan_features(struct embedder *embedder, const struct model *model, size_t photos, struct error *err)
{
    const struct embeddings_options *options = embedder->options;
    const struct freeze freeze = {.until = (int)model->net->children - 1};
    const struct feature_ground ground = {.preprocess = embedder->loader.preprocess,
                                          .image = embedder->loader.image,
                                          .fast = embedder->loader.fast,
                                          .conv = (enum conv_engine)options->engine->conv,
                                          .precision = (enum precision)options->engine->precision};
    struct cache_options cache = {
        .mode = options->dir ? CACHE_AUTO : CACHE_RAM, .dir = options->dir, .limit = UINT64_MAX};
    const struct cache_ask ask = {.options = &cache,
                                  .net = model->net,
                                  .freeze = &freeze,
                                  .ground = &ground,
                                  .augment = AUGMENT_NONE,
                                  .views = 1,
                                  .epochs = 1,
                                  .train = photos};
    struct plan_options plan = {.batch = options->batch,
                                .height = (size_t)ground.preprocess.crop,
                                .width = (size_t)ground.preprocess.crop,
                                .freeze = freeze,
                                .conv = ground.conv,
                                .precision = ground.precision,
                                .threads = pool_threads(embedder->pool),
                                .cut = freeze_cut(model->net, &freeze)};
    struct hash128 *params;
    enum status status = param_hashes(&params, model->net, err);
    if (status != OK)
        return status;
    freeze_apply(model->net, &freeze);
    status = feature_plan_begin(&embedder->features, &ask, params, err);
    plan.from = embedder->features.from;
    if (status == OK)
        status = plan_create(&embedder->plan, model->net, &plan, err);
    if (status == OK)
        status = feature_plan_size(&embedder->features, &ask, embedder->plan, err);
    if (status == OK && embedder->features.mode == CACHE_OFF) {
        cache.mode = CACHE_RAM;
        embedder->features.mode = CACHE_RAM;
    }
    memory_free(params);
    return status;
}

enum status embedder_open(struct embedder **out, const struct model *model, size_t photos,
                          const struct embeddings_options *options, struct pool *pool, struct error *err)
{
    void *memory;
    struct normalise normalise;
    struct error reason = {0};
    enum status status = memory_alloc(&memory, 1, sizeof(struct embedder), "the embeddings", err);
    if (status != OK)
        return status;
    struct embedder *embedder = memory;
    *embedder = (struct embedder){.options = options, .pool = pool};
    loader_of(&embedder->loader, model, options);
    memcpy(normalise.mean, embedder->loader.preprocess.mean, sizeof normalise.mean);
    memcpy(normalise.std, embedder->loader.preprocess.std, sizeof normalise.std);
    status = plan_features(embedder, model, photos, err);
    if (status == OK)
        status = exec_create(&embedder->exec, embedder->plan, &normalise, pool, NULL, err);
    const uint64_t draw = feature_draw(0, &embedder->loader.extras);
    if (status == OK && embedder->features.mode == CACHE_DISK &&
        feature_cache_open(&embedder->cache, &embedder->features, options->dir, embedder->exec, options->batch, draw,
                           pool, &reason) != OK)
        embedder->features.mode = CACHE_RAM;
    if (status == OK && !embedder->cache) {
        embedder->features.from = 0;
        status = feature_cache_open(&embedder->cache, &embedder->features, NULL, embedder->exec, options->batch, draw,
                                    pool, err);
    }
    if (status != OK) {
        embedder_close(embedder);
        return status;
    }
    embedder->width = exec_features_count(embedder->exec);
    *out = embedder;
    return OK;
}

void embedder_close(struct embedder *embedder)
{
    if (!embedder)
        return;
    feature_cache_close(embedder->cache);
    exec_destroy(embedder->exec);
    plan_destroy(embedder->plan);
    memory_free(embedder);
}

size_t embedder_width(const struct embedder *embedder)
{
    return embedder->width;
}

/* Photos of one list, batch after batch; those that are bad are left as they are. */
static enum status load(float *out, struct embedder *embedder, const struct feature_list *list, struct error *err)
{
    size_t count = list->photos->count, batch = embedder->options->batch, width = embedder->width;
    bool wide = exec_features_precision(embedder->exec) == PRECISION_F32;
    enum status status = wide ? OK : error_set(err, ERR_USAGE, "embeddings are computed in float32");
    void *memory;
    if (status == OK)
        status = memory_alloc(&memory, batch, sizeof(uint32_t), "the embeddings", err);
    if (status != OK)
        return status;
    uint32_t *photos = memory;
    for (size_t at = 0; at < count && status == OK;) {
        size_t some = 0;
        for (; at < count && some < batch; at++)
            if (!loader_is_bad(list->loader, (uint32_t)at))
                photos[some++] = (uint32_t)at;
        float *place = exec_features_place(embedder->exec);
        if (some > 0)
            status = feature_cache_load(place, embedder->cache, list, photos, some, photo_view_plain(), err);
        for (size_t i = 0; i < some && status == OK; i++)
            memcpy(out + photos[i] * width, place + i * width, width * sizeof *out);
    }
    memory_free(photos);
    return status;
}

enum status embedder_list(float *out, struct embedder *embedder, const struct photo_list *list, const bool *skip,
                          bool *stopped, struct error *err)
{
    struct feature_list features = {.photos = list};
    *stopped = false;
    memset(out, 0, list->count * embedder->width * sizeof *out);
    if (list->count == 0)
        return OK;
    enum status status = photo_hashes(&features.hashes, list, embedder->pool, err);
    if (status != OK)
        return status;
    status = loader_create(&features.loader, list, &embedder->loader, err);
    for (size_t i = 0; i < list->count && status == OK; i++)
        if (skip && skip[i])
            status = loader_mark_bad(features.loader, (uint32_t)i, "it was found bad before", err);
    if (status == OK)
        status = feature_cache_fill(embedder->cache, &features, photo_view_plain(), embedder->options->watch,
                                    embedder->options->context, stopped, err);
    if (status == OK && !*stopped)
        status = load(out, embedder, &features, err);
    loader_destroy(features.loader);
    memory_free(features.hashes);
    return status;
}
