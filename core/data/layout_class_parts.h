/* Class folders that are split themselves: DIR/cats/train, DIR/cats/test, DIR/dogs/train, DIR/dogs/test. Inside
 * core/data only. */
#ifndef FREEZETUNE_LAYOUT_CLASS_PARTS_H
#define FREEZETUNE_LAYOUT_CLASS_PARTS_H

#include "core/data/subfolders.h"

/* The names of the parts, the same in each class folder; borrowed from the subfolders. */
struct class_parts {
    const char *train, *val, *test; /* all NULL: the folders are laid out in another way; val or test may be */
};

/* At least two folders with photos, of which one has a part to train on and one to validate on with photos directly in
 * them. ERR_DATA, with its name, for a folder that has not got these. All are NULL where one with photos has a name
 * without a meaning (images/train, masks/train). */
MUST_CHECK enum status class_parts_find(struct class_parts *out, const struct subfolders *subs, struct error *err);

#endif
