#include "core/data/split.h"

#include <math.h>

#include "core/base/memory.h"
#include "core/data/hash_order.h"
#include "core/data/walk.h"

size_t split_share(size_t n, double fraction)
{
    /* 0.29 * 50 is a little less than 14.5 in binary, and means 14.5. */
    size_t share = (size_t)floor((double)n * fraction + 0.5 + 1e-9);
    return n < 2 ? 0 : share < n ? share : n - 1;
}

/* Which ranks validate: begin..end-1. `start` is the fold whose run is the first with one more. */
struct range {
    size_t begin, end;
};

/* Of n photos in K runs, whose first n mod K from run `start` on (going round) have one more: the run of a fold. */
static struct range fold_range(size_t n, size_t folds, size_t fold, size_t start)
{
    struct range range = {0, 0};
    for (size_t i = 0; i <= fold; i++) {
        range.begin = range.end;
        range.end += n / folds + ((i + folds - start) % folds < n % folds);
    }
    return range;
}

/* Marks what validates of the n photos from `first` on, which are one class. *start goes round. */
static void choose(bool *validates, struct hash_rank *ranked, const struct photo_list *list, size_t first, size_t n,
                   const struct split *split, size_t *start)
{
    struct range range = {0, split->folds ? 0 : split_share(n, split->fraction)};
    hash_order(ranked, list, first, n, split->seed);
    if (split->folds && n > 1) {
        range = fold_range(n, split->folds, split->fold - 1, *start);
        *start = (*start + n) % split->folds;
    }
    for (size_t i = range.begin; i < range.end; i++)
        validates[ranked[i].photo] = true;
}

enum status split_move(struct photo_list *all, struct photo_list *val, const bool *validates, struct error *err)
{
    struct photo_list chosen = {0};
    enum status status = memory_strdup(&chosen.root, all->root, err);
    for (size_t i = 0; status == OK && i < all->count; i++)
        if (validates[i])
            status = photo_list_push(&chosen, photo_name(all, i), NULL, all->photos[i].class, err);
    if (status != OK) {
        photo_list_free(&chosen);
        return status;
    }
    size_t kept = 0;
    for (size_t i = 0; i < all->count; i++)
        if (!validates[i])
            all->photos[kept++] = all->photos[i];
    all->count = kept;
    *val = chosen;
    return OK;
}

enum status split_list(struct photo_list *all, struct photo_list *val, const struct split *split, struct error *err)
{
    void *validates, *ranked = NULL;
    size_t start = 0;
    enum status status = memory_alloc(&validates, all->count, sizeof(bool), "the split", err);
    if (status != OK)
        return status;
    status = memory_alloc(&ranked, all->count, sizeof(struct hash_rank), "the split", err);
    for (size_t first = 0, end; status == OK && first < all->count; first = end) {
        end = hash_order_class_end(all, first);
        choose(validates, ranked, all, first, end - first, split, &start);
    }
    if (status == OK)
        status = split_move(all, val, validates, err);
    memory_free(ranked);
    memory_free(validates);
    return status;
}
