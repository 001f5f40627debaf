#include "core/train/feed.h"

#include "core/base/memory.h"

struct feed {
    struct feature_list list; /* with the loader */
    struct feature_cache *cache;
    size_t batch_most;
    bool half;

    /* The current pass. */
    bool cached;
    uint32_t *order; /* [photos] */
    size_t count, position;
    struct photo_view view;

    /* In a group, or NULL: */
    struct feed_share *share;
    const struct peers *peers;
    size_t batch;   /* of the pass, from 0 */
    uint32_t *part; /* [photos] the loader's order: what this rank needs of the batches to come */

    /* A batch of features. */
    struct photo_batch own;
    int32_t *labels;  /* [batch_most] */
    uint32_t *photos; /* [batch_most] */
};

enum status feed_create(struct feed **out, struct loader *loader, const struct photo_list *photos, size_t batch,
                        bool half, struct error *err)
{
    void *memory;
    enum status status = memory_alloc(&memory, 1, sizeof(struct feed), "the batches", err);
    if (status != OK)
        return status;
    struct feed *feed = memory;
    *feed = (struct feed){.list = {.loader = loader, .photos = photos}, .batch_most = batch, .half = half};
    const struct {
        void **out;
        size_t count, size;
    } arrays[] = {{(void **)&feed->order, photos->count, sizeof *feed->order},
                  {(void **)&feed->labels, batch, sizeof *feed->labels},
                  {(void **)&feed->photos, batch, sizeof *feed->photos}};
    for (size_t i = 0; status == OK && i < sizeof arrays / sizeof *arrays; i++)
        status = memory_alloc(arrays[i].out, arrays[i].count, arrays[i].size, "the batches", err);
    if (status == OK)
        *out = feed;
    else
        feed_destroy(feed);
    return status;
}

void feed_destroy(struct feed *feed)
{
    if (!feed)
        return;
    feed_share_destroy(feed->share);
    memory_free(feed->part);
    memory_free(feed->photos);
    memory_free(feed->labels);
    memory_free(feed->order);
    memory_free(feed);
}

enum status feed_join(struct feed *feed, const struct peers *peers, feed_needs *needs, void *context, struct error *err)
{
    void *memory;
    size_t photos = feed->list.photos->count;
    if (peers->count == 1)
        return OK;
    enum status status = memory_alloc(&memory, photos, sizeof *feed->part, "the batches of the ranks", err);
    if (status != OK)
        return status;
    feed->part = memory;
    feed->peers = peers;
    return feed_share_create(&feed->share, peers, feed->list.loader, feed->list.photos, feed->batch_most, needs,
                             context, err);
}

void feed_use_cache(struct feed *feed, struct feature_cache *cache, struct hash128 *hashes)
{
    feed->cache = cache;
    feed->list.hashes = hashes;
    feed->cached = false;
}

void feed_fill_part(struct feed *feed, size_t part, size_t parts)
{
    feed->list.part = part;
    feed->list.parts = parts;
}

enum status feed_look(size_t *all, size_t *missing, struct feed *feed, struct photo_view view, struct error *err)
{
    return feature_cache_look(all, missing, feed->cache, &feed->list, view, err);
}

/* ---- the next batch ---------------------------------------------------------------------------------------------- */

/* The loader's rule of batches, over photos that are known, or taken, to be good. */
static void compose(struct feed *feed)
{
    struct photo_batch *batch = &feed->own;
    *batch = (struct photo_batch){.labels = feed->labels, .photos = feed->photos};
    for (; feed->position < feed->count && batch->count < feed->batch_most; feed->position++) {
        uint32_t photo = feed->order[feed->position], class = feed->list.photos->photos[photo].class;
        if (loader_is_bad(feed->list.loader, photo))
            continue;
        feed->photos[batch->count] = photo;
        feed->labels[batch->count++] = class == PHOTO_NO_CLASS ? -1 : (int32_t) class;
    }
    batch->position = feed->position;
}

/* Starts the loader on what this rank needs of the batches from here on, as they are while every photo can be read. */
static void start_part(struct feed *feed)
{
    const size_t position = feed->position;
    const uint32_t *places;
    size_t needed = 0;
    for (size_t batch = feed->batch;; batch++) {
        compose(feed);
        if (feed->own.count == 0)
            break;
        size_t n = feed_share_needs(&places, feed->share, batch, feed->own.count);
        for (size_t i = 0; i < n; i++)
            feed->part[needed++] = feed->photos[places[i]];
    }
    feed->position = position;
    loader_start(feed->list.loader, feed->part, needed, 0, feed->view.number, feed->view.augment);
}

/* A batch in a group: composed once more where a photo turns out to be none. */
static enum status next_shared(struct feed *feed, const struct photo_batch **out, struct error *err)
{
    bool again = true;
    while (again) {
        const size_t position = feed->position;
        const uint32_t *places;
        compose(feed);
        struct photo_batch *batch = &feed->own;
        if (batch->count == 0)
            break;
        size_t n = feed_share_needs(&places, feed->share, feed->batch, batch->count);
        enum status status = loader_take(&batch->pixels, &batch->holes, feed->list.loader, places, n, err);
        status = feed_share_agree(&again, feed->share, feed->photos, batch->count, feed->batch, status, err);
        if (status != OK)
            return status;
        if (!again)
            feed->batch++;
        else {
            feed->position = position;
            start_part(feed);
        }
    }
    *out = feed->own.count > 0 ? &feed->own : NULL;
    return OK;
}

/* What all ranks have to know of filling. */
enum { STOPPED, FAILED, DAMAGED, KNOWN };

static enum status fill(int known[KNOWN], struct feed *feed, struct photo_view view, feature_watch *watch,
                        void *context, struct error *err)
{
    bool stopped = false;
    size_t damaged = loader_damaged_count(feed->list.loader);
    enum status status = feature_cache_fill(feed->cache, &feed->list, view, watch, context, &stopped, err);
    known[STOPPED] = stopped;
    known[FAILED] = feature_cache_failure(feed->cache) != NULL;
    known[DAMAGED] = loader_damaged_count(feed->list.loader) > damaged;
    if (!feed->share)
        return status;
    status = peers_settle(feed->peers, status, err);
    return status == OK ? peers_most(feed->peers, known, KNOWN, err) : status;
}

/* In a group each fills its part first. In a file that all have in common the others' parts are found then; of files
 * that they do not, and of memory, each computes the rest too. A photo that cannot be read is missing everywhere, so
 * that each tries it. */
static enum status fill_shared(int known[KNOWN], struct feed *feed, struct photo_view view, feature_watch *watch,
                               void *context, struct error *err)
{
    feed_fill_part(feed, feed->peers->rank, feed->peers->count);
    enum status status = fill(known, feed, view, watch, context, err);
    feed_fill_part(feed, 0, 0);
    if (status != OK || known[STOPPED] || known[FAILED])
        return status;
    int damaged = known[DAMAGED];
    status = peers_settle(feed->peers, feature_cache_refresh(feed->cache, err), err);
    if (status == OK)
        status = fill(known, feed, view, watch, context, err);
    return status == OK && (damaged || known[DAMAGED]) ? feed_share_tell_damaged(feed->share, err) : status;
}

/* Features are used where all ranks can. */
static enum status has_cache(bool *has, const struct feed *feed, struct error *err)
{
    int none = !feed->cache || feature_cache_failure(feed->cache);
    enum status status = feed->share ? peers_most(feed->peers, &none, 1, err) : OK;
    *has = !none;
    return status;
}

enum status feed_start(struct feed *feed, const uint32_t *order, size_t count, size_t position, struct photo_view view,
                       feature_watch *watch, void *context, struct error *err)
{
    int known[KNOWN] = {0};
    enum status status = has_cache(&feed->cached, feed, err);
    if (status == OK && feed->cached)
        status = feed->share ? fill_shared(known, feed, view, watch, context, err)
                             : fill(known, feed, view, watch, context, err);
    if (status != OK || known[STOPPED])
        return status;
    feed->cached = feed->cached && !known[FAILED];
    feed->view = view;
    feed->count = count;
    feed->position = position < count ? position : count;
    for (size_t i = 0; i < count; i++)
        feed->order[i] = order ? order[i] : (uint32_t)i;
    feed->batch = 0;
    if (feed->share)
        status = feed_share_begin(feed->share, view, err);
    if (status != OK || feed->cached)
        return status;
    if (feed->share)
        start_part(feed);
    else
        loader_start(feed->list.loader, feed->order, count, position, view.number, view.augment);
    return OK;
}

bool feed_is_cached(const struct feed *feed)
{
    return feed->cached;
}

enum status feed_next(struct feed *feed, const struct photo_batch **out, struct error *err)
{
    if (!feed->cached && feed->share)
        return next_shared(feed, out, err);
    if (!feed->cached)
        return loader_next(feed->list.loader, out, err);
    compose(feed);
    *out = feed->own.count > 0 ? &feed->own : NULL;
    return OK;
}

/* Whether a batch's pixels go through the frozen part first, to be rounded as a cache would keep them. */
static bool rounds(const struct feed *feed, const struct exec *exec)
{
    return feed->half && exec_features_count(exec) > 0 && exec_features_precision(exec) == PRECISION_F32;
}

/* Leaves features where the run looks for them, if it is to begin with features. */
enum status feed_load(struct feed *feed, struct exec *exec, const struct photo_batch *batch, size_t from, size_t count,
                      struct error *err)
{
    if (!batch->pixels)
        return feature_cache_load(exec_features_place(exec), feed->cache, &feed->list, batch->photos + from, count,
                                  feed->view, err);
    if (!rounds(feed, exec))
        return OK;
    exec_features(exec, batch->pixels + from * exec_pixels_size(exec), count);
    return feature_round_half(exec_features_place(exec), count * exec_features_count(exec), err);
}

const float *feed_run(struct feed *feed, struct exec *exec, const struct photo_batch *batch, size_t from, size_t count)
{
    if (!batch->pixels || rounds(feed, exec))
        return exec_forward_features(exec, count);
    return exec_forward_pixels(exec, batch->pixels + from * exec_pixels_size(exec), count);
}

enum status feed_forward(const float **logits, struct feed *feed, struct exec *exec, const struct photo_batch *batch,
                         size_t from, size_t count, struct error *err)
{
    enum status status = feed_load(feed, exec, batch, from, count, err);
    if (status == OK)
        *logits = feed_run(feed, exec, batch, from, count);
    return status;
}
