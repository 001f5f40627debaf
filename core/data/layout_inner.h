/* Folders in the folders of --data: classes or parts that lie a level deeper than the names above them say. Inside
 * core/data only. */
#ifndef FREEZETUNE_LAYOUT_INNER_H
#define FREEZETUNE_LAYOUT_INNER_H

#include "core/data/line.h"
#include "core/data/subfolders.h"

/* ERR_DATA when folders of --data are split themselves, as DIR/flowers/train, DIR/flowers/val; the one that was meant
 * is named if it is the only one. Folders without photos (labels that are split as the photos are) do not count. */
MUST_CHECK enum status inner_refuse_splits(const struct subfolders *subs, struct error *err);

/* ERR_DATA when folders without photos of their own hold the same folders: day/cats, day/dogs, night/cats, night/dogs.
 * With fewer in common, or where they are groups of photos (--group-by folder), *note says that the folders of --data
 * are the classes. */
MUST_CHECK enum status inner_check(struct line *note, const struct subfolders *subs, bool groups, struct error *err);

#endif
