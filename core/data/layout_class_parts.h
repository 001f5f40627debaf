/* Class folders that are split themselves: DIR/cats/train, DIR/cats/test, DIR/dogs/train, DIR/dogs/test. Inside
 * core/data only. */
#ifndef FREEZETUNE_LAYOUT_CLASS_PARTS_H
#define FREEZETUNE_LAYOUT_CLASS_PARTS_H

#include "core/data/subfolders.h"

/* The names of the parts, the same in each class folder; borrowed from the subfolders. */
struct class_parts {
    const char *train, *val, *test; /* all NULL: the folders are laid out in another way; val or test may be */
};

/* Finds them where at least two folders hold photos and one of these has a part to train on, with photos directly in
 * it, and one to validate on. All are NULL where a folder with photos has a name without a meaning (images/train,
 * masks/train). ERR_DATA names a folder that does not have the parts too, ERR_NOINPUT and ERR_IO one that cannot be
 * read. */
MUST_CHECK enum status class_parts_find(struct class_parts *out, const struct subfolders *subs, struct error *err);

#endif
