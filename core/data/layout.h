/* How the folders of --data are read: as a split, as class folders, or not at all.
 *
 *   DIR/train/ants  DIR/val/ants     a split: folders whose names mean parts of one (split_name.h) and that hold class
 *   DIR/Training/.. DIR/Testing/..   folders. Without a val/, test/ validates; with both, test/ is not used. A folder
 *                                    alone in a part (train/images/ants, seg_train/seg_train/ants) is gone through
 *   DIR/ants/train  DIR/ants/test    class folders with the same parts in each, and photos in these; val/ or test/
 *   DIR/bees/train  DIR/bees/test    validates as above
 *   DIR/ants/1.jpg  DIR/bees/2.jpg   class folders; among them "train" or "test" too, if photos lie directly in it
 *
 * What could be a split is never read as classes without a word. ERR_DATA, with what to do, for:
 *   - parts of a split that hold photos and no class folders, with nothing beside them
 *   - one part alone (train/ without val/), or two of the same name and kind (validation/ and valid/)
 *   - class folders that hold no photos themselves but the same folders (day/cats night/cats day/dogs night/dogs), or
 *     that hold a split with class folders each, or of which only some have parts
 *   - a folder that is one level too high or too low: the message names the one that was meant
 */
#ifndef FREEZETUNE_LAYOUT_H
#define FREEZETUNE_LAYOUT_H

#include <stdbool.h>

#include "core/base/error.h"
#include "core/data/folder.h"

struct layout {
    char *train, *val;           /* the parts, owned; NULL, NULL: the class folders lie in DIR itself */
    char *train_part, *val_part; /* owned; the parts in each class folder of train and val, which are then both DIR */
    char *note;                  /* what is to be said of it, owned; NULL: nothing */
};

/* `asked`: for --val-split or --folds. `groups`: folders in class folders are groups of photos, of which several
 * classes may have some. ERR_NOINPUT when DIR cannot be read. Free with layout_free. */
MUST_CHECK enum status layout_find(struct layout *out, const char *dir, bool asked, bool groups, struct error *err);

/* For photos that are judged: out->val is the folder of class folders, and out->train is NULL. *known is sorted. */
MUST_CHECK enum status layout_find_val(struct layout *out, const char *dir, const struct class_names *known,
                                       struct error *err);
void layout_free(struct layout *layout);

#endif
