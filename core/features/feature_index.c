#include "core/features/feature_index.h"

#include "core/base/hash.h"
#include "core/base/memory.h"

enum { SLOTS_FIRST = 64 };

_Static_assert(sizeof(struct feature_id) == 24, "no bytes between the members: they are hashed and kept as they are");

static bool same(const struct feature_id *a, const struct feature_id *b)
{
    return a->photo[0] == b->photo[0] && a->photo[1] == b->photo[1] && a->view == b->view &&
           a->view_seed == b->view_seed;
}

static size_t home(const struct feature_index *index, const struct feature_id *id)
{
    return (size_t)hash_bytes(id, sizeof *id, 0).low & (index->size - 1);
}

/* The slot of the id, or the free one where it would be. There is always a free one. */
static struct feature_slot *slot_of(const struct feature_index *index, const struct feature_id *id)
{
    size_t at = home(index, id);
    while (index->slots[at].record && !same(&index->slots[at].id, id))
        at = (at + 1) & (index->size - 1);
    return &index->slots[at];
}

void feature_index_free(struct feature_index *index)
{
    memory_free(index->slots);
    *index = (struct feature_index){0};
}

bool feature_index_find(uint32_t *record, const struct feature_index *index, const struct feature_id *id)
{
    if (index->size == 0)
        return false;
    const struct feature_slot *slot = slot_of(index, id);
    if (slot->record && record)
        *record = slot->record - 1;
    return slot->record != 0;
}

static enum status grow(struct feature_index *index, struct error *err)
{
    struct feature_index bigger = {.size = index->size ? 2 * index->size : SLOTS_FIRST, .count = index->count};
    void *memory;
    enum status status = memory_alloc(&memory, bigger.size, sizeof *bigger.slots, "the list of features", err);
    if (status != OK)
        return status;
    bigger.slots = memory;
    for (size_t i = 0; i < index->size; i++)
        if (index->slots[i].record)
            *slot_of(&bigger, &index->slots[i].id) = index->slots[i];
    memory_free(index->slots);
    *index = bigger;
    return OK;
}

enum status feature_index_put(struct feature_index *index, const struct feature_id *id, uint32_t record,
                              struct error *err)
{
    if (4 * (index->count + 1) > 3 * index->size) {
        enum status status = grow(index, err);
        if (status != OK)
            return status;
    }
    struct feature_slot *slot = slot_of(index, id);
    index->count += slot->record == 0;
    *slot = (struct feature_slot){.id = *id, .record = record + 1};
    return OK;
}

/* No gap may stay between an id and its home: those behind the free slot move up where they may. */
void feature_index_remove(struct feature_index *index, const struct feature_id *id)
{
    if (!feature_index_find(NULL, index, id))
        return;
    size_t mask = index->size - 1, gap = (size_t)(slot_of(index, id) - index->slots);
    for (size_t at = (gap + 1) & mask; index->slots[at].record; at = (at + 1) & mask)
        if (((at - home(index, &index->slots[at].id)) & mask) >= ((at - gap) & mask)) {
            index->slots[gap] = index->slots[at];
            gap = at;
        }
    index->slots[gap].record = 0;
    index->count--;
}
