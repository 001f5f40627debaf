#define _GNU_SOURCE
#include "core/features/feature_cache.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/features/feature_distinct.h"

/* A cache on disk of up to this size is held in memory as well: then a head trains at the speed of memory. */
#define FRONT_MOST ((uint64_t)256 << 20)

struct feature_cache {
    struct feature_store *store;
    struct feature_store *front; /* what was read from disk before, or NULL */
    struct feature_store *from;  /* of the shallower cut, or NULL */
    struct exec *exec;
    struct pool *pool;
    size_t batch, entry, from_entry; /* entries in bytes */
    size_t halves;                   /* of an entry that are rounded to halves; 0: none are */
    uint64_t draw;
    struct feature_counts counts;
    size_t damaged_before; /* by the store's count */
    struct error failure;
    /* Of the current batch, [batch] each. */
    struct feature_id *ids;
    struct hash128 *now; /* what the files hash to after they were read */
    bool *lost, *given;  /* entries that were not there; which of them were computed again */
    uint32_t *missing;   /* [missing_room] photos */
    size_t missing_room;
};

static bool has_front(const struct feature_plan *plan)
{
    return plan->mode == CACHE_DISK && plan->bytes <= FRONT_MOST;
}

size_t feature_cache_memory(const struct feature_plan *plan)
{
    if (plan->mode == CACHE_OFF || (plan->mode == CACHE_DISK && !has_front(plan)))
        return 0;
    return (size_t)plan->bytes;
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

static enum status open_stores(struct feature_cache *cache, const struct feature_plan *plan, const char *dir,
                               struct error *err)
{
    if (plan->mode == CACHE_RAM)
        return feature_store_open_ram(&cache->store, &plan->about, err);
    enum status status = feature_store_open_disk(&cache->store, dir, &plan->about, err);
    if (status == OK && has_front(plan))
        status = feature_store_open_ram(&cache->front, &plan->about, err);
    /* A shallower file that cannot be opened is as good as none. */
    if (status == OK && plan->from > 0 && feature_store_open_disk(&cache->from, dir, &plan->from_about, NULL) != OK)
        cache->from = NULL;
    return status;
}

static enum status allocate(struct feature_cache *cache, struct error *err)
{
    const struct {
        void **out;
        size_t size;
    } arrays[] = {{(void **)&cache->ids, sizeof *cache->ids},
                  {(void **)&cache->now, sizeof *cache->now},
                  {(void **)&cache->lost, sizeof *cache->lost},
                  {(void **)&cache->given, sizeof *cache->given}};
    enum status status = OK;
    for (size_t i = 0; status == OK && i < sizeof arrays / sizeof *arrays; i++)
        status = memory_alloc(arrays[i].out, cache->batch, arrays[i].size, "the feature cache", err);
    return status;
}

enum status feature_cache_open(struct feature_cache **out, const struct feature_plan *plan, const char *dir,
                               struct exec *exec, size_t batch, uint64_t draw, struct pool *pool, struct error *err)
{
    void *memory;
    enum status status = memory_alloc(&memory, 1, sizeof(struct feature_cache), "the feature cache", err);
    if (status != OK)
        return status;
    struct feature_cache *cache = memory;
    *cache = (struct feature_cache){.exec = exec,
                                    .pool = pool,
                                    .batch = batch,
                                    .entry = feature_entry_bytes(&plan->about),
                                    .from_entry = feature_entry_bytes(&plan->from_about),
                                    .halves = plan->about.dtype == FEATURE_F16 ? plan->about.values : 0,
                                    .draw = draw};
    status = allocate(cache, err);
    if (status == OK)
        status = open_stores(cache, plan, dir, err);
    if (status != OK) {
        feature_cache_close(cache);
        return status;
    }
    *out = cache;
    return OK;
}

void feature_cache_close(struct feature_cache *cache)
{
    if (!cache)
        return;
    feature_store_close(cache->from);
    feature_store_close(cache->front);
    feature_store_close(cache->store);
    memory_free(cache->missing);
    memory_free(cache->given);
    memory_free(cache->lost);
    memory_free(cache->now);
    memory_free(cache->ids);
    memory_free(cache);
}

const char *feature_cache_failure(const struct feature_cache *cache)
{
    return cache->failure.status == OK ? NULL : cache->failure.text;
}

struct feature_counts feature_cache_counts(struct feature_cache *cache)
{
    struct feature_counts counts = cache->counts;
    counts.damaged = feature_store_damaged(cache->store) - cache->damaged_before;
    cache->damaged_before += counts.damaged;
    cache->counts = (struct feature_counts){0};
    return counts;
}

/* ---- keeping ----------------------------------------------------------------------------------------------------- */

/* Entry number `at` of some in a row. */
static void *entry_at(void *entries, size_t at, size_t entry)
{
    return (char *)entries + at * entry;
}

static struct feature_id id_of(const struct feature_cache *cache, const struct feature_list *list, uint32_t photo,
                               struct photo_view view)
{
    return feature_id_of(list->hashes[photo], view, cache->draw, photo);
}

/* Appends features[count] under cache->ids. A store that cannot be written is remembered, and no error. */
static enum status keep(struct feature_cache *cache, const void *features, size_t count, struct error *err)
{
    struct error failure = {0};
    if (cache->failure.status != OK || count == 0)
        return OK;
    enum status status = feature_store_append(cache->store, cache->ids, features, count, &failure);
    if (status == ERR_DATA)
        return error_set(err, ERR_DATA, "%s", failure.text);
    if (status != OK)
        cache->failure = failure;
    return OK;
}

/* ---- from a shallower cut ---------------------------------------------------------------------------------------- */

/* Up to a batch of photos beginning at missing[*at]; *at moves on. An entry that is damaged there is left to pixels. */
static enum status advance_batch(struct feature_cache *cache, const struct feature_list *list, struct photo_view view,
                                 size_t *at, size_t missing, struct error *err)
{
    size_t count = 0;
    enum status status = OK;
    for (; status == OK && *at < missing && count < cache->batch; ++*at) {
        struct feature_id id = id_of(cache, list, cache->missing[*at], view);
        bool found = photo_hash_known(list->hashes[cache->missing[*at]]) && feature_store_has(cache->from, &id);
        void *place = entry_at(exec_advance_place(cache->exec), count, cache->from_entry);
        if (found)
            status = feature_store_read(place, &found, cache->from, &id, err);
        if (found)
            cache->ids[count++] = id;
    }
    if (status != OK || count == 0)
        return status;
    exec_advance(cache->exec, count);
    cache->counts.advanced += count;
    return keep(cache, exec_features_place(cache->exec), count, err);
}

/* ---- from pixels ------------------------------------------------------------------------------------------------- */

/* Photos that the run has just been given. */
struct piece {
    struct feature_cache *cache;
    const struct feature_list *list;
    const uint32_t *photos;
    size_t count;
};

static void rehash_one(void *context, size_t i, size_t thread)
{
    (void)thread;
    const struct piece *piece = context;
    piece->cache->now[i] = photo_hash(piece->list->photos, piece->photos[i]);
}

/* Features belong to the bytes that they were made from. A file that has changed since it was hashed gets its new hash;
 * which of both versions was decoded is not known, so nothing is kept of it now. Moves what can be kept to the front
 * and returns how many those are. */
static size_t sift(const struct piece *piece, struct photo_view view, void *features)
{
    struct feature_cache *cache = piece->cache;
    size_t kept = 0, entry = cache->entry;
    pool_for(cache->pool, piece->count, rehash_one, (void *)piece);
    for (size_t i = 0; i < piece->count; i++) {
        struct hash128 *known = &piece->list->hashes[piece->photos[i]], now = cache->now[i];
        if (!photo_hash_known(now))
            continue; /* it is away now: what was kept of it, and what is known of it, stays good */
        if (known->high != now.high || known->low != now.low) {
            *known = now;
            continue;
        }
        if (kept != i)
            memcpy(entry_at(features, kept, entry), entry_at(features, i, entry), entry);
        cache->ids[kept++] = id_of(cache, piece->list, piece->photos[i], view);
    }
    return kept;
}

/* Where recompute wants them: its photos are in this order, but for those that could not be read. */
static void hand_out(void *out, const struct piece *piece, const uint32_t *photos, void *features)
{
    size_t entry = piece->cache->entry;
    for (size_t i = 0, at = 0; i < piece->count; i++, at++) {
        while (photos[at] != piece->photos[i])
            at++;
        memcpy(entry_at(out, at, entry), entry_at(features, i, entry), entry);
        piece->cache->given[at] = true;
    }
}

/* The features of photos[count]. `out` [count] takes those of up to one pass of the run, each in its place, and
 * cache->given says which came: a photo that cannot be read does not. NULL: they are only kept. */
static enum status compute(struct feature_cache *cache, const struct feature_list *list, const uint32_t *photos,
                           size_t count, struct photo_view view, void *out, feature_watch *watch, void *context,
                           bool *stopped, struct error *err)
{
    const struct photo_batch *batch;
    void *features = exec_features_place(cache->exec);
    loader_start(list->loader, photos, count, 0, view.number, view.augment);
    for (;;) {
        enum status status = loader_next(list->loader, &batch, err);
        if (status != OK || !batch)
            return status;
        for (size_t from = 0, n; from < batch->count && status == OK; from += n) {
            n = batch->count - from < cache->batch ? batch->count - from : cache->batch;
            struct piece piece = {cache, list, batch->photos + from, n};
            exec_features(cache->exec, batch->pixels + from * exec_pixels_size(cache->exec), n);
            cache->counts.pixels += n;
            if (out)
                hand_out(out, &piece, photos, features);
            status = keep(cache, features, sift(&piece, view, features), err);
        }
        if (status != OK || (cache->failure.status != OK && !out))
            return status;
        if (watch && !watch(context, batch->position, count)) {
            *stopped = true;
            return OK;
        }
    }
}

/* ---- fill -------------------------------------------------------------------------------------------------------- */

static enum status reserve(struct feature_cache *cache, const struct feature_list *list, struct error *err)
{
    void *memory = cache->missing;
    enum status status = memory_grow(&memory, &cache->missing_room, list->photos->count, sizeof *cache->missing,
                                     "the feature cache", err);
    cache->missing = memory;
    return status;
}

/* photos[] = the list, or of each content of its part the first. Returns how many those are. */
static size_t part_of(uint32_t *photos, const struct feature_list *list, struct photo_view view)
{
    size_t count = list->photos->count, kept = 0;
    for (size_t i = 0; i < count; i++)
        photos[i] = (uint32_t)i;
    if (list->parts < 2)
        return count;
    count = feature_distinct(photos, count, list, view);
    for (size_t i = list->part; i < count; i += list->parts)
        photos[kept++] = photos[i];
    return kept;
}

/* cache->missing[*count] = the photos of the list, or of its part, without an entry, in order; `once`: of those that
 * share one the first. */
static enum status collect(size_t *count, struct feature_cache *cache, const struct feature_list *list,
                           struct photo_view view, bool once, struct error *err)
{
    enum status status = reserve(cache, list, err);
    if (status != OK)
        return status;
    size_t all = part_of(cache->missing, list, view);
    *count = 0;
    for (size_t i = 0; i < all; i++) {
        uint32_t photo = cache->missing[i];
        struct feature_id id = id_of(cache, list, photo, view);
        bool there = photo_hash_known(list->hashes[photo]) && feature_store_has(cache->store, &id);
        if (!there && !loader_is_bad(list->loader, photo))
            cache->missing[(*count)++] = photo;
    }
    if (once)
        *count = feature_distinct(cache->missing, *count, list, view);
    return OK;
}

enum status feature_cache_refresh(struct feature_cache *cache, struct error *err)
{
    return feature_store_refresh(cache->store, err);
}

enum status feature_cache_look(size_t *all, size_t *missing, struct feature_cache *cache,
                               const struct feature_list *list, struct photo_view view, struct error *err)
{
    enum status status = reserve(cache, list, err);
    if (status != OK)
        return status;
    uint32_t *photos = cache->missing;
    size_t count = part_of(photos, list, view), kept = 0;
    for (size_t i = 0; i < count; i++)
        if (!loader_is_bad(list->loader, photos[i]))
            photos[kept++] = photos[i];
    *all = feature_distinct(photos, kept, list, view);
    return collect(missing, cache, list, view, true, err);
}

static enum status advance(struct feature_cache *cache, const struct feature_list *list, struct photo_view view,
                           size_t missing, feature_watch *watch, void *context, bool *stopped, struct error *err)
{
    enum status status = OK;
    for (size_t at = 0; status == OK && at < missing && cache->failure.status == OK && !*stopped;) {
        status = advance_batch(cache, list, view, &at, missing, err);
        if (status == OK && watch && !watch(context, at, missing))
            *stopped = true;
    }
    return status;
}

enum status feature_cache_fill(struct feature_cache *cache, const struct feature_list *list, struct photo_view view,
                               feature_watch *watch, void *context, bool *stopped, struct error *err)
{
    enum { ROUNDS = 3 };
    size_t missing, damaged = loader_damaged_count(list->loader);
    *stopped = false;
    enum status status = collect(&missing, cache, list, view, true, err);
    if (status == OK && cache->from && missing > 0) {
        status = advance(cache, list, view, missing, watch, context, stopped, err);
        if (status == OK)
            status = collect(&missing, cache, list, view, true, err);
    }
    /* Again for files that changed while they were read, and for others of the same bytes where the first could not be
     * read; in the last round each for itself. A file that keeps changing is computed when it is loaded. */
    for (int round = 1; round <= ROUNDS && status == OK && missing > 0 && cache->failure.status == OK && !*stopped;
         round++) {
        status = compute(cache, list, cache->missing, missing, view, NULL, watch, context, stopped, err);
        if (status == OK)
            status = collect(&missing, cache, list, view, round + 1 < ROUNDS, err);
    }
    if (status == OK && loader_damaged_count(list->loader) > damaged)
        feature_spread_damage(cache->missing, list);
    return status;
}

/* ---- load -------------------------------------------------------------------------------------------------------- */

static enum status read_one(void *out, bool *found, struct feature_cache *cache, const struct feature_id *id,
                            struct error *err)
{
    if (cache->front && feature_store_has(cache->front, id)) {
        enum status status = feature_store_read(out, found, cache->front, id, err);
        if (status != OK || *found)
            return status;
    }
    enum status status = feature_store_read(out, found, cache->store, id, err);
    /* Without memory for it, it is read from disk again. */
    if (status == OK && *found && cache->front && feature_store_append(cache->front, id, out, 1, NULL) != OK) {
        feature_store_close(cache->front);
        cache->front = NULL;
    }
    return status;
}

static enum status photo_gone(const struct feature_list *list, uint32_t photo, struct error *err)
{
    char path[PATH_MAX];
    bool away = false;
    for (size_t i = 0; i < loader_bad_count(list->loader); i++) {
        struct photo_fault bad = loader_bad_get(list->loader, i);
        away |= bad.photo == photo && bad.away;
    }
    return error_set(err, away ? ERR_NOINPUT : ERR_DATA,
                     "%s: its features in the cache are damaged, and the photo cannot be read any more",
                     photo_path(path, sizeof path, list->photos, photo) ? path : "a photo");
}

/* Photos of a batch whose entries are not there (any more). */
struct lost {
    size_t count;
    void *features; /* [count], in the order of the batch */
};

/* Reads what is there; a photo whose entry is not joins cache->lost. What joined it before comes from `lost`. */
static enum status read_batch(void *out, struct feature_cache *cache, const struct lost *lost,
                              const struct feature_list *list, const uint32_t *photos, size_t count,
                              struct photo_view view, struct error *err)
{
    enum status status = OK;
    for (size_t i = 0, next = 0; status == OK && i < count; i++) {
        struct feature_id id = id_of(cache, list, photos[i], view);
        void *place = entry_at(out, i, cache->entry);
        bool found = false;
        if (cache->lost[i])
            memcpy(place, entry_at(lost->features, next++, cache->entry), cache->entry);
        else if (photo_hash_known(list->hashes[photos[i]]))
            status = read_one(place, &found, cache, &id, err);
        cache->lost[i] |= !found;
    }
    return status;
}

/* All that is lost, from pixels, and rounded as if it had been kept; what was kept of it is replaced. */
static enum status recompute(struct lost *lost, struct feature_cache *cache, const struct feature_list *list,
                             const uint32_t *photos, size_t count, struct photo_view view, struct error *err)
{
    uint32_t *wanted = cache->missing; /* has room for the whole list */
    bool stopped = false;
    void *memory;
    size_t n = 0;
    memory_free(lost->features);
    *lost = (struct lost){0};
    for (size_t i = 0; i < count; i++)
        if (cache->lost[i])
            wanted[n++] = photos[i];
    memset(cache->given, 0, n * sizeof *cache->given);
    enum status status = memory_alloc(&memory, n, cache->entry, "damaged features", err);
    if (status != OK)
        return status;
    lost->features = memory;
    status = compute(cache, list, wanted, n, view, lost->features, NULL, NULL, &stopped, err);
    for (size_t i = 0; status == OK && i < n; i++)
        if (!cache->given[i])
            status = photo_gone(list, wanted[i], err);
    if (status == OK && cache->halves)
        status = feature_round_half(lost->features, n * cache->halves, err);
    lost->count = n;
    return status;
}

enum status feature_cache_load(void *out, struct feature_cache *cache, const struct feature_list *list,
                               const uint32_t *photos, size_t count, struct photo_view view, struct error *err)
{
    struct lost lost = {0};
    enum status status = OK;
    assert(count <= cache->batch && cache->missing);
    memset(cache->lost, 0, count * sizeof *cache->lost);
    /* Computing overwrites what was read, where `out` lies in the memory that the runs share. */
    for (bool whole = false; status == OK && !whole;) {
        size_t now = 0;
        status = read_batch(out, cache, &lost, list, photos, count, view, err);
        for (size_t i = 0; i < count; i++)
            now += cache->lost[i];
        whole = now == lost.count;
        if (status == OK && !whole)
            status = recompute(&lost, cache, list, photos, count, view, err);
    }
    cache->counts.read += count - lost.count;
    memory_free(lost.features);
    return status;
}
