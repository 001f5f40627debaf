#include "core/train/confusion.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"

static int by_place(const void *a, const void *b)
{
    const struct confusion_cell *x = a, *y = b;
    if (x->label != y->label)
        return x->label < y->label ? -1 : 1;
    return (x->predicted > y->predicted) - (x->predicted < y->predicted);
}

enum status confusion_make(struct confusion *out, const struct metrics *metrics, struct error *err)
{
    void *memory;
    size_t count = metrics->predictions_count, cells = 0;
    enum status status = memory_alloc(&memory, count, sizeof(struct confusion_cell), "the confusion matrix", err);
    if (status != OK)
        return status;
    struct confusion_cell *cell = memory;
    for (size_t i = 0; i < count; i++) {
        const struct prediction *prediction = &metrics->predictions[i];
        cell[i] = (struct confusion_cell){(uint32_t)prediction->label, (uint32_t)prediction->predicted, 1};
    }
    if (count > 0)
        qsort(cell, count, sizeof *cell, by_place);
    for (size_t i = 0; i < count; i++) {
        if (cells > 0 && by_place(&cell[cells - 1], &cell[i]) == 0)
            cell[cells - 1].count++;
        else
            cell[cells++] = cell[i];
    }
    *out = (struct confusion){.cells = cell, .count = cells};
    return OK;
}

void confusion_free(struct confusion *confusion)
{
    memory_free(confusion->cells);
    *confusion = (struct confusion){0};
}

/* qsort of the C library may take as much again. */
size_t confusion_bytes(size_t predictions)
{
    return 2 * predictions * sizeof(struct confusion_cell);
}

void confusion_row(uint64_t *row, size_t classes, const struct confusion *confusion, uint32_t label, size_t *at)
{
    memset(row, 0, classes * sizeof *row);
    for (; *at < confusion->count && confusion->cells[*at].label == label; (*at)++)
        row[confusion->cells[*at].predicted] = confusion->cells[*at].count;
}

static int mistakes_first(const void *a, const void *b)
{
    const struct confusion_cell *x = a, *y = b;
    bool right_x = x->label == x->predicted, right_y = y->label == y->predicted;
    if (right_x != right_y)
        return right_x ? 1 : -1;
    if (x->count != y->count)
        return x->count > y->count ? -1 : 1;
    return by_place(a, b);
}

size_t confusion_sort_mistakes(struct confusion *confusion)
{
    size_t mistakes = 0;
    if (confusion->count > 0)
        qsort(confusion->cells, confusion->count, sizeof *confusion->cells, mistakes_first);
    while (mistakes < confusion->count && confusion->cells[mistakes].label != confusion->cells[mistakes].predicted)
        mistakes++;
    return mistakes;
}
