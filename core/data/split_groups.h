/* Which photos validate where photos belong together (photo_groups.h): --val-split and --folds with --group-by.
 * Inside core/data only.
 *
 * A group goes to one side as a whole, and no class loses all its photos to the other side: a group that holds all
 * photos of a class always trains. Shares of classes are kept as far as the groups allow:
 *
 *   --val-split F  groups stand in the order of hash(group, seed), and each validates if that brings the shares of its
 *                  classes nearer to F: if it lowers the sum over all classes of (v - F n)^2 / n, v of the n photos
 *                  of a class being those that validate. Where none does, the one that disturbs it least validates.
 *   --folds K      groups stand by size, the largest first, and those of one size in that order. Each goes to the fold
 *                  where its classes validate least so far (the sum over its classes of v g / n, g photos of a class
 *                  being its own), of equal ones to the one with the fewest photos.
 *
 * The sums are those of a least squares fit to equal shares, taken greedily; like scikit-learn's StratifiedGroupKFold
 * it promises no optimum.
 */
#ifndef FREEZETUNE_SPLIT_GROUPS_H
#define FREEZETUNE_SPLIT_GROUPS_H

#include "core/data/photo_groups.h"
#include "core/data/split.h"

/* Moves the photos that validate out of *all into *val (overwritten), as split_list does. `groups` are those of *all;
 * classes are numbered below class_count. ERR_DATA when no group can validate, or fewer than there are folds;
 * ERR_SYSTEM without memory. *all is then as it was. */
MUST_CHECK enum status split_groups(struct photo_list *all, struct photo_list *val, const struct photo_groups *groups,
                                    const struct split *split, size_t class_count, struct error *err);

#endif
