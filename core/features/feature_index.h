/* Where an entry is: id -> record number, in memory. Open addressing, linear probing. */
#ifndef FREEZETUNE_FEATURE_INDEX_H
#define FREEZETUNE_FEATURE_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/features/feature_store.h"

struct feature_slot {
    struct feature_id id;
    uint32_t record; /* its number + 1; 0: the slot is free */
};

/* Zeroed is empty. */
struct feature_index {
    struct feature_slot *slots;
    size_t size, count; /* slots: a power of two, or 0; entries, at most three quarters of it */
};

void feature_index_free(struct feature_index *index);

/* False when the id is not there; *record may be NULL. */
bool feature_index_find(uint32_t *record, const struct feature_index *index, const struct feature_id *id);

/* Puts the record, below UINT32_MAX, in the place of an earlier one of the same id, if any. ERR_SYSTEM without memory:
 * the index is as it was. */
MUST_CHECK enum status feature_index_put(struct feature_index *index, const struct feature_id *id, uint32_t record,
                                         struct error *err);

/* An id that is not there is fine. */
void feature_index_remove(struct feature_index *index, const struct feature_id *id);

#endif
