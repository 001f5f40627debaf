#include "core/net/place.h"

#include <stdbool.h>
#include <stdlib.h>

#include "core/base/memory.h"

static int larger_first(const void *a, const void *b)
{
    const struct placed *x = *(struct placed *const *)a, *y = *(struct placed *const *)b;
    if (x->size != y->size)
        return x->size < y->size ? 1 : -1;
    return x < y ? -1 : x > y; /* a fixed order among equals */
}

static bool meet(const struct placed *a, const struct placed *b)
{
    return a->start <= b->end && b->start <= a->end;
}

/* The lowest offset for `buffer` among the `count` placed ones: walk up past everything that is in the way. */
static size_t lowest_place(const struct placed *buffer, struct placed *const *placed, size_t count)
{
    size_t offset = 0;
    for (bool moved = true; moved;) {
        moved = false;
        for (size_t i = 0; i < count; i++) {
            const struct placed *other = placed[i];
            if (meet(buffer, other) && offset < other->offset + other->size && other->offset < offset + buffer->size) {
                offset = other->offset + other->size;
                moved = true;
            }
        }
    }
    return offset;
}

enum status place(struct placed *buffers, size_t count, size_t align, size_t *total, struct error *err)
{
    void *memory;
    enum status status = memory_alloc(&memory, count, sizeof(struct placed *), "the plan", err);
    if (status != OK)
        return status;
    struct placed **order = memory;
    *total = 0;
    for (size_t i = 0; i < count; i++) {
        buffers[i].size = (buffers[i].size + align - 1) / align * align;
        order[i] = &buffers[i];
    }
    qsort(order, count, sizeof *order, larger_first);
    for (size_t i = 0; i < count; i++) {
        order[i]->offset = lowest_place(order[i], order, i);
        if (order[i]->offset + order[i]->size > *total)
            *total = order[i]->offset + order[i]->size;
    }
    memory_free(order);
    return OK;
}
