/* Which photos of a folder of class folders validate: --val-split and --folds.
 *
 * Every class is split by itself. Its n photos stand in the order of hash("class/sub/name", seed):
 *
 *   --val-split F  the first round(n F) validate (halves up), but never all of them. So each class gives its share to
 *                  the photo. A class of one photo trains, and so does a class of two with F = 0.2.
 *   --folds K      the n photos are cut into K runs of n / K photos or one more, and run i validates in fold i. Each
 *                  photo validates once over all folds; a class with fewer photos than folds is missing in some; a
 *                  class of one photo trains in all. Which runs have one more goes round from class to class, so that
 *                  whole folds differ by one photo at most, too.
 *
 * The order of two photos follows from their names and the seed alone, so that photos that are added, removed or
 * renamed move only those next to a border of that order. With --val-split other classes stay as they are, and of the
 * same class at most as many others change sides as were added or removed, usually none or one. With --folds one photo
 * may move across each border. (Exact shares and photos that never move exclude each other: round(n F) has to grow now
 * and then.)
 */
#ifndef FREEZETUNE_SPLIT_H
#define FREEZETUNE_SPLIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/data/folder.h"

struct split {
    double fraction;      /* in (0, 1); 0 with folds */
    unsigned folds, fold; /* at least 2, 1..folds; 0 without */
    uint64_t seed;
};

/* How many of n photos of a class validate with --val-split. */
size_t split_share(size_t n, double fraction);

/* Moves the photos that validate out of *all, whose photos lie by class, into *val (overwritten); both keep the
 * order of the list. ERR_SYSTEM without memory; *all is then as it was. */
MUST_CHECK enum status split_list(struct photo_list *all, struct photo_list *val, const struct split *split,
                                  struct error *err);

/* The same for the photos that are marked. Inside core/data only. */
MUST_CHECK enum status split_move(struct photo_list *all, struct photo_list *val, const bool *validates,
                                  struct error *err);

#endif
