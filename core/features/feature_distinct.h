/* Photos of the same bytes have the same features where the view draws nothing per photo: they are computed once. */
#ifndef FREEZETUNE_FEATURE_DISTINCT_H
#define FREEZETUNE_FEATURE_DISTINCT_H

#include <stddef.h>
#include <stdint.h>

#include "core/features/feature_cache.h"

/* Whether photos of the same bytes have one entry of this view. */
bool feature_view_shared(struct photo_view view);

/* Of photos[count], numbers of the list in ascending order, keeps the first of each content (list->hashes); one whose
 * content is not known stays. Returns how many are left, in the same order. Allocates nothing. */
size_t feature_distinct(uint32_t *photos, size_t count, const struct feature_list *list, struct photo_view view);

/* Photos of the same bytes as one that the loader found damaged are marked as damaged too (loader_mark_damaged): they
 * were not decoded. photos[count of the list] is scratch. */
void feature_spread_damage(uint32_t *photos, const struct feature_list *list);

#endif
