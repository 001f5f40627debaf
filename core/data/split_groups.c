#define _GNU_SOURCE
#include "core/data/split_groups.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/memory.h"

/* Photos order[first..first+count-1]. */
struct group {
    struct hash128 hash;
    size_t first, count;
    unsigned fold; /* that it validates in, from 1; 0: it trains */
};

struct work {
    const struct photo_list *list;
    const struct photo_groups *groups;
    size_t class_count, sides; /* sides: 1, or the folds */
    size_t *order;             /* of the photos, by group */
    struct group *all;
    size_t count;
    size_t *photos;      /* [class] in the list */
    size_t *validates;   /* [side][class] */
    size_t *side_photos; /* [side] */
    size_t *mine;        /* [class] of one group; zeros in between */
    size_t *classes;     /* [mine_count] that it has */
    size_t mine_count;
};

static enum status take(size_t **out, size_t count, struct error *err)
{
    void *memory;
    enum status status = memory_alloc(&memory, count, sizeof **out, "the split by groups", err);
    if (status == OK)
        *out = memory;
    return status;
}

static void work_free(struct work *work)
{
    memory_free(work->order);
    memory_free(work->all);
    memory_free(work->photos);
    memory_free(work->validates);
    memory_free(work->side_photos);
    memory_free(work->mine);
    memory_free(work->classes);
}

static enum status work_alloc(struct work *work, struct error *err)
{
    void *groups;
    size_t photos = work->list->count, cells;
    if (!size_mul(&cells, work->sides, work->class_count))
        return error_memory(err, "the split by groups", SIZE_MAX);
    enum status status = memory_alloc(&groups, photos, sizeof *work->all, "the split by groups", err);
    if (status != OK)
        return status;
    work->all = groups;
    status = take(&work->order, photos, err);
    if (status == OK)
        status = take(&work->photos, work->class_count, err);
    if (status == OK)
        status = take(&work->validates, cells, err);
    if (status == OK)
        status = take(&work->side_photos, work->sides, err);
    if (status == OK)
        status = take(&work->mine, work->class_count, err);
    if (status == OK)
        status = take(&work->classes, work->class_count, err);
    return status;
}

/* ---- the groups and their order ---------------------------------------------------------------------------------- */

static int by_group(const void *a, const void *b, void *groups)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    int order = strcmp(photo_groups_get(groups, x), photo_groups_get(groups, y));
    return order ? order : x < y ? -1 : x > y;
}

static int by_hash(const void *a, const void *b)
{
    const struct group *x = a, *y = b;
    int order = hash_compare(x->hash, y->hash);
    return order ? order : x->first < y->first ? -1 : x->first > y->first;
}

static int by_size(const void *a, const void *b)
{
    const struct group *x = a, *y = b;
    return x->count != y->count ? (x->count > y->count ? -1 : 1) : by_hash(a, b);
}

/* A photo that is alone stands under its own name. */
static void find_groups(struct work *work, uint64_t seed)
{
    struct photo_groups groups = *work->groups;
    size_t photos = work->list->count;
    for (size_t i = 0; i < photos; i++)
        work->order[i] = i;
    qsort_r(work->order, photos, sizeof *work->order, by_group, &groups);
    for (size_t first = 0, end; first < photos; first = end) {
        const char *key = photo_groups_get(&groups, work->order[first]);
        for (end = first + 1; key[0] && end < photos && strcmp(photo_groups_get(&groups, work->order[end]), key) == 0;)
            end++;
        const char *name = key[0] ? key : photo_name(work->list, work->order[first]);
        work->all[work->count++] = (struct group){hash_bytes(name, strlen(name), seed), first, end - first, 0};
    }
    for (size_t i = 0; i < photos; i++)
        work->photos[work->list->photos[i].class]++;
}

/* ---- one group --------------------------------------------------------------------------------------------------- */

static void count_mine(struct work *work, const struct group *group)
{
    for (size_t i = 0; i < work->mine_count; i++)
        work->mine[work->classes[i]] = 0;
    work->mine_count = 0;
    for (size_t i = group->first; i < group->first + group->count; i++) {
        uint32_t class = work->list->photos[work->order[i]].class;
        if (work->mine[class]++ == 0)
            work->classes[work->mine_count++] = class;
    }
}

/* Would a class have no photo left that trains? */
static bool empties_class(const struct work *work, size_t side)
{
    const size_t *validates = work->validates + side * work->class_count;
    for (size_t i = 0; i < work->mine_count; i++) {
        size_t class = work->classes[i];
        if (validates[class] + work->mine[class] == work->photos[class])
            return true;
    }
    return false;
}

static void put(struct work *work, struct group *group, size_t side)
{
    for (size_t i = 0; i < work->mine_count; i++)
        work->validates[side * work->class_count + work->classes[i]] += work->mine[work->classes[i]];
    work->side_photos[side] += group->count;
    group->fold = (unsigned)side + 1;
}

/* ---- --val-split ------------------------------------------------------------------------------------------------- */

/* By how much the sum of squares grows when the group validates. */
static double cost(const struct work *work, double fraction)
{
    double sum = 0;
    for (size_t i = 0; i < work->mine_count; i++) {
        size_t class = work->classes[i];
        double n = (double)work->photos[class], g = (double)work->mine[class];
        sum += g * (g + 2 * ((double)work->validates[class] - fraction * n)) / n;
    }
    return sum;
}

static void choose_share(struct work *work, double fraction)
{
    struct group *least = NULL;
    double least_cost = 0;
    qsort(work->all, work->count, sizeof *work->all, by_hash);
    for (size_t i = 0; i < work->count; i++) {
        count_mine(work, &work->all[i]);
        if (empties_class(work, 0))
            continue;
        double mine = cost(work, fraction);
        if (mine < 0)
            put(work, &work->all[i], 0);
        if (!least || mine < least_cost) {
            least = &work->all[i];
            least_cost = mine;
        }
    }
    if (work->side_photos[0] == 0 && least) {
        count_mine(work, least);
        put(work, least, 0);
    }
}

/* ---- --folds ----------------------------------------------------------------------------------------------------- */

static double crowding(const struct work *work, size_t side)
{
    const size_t *validates = work->validates + side * work->class_count;
    double sum = 0;
    for (size_t i = 0; i < work->mine_count; i++) {
        size_t class = work->classes[i];
        sum += (double)validates[class] * (double)work->mine[class] / (double)work->photos[class];
    }
    return sum;
}

static void choose_folds(struct work *work)
{
    qsort(work->all, work->count, sizeof *work->all, by_size);
    for (size_t i = 0; i < work->count; i++) {
        size_t best = work->sides;
        double least = 0;
        count_mine(work, &work->all[i]);
        for (size_t side = 0; side < work->sides; side++) {
            double mine = crowding(work, side);
            if (empties_class(work, side))
                continue;
            if (best == work->sides || mine < least ||
                (mine == least && work->side_photos[side] < work->side_photos[best])) {
                best = side;
                least = mine;
            }
        }
        if (best < work->sides)
            put(work, &work->all[i], best);
    }
}

/* ---- both -------------------------------------------------------------------------------------------------------- */

static enum status check_sides(const struct work *work, const struct split *split, struct error *err)
{
    size_t empty = 0;
    for (size_t side = 0; side < work->sides; side++)
        empty += work->side_photos[side] == 0;
    if (empty == 0)
        return OK;
    if (split->folds)
        return error_set(err, ERR_DATA,
                         "%s: its %zu groups of photos can fill %zu of %u folds without taking all photos of a class "
                         "from training: use fewer --folds, or smaller groups",
                         work->list->root, work->count, work->sides - empty, split->folds);
    return error_set(err, ERR_DATA,
                     "%s: no group of photos can validate: each of the %zu holds all photos of a class; use smaller "
                     "groups (--group-by)",
                     work->list->root, work->count);
}

static enum status divide(struct photo_list *all, struct photo_list *val, const struct work *work, unsigned fold,
                          struct error *err)
{
    void *memory;
    enum status status = memory_alloc(&memory, all->count, sizeof(bool), "the split", err);
    if (status != OK)
        return status;
    bool *validates = memory;
    for (size_t g = 0; g < work->count; g++)
        for (size_t i = 0; i < work->all[g].count; i++)
            validates[work->order[work->all[g].first + i]] = work->all[g].fold == fold;
    status = split_move(all, val, validates, err);
    memory_free(memory);
    return status;
}

enum status split_groups(struct photo_list *all, struct photo_list *val, const struct photo_groups *groups,
                         const struct split *split, size_t class_count, struct error *err)
{
    struct work work = {
        .list = all, .groups = groups, .class_count = class_count, .sides = split->folds ? split->folds : 1};
    enum status status = work_alloc(&work, err);
    if (status == OK) {
        find_groups(&work, split->seed);
        if (split->folds)
            choose_folds(&work);
        else
            choose_share(&work, split->fraction);
        status = check_sides(&work, split, err);
    }
    if (status == OK)
        status = divide(all, val, &work, split->folds ? split->fold : 1, err);
    work_free(&work);
    return status;
}
