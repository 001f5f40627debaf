/* Which pixels of a photo an epoch sees. Training may go round K fixed views of each photo instead of drawing a new one
 * in every epoch:
 *
 *   views K = 0    epoch e draws with number e: never the same again            as torchvision's transforms do
 *   views K > 0    epoch e sees view e mod K; view 0 is the plain one, that of an evaluation
 *                    none       all views are the plain one
 *                    flip       odd views are mirrored, the others plain
 *                    standard, trivial   view v >= 1 is drawn with number v, once and for all
 */
#ifndef FREEZETUNE_PHOTO_VIEW_H
#define FREEZETUNE_PHOTO_VIEW_H

#include <stddef.h>
#include <stdint.h>

#include "core/data/augment.h"

/* What loader_start wants to know. Equal pixels have equal views: the plain one is {0, AUGMENT_NONE}, the mirrored one
 * {1, AUGMENT_MIRROR}. */
struct photo_view {
    uint32_t number;
    enum augment augment;
};

static inline struct photo_view photo_view_plain(void)
{
    return (struct photo_view){0, AUGMENT_NONE};
}

struct photo_view photo_view_of(enum augment augment, size_t views, size_t epoch);

/* The K of a run that does not say: 1 for none, 2 for flip, 0 for what has no end of views. */
size_t photo_views_default(enum augment augment);

/* How many different ones the first `epochs` epochs see. */
size_t photo_views_seen(enum augment augment, size_t views, size_t epochs);

#endif
