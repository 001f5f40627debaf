/* What a pass over photos works on, batch after batch: pixels from the loader, or features from a cache. Both ways give
 * the same batches and the same bytes: which of them it is decides nothing but time.
 *
 *   feed_start     the order of the pass; with a cache, what is missing of the view is computed first
 *   feed_next      the next batch, by the loader's rule (loader.h): photos that cannot be read are skipped. With a
 *                  cache those are the photos without kept features that were bad or away when it was filled
 *   feed_forward   the network's answer to that batch, or to a piece of it; in two parts, of which the first can fail:
 *                  feed_load, feed_run
 *
 * When a cache cannot be written any more the pass goes on from pixels, and so do all later ones.
 */
#ifndef FREEZETUNE_FEED_H
#define FREEZETUNE_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/data/loader.h"
#include "core/data/photo_view.h"
#include "core/features/feature_cache.h"
#include "core/net/exec.h"
#include "core/train/feed_share.h"

struct feed;

/* `loader` is borrowed, of a list of photos, `batch` photos at a time. `half`: float32 features are rounded to half
 * precision where a run has a cut, cached or not. ERR_SYSTEM without memory. */
MUST_CHECK enum status feed_create(struct feed **out, struct loader *loader, const struct photo_list *photos,
                                   size_t batch, bool half, struct error *err);
void feed_destroy(struct feed *feed);

/* Before the first feed_start: the feed is one of a group, whose ranks call feed_start and feed_next together. A batch
 * then has the pixels, and the holes, of the photos that this rank needs alone; its labels and photos are all there. Of
 * a batch without any of them the pixels of the batch before are kept. Alone nothing changes. All borrowed. ERR_SYSTEM
 * without memory. */
MUST_CHECK enum status feed_join(struct feed *feed, const struct peers *peers, feed_needs *needs, void *context,
                                 struct error *err);

/* From the next feed_start on features come from `cache` (borrowed; NULL: there is none). `hashes` are the list's
 * photo_hashes, borrowed. */
void feed_use_cache(struct feed *feed, struct feature_cache *cache, struct hash128 *hashes);

/* From the next feed_start on: of the cache only part `part` of `parts` is filled (feature_list). For passes of no
 * photos. */
void feed_fill_part(struct feed *feed, size_t part, size_t parts);
/* feature_cache_look, of the cache and the list that the feed has. */
MUST_CHECK enum status feed_look(size_t *all, size_t *missing, struct feed *feed, struct photo_view view,
                                 struct error *err);

/* Begins a pass: order[count] (NULL: 0, 1, 2, ...) from `position` on, see loader_start. Where `watch`, which may be
 * NULL, ends the filling of the cache, the pass has not begun. Errors of feature_cache_fill. */
MUST_CHECK enum status feed_start(struct feed *feed, const uint32_t *order, size_t count, size_t position,
                                  struct photo_view view, feature_watch *watch, void *context, struct error *err);

/* Whether the pass that was begun last takes features from the cache: in a group the same on all ranks, and then each
 * of them has those of all photos. */
bool feed_is_cached(const struct feed *feed);

/* As loader_next. `pixels` is NULL where features are there instead. In a group also the errors of the others, and
 * ERR_NOINPUT for a photo that only some of them can read. */
MUST_CHECK enum status feed_next(struct feed *feed, const struct photo_batch **out, struct error *err);

/* *logits = the run's forward pass over photos from..from+count-1 of a batch, as exec_forward_pixels gives it. A batch
 * without pixels is one of this pass. Errors of feature_cache_load; ERR_DATA for features too large for half
 * precision. */
MUST_CHECK enum status feed_forward(const float **logits, struct feed *feed, struct exec *exec,
                                    const struct photo_batch *batch, size_t from, size_t count, struct error *err);
MUST_CHECK enum status feed_load(struct feed *feed, struct exec *exec, const struct photo_batch *batch, size_t from,
                                 size_t count, struct error *err);
const float *feed_run(struct feed *feed, struct exec *exec, const struct photo_batch *batch, size_t from, size_t count);

#endif
