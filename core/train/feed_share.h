/* What the ranks of a group (peers.h) settle among themselves of the photos of a pass (feed.h), so that each decodes
 * only those that it computes with. All compose the same batches by the loader's rule, for which all must know which
 * photos cannot be read: of each batch they tell each other what became of the photos that each has decoded. One that a
 * rank could not read is tried by all, is then skipped by all, and the batch is composed once more. Where another can
 * read it that is an error, because another number of ranks would have trained on other photos.
 */
#ifndef FREEZETUNE_FEED_SHARE_H
#define FREEZETUNE_FEED_SHARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/data/loader.h"
#include "core/data/photo_view.h"
#include "core/train/peers.h"

/* places[] = which of the `count` photos of batch number `batch` of a pass a rank computes with, each once; returns how
 * many. Each photo is some rank's, and a rank may need one more that is another's too. */
typedef size_t feed_needs(void *context, uint32_t *places, size_t rank, size_t batch, size_t count);

struct feed_share;

/* For batches of at most `batch` photos of a loader's list. `needs` gets `context`. All borrowed. ERR_SYSTEM without
 * memory. */
MUST_CHECK enum status feed_share_create(struct feed_share **out, const struct peers *peers, struct loader *loader,
                                         const struct photo_list *photos, size_t batch, feed_needs *needs,
                                         void *context, struct error *err);
void feed_share_destroy(struct feed_share *share);

/* A pass begins: ERR_NOINPUT where a rank skips other photos than rank 0. */
MUST_CHECK enum status feed_share_begin(struct feed_share *share, struct photo_view view, struct error *err);

/* Outside a batch: a photo that any rank has found damaged is damaged for all. ERR_SYSTEM; errors of the peers. */
MUST_CHECK enum status feed_share_tell_damaged(struct feed_share *share, struct error *err);

/* What this rank needs of a batch: how many, and *places, borrowed until the next call of any function here. */
size_t feed_share_needs(const uint32_t **places, const struct feed_share *share, size_t batch, size_t count);

/* After each rank's loader has taken what the rank needs of photos[count], batch number `batch`, or has failed at it
 * with `status`: OK when none has. *again: some of them cannot be read and are skipped by all from now on; the loader
 * has to be started again. Else all know of all what their ranks have found: hashes, and which are damaged. ERR_NOINPUT
 * for a photo that another rank can read; errors of loader_take and of the peers. */
MUST_CHECK enum status feed_share_agree(bool *again, struct feed_share *share, const uint32_t *photos, size_t count,
                                        size_t batch, enum status status, struct error *err);

#endif
