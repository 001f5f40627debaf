/* The features of photos at a cut, computed once: a store (core/features/feature_store.h) and the means to fill it.
 *
 *   fill   what is missing of one view of a list: from a shallower cut's features where there are any, else from pixels
 *          through the list's loader, which records photos that cannot be read as ever. One that is away loses nothing
 *          that was kept of it, and is tried again by a fill after loader_forget_away
 *   load   the features of a batch; an entry that turns out damaged is computed again
 *
 * Filling works in the memory of an inference run. What a run that shares this memory held is then gone.
 */
#ifndef FREEZETUNE_FEATURE_CACHE_H
#define FREEZETUNE_FEATURE_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/threads.h"
#include "core/data/loader.h"
#include "core/data/photo_view.h"
#include "core/features/feature_plan.h"
#include "core/net/exec.h"

/* Photos whose features are kept. All borrowed. `hashes` (photo_hashes) are brought up to date when a file turns out to
 * have changed. With `parts` above 1 only a part of the list is filled: every parts'th content from the part'th on.
 * Photos of the same bytes count once, so that several processes fill one file and none computes what another does. */
struct feature_list {
    struct loader *loader;
    const struct photo_list *photos;
    struct hash128 *hashes;
    size_t part, parts;
};

/* Entries since the last look. */
struct feature_counts {
    size_t pixels;   /* computed from pixels */
    size_t advanced; /* computed from a shallower cut's features */
    size_t read;
    size_t damaged; /* found damaged, and computed again */
};

struct feature_cache;

/* Opens the store that was planned (not CACHE_OFF). `run` must belong to an inference plan that has the same cut and
 * from; `batch` is how many images it takes; `draw` is the feature_draw of the views. run and pool are borrowed. Errors
 * of feature_store_open_disk and _ram. */
MUST_CHECK enum status feature_cache_open(struct feature_cache **out, const struct feature_plan *plan, const char *dir,
                                          struct exec *exec, size_t batch, uint64_t draw, struct pool *pool,
                                          struct error *err);
void feature_cache_close(struct feature_cache *cache);

/* Bytes of memory that it takes beyond the run's: all entries of a cache in memory, and of one on disk those that are
 * few enough to be kept in memory as well. */
size_t feature_cache_memory(const struct feature_plan *plan);

/* Progress callback: `done` of `all` missing features are computed. Return false to stop. */
typedef bool feature_watch(void *context, size_t done, size_t all);

/* Computes what is missing of a view. *stopped: `watch` (may be NULL) said so. OK too when the store cannot be written
 * any more: ask feature_cache_failure. Errors of loader_next; ERR_DATA for features too large for F16. */
MUST_CHECK enum status feature_cache_fill(struct feature_cache *cache, const struct feature_list *list,
                                          struct photo_view view, feature_watch *watch, void *context, bool *stopped,
                                          struct error *err);

/* Finds what other processes have kept in the file since. Errors of feature_store_refresh. */
MUST_CHECK enum status feature_cache_refresh(struct feature_cache *cache, struct error *err);

/* How many entries of a view the list, or its part, has, but for photos known to be bad: *all; how many of these are
 * not there: *missing. ERR_SYSTEM. */
MUST_CHECK enum status feature_cache_look(size_t *all, size_t *missing, struct feature_cache *cache,
                                          const struct feature_list *list, struct photo_view view, struct error *err);

/* out[count], in the run's precision = the features of a view of photos of the list, after feature_cache_fill. `out`
 * may lie in the memory that the run shares. ERR_DATA when an entry is damaged and its photo is bad now, ERR_NOINPUT
 * when that is away; errors of loader_next. */
MUST_CHECK enum status feature_cache_load(void *out, struct feature_cache *cache, const struct feature_list *list,
                                          const uint32_t *photos, size_t count, struct photo_view view,
                                          struct error *err);

/* Why nothing more can be kept ("... no space left on device"), or NULL while all is well. */
const char *feature_cache_failure(const struct feature_cache *cache);

/* The counts since the last call. */
struct feature_counts feature_cache_counts(struct feature_cache *cache);

#endif
