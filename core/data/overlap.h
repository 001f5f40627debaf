/* Which photos of one list are also in another, wherever the files lie: eval asks it of the photos that it measures and
 * those that the model was trained on.
 *
 * Cheap where nothing is shared: every file is asked for its size (stat), files of a size that both lists have are
 * looked at (image_probe), and only those alike in head and end too are read whole. The same file, by whatever path, is
 * recognised without being opened.
 */
#ifndef FREEZETUNE_OVERLAP_H
#define FREEZETUNE_OVERLAP_H

#include "core/base/error.h"
#include "core/base/threads.h"
#include "core/data/dataset.h"
#include "core/data/photo_stamp.h"

struct overlap {
    size_t count;         /* photos of the one list that the other holds too */
    uint32_t photo, same; /* the first of them, and the one of the other list with the same bytes */
};

/* Files that cannot be read, and photos that image_probe refuses, are in no list. ERR_SYSTEM without memory. */
MUST_CHECK enum status overlap_find(struct overlap *out, const struct photo_list *photos,
                                    const struct photo_list *others, struct pool *pool, struct error *err);

/* The same where the others are gone and only their stamps are left; out->same is the number of a stamp. Sorts the
 * stamps. Photos whose size no stamp has are not opened. Where a stamp has no hash of the content, size, head and end
 * decide. */
MUST_CHECK enum status overlap_find_stamps(struct overlap *out, const struct photo_list *photos,
                                           struct photo_stamp *stamps, size_t count, struct pool *pool,
                                           struct error *err);

#endif
