/* Fewer photos for a trial: --limit. Inside core/data only; dataset.h calls it.
 *
 * Of each class at most N training photos are kept: the first N in the order of a hash of their names and the seed, so
 * that the photos of a limit of N are among those of a larger one. Validation photos stay as they are, so that
 * accuracies of several limits count the same photos.
 */
#ifndef FREEZETUNE_LIMIT_H
#define FREEZETUNE_LIMIT_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/data/folder.h"

/* The list, whose photos lie by class, keeps its order. limit >= 1. ERR_SYSTEM without memory; the list is then as it
 * was. */
MUST_CHECK enum status limit_list(struct photo_list *list, size_t limit, uint64_t seed, struct error *err);

#endif
