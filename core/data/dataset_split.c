#include "core/data/dataset_split.h"

#include "core/base/text.h"
#include "core/data/split_groups.h"

enum status dataset_check_classes(const struct dataset *data, const char *where, struct error *err)
{
    char shown[300];
    if (data->classes.count < 2)
        return error_set(err, ERR_DATA, "%s: only one class, '%s': there is nothing to tell apart", where,
                         text_escape(shown, sizeof shown, data->classes.names[0]));
    return OK;
}

/* The photos of the largest class, and of all classes with more than one: a class of one photo trains. */
static void count_classes(size_t *largest, size_t *movable, const struct photo_list *list)
{
    *largest = *movable = 0;
    for (size_t first = 0, end; first < list->count; first = end) {
        for (end = first + 1; end < list->count && list->photos[end].class == list->photos[first].class;)
            end++;
        if (end - first > *largest)
            *largest = end - first;
        if (end - first > 1)
            *movable += end - first;
    }
}

/* Before the split: will there be something to validate on? */
static enum status check_split(const struct photo_list *list, const struct split *split, struct error *err)
{
    size_t largest, movable;
    count_classes(&largest, &movable, list);
    if (movable == 0)
        return error_set(err, ERR_DATA,
                         "%s: each class has a single photo, which is trained on: none is left to validate on; add "
                         "photos",
                         list->root);
    if (split->folds > movable)
        return error_set(err, ERR_DATA, "%s: %zu photos can validate, too few for %u folds: use --folds %zu or fewer",
                         list->root, movable, split->folds, movable);
    if (!split->folds && split_share(largest, split->fraction) == 0)
        return error_set(err, ERR_DATA,
                         "%s: nothing to validate on: %g of a class's photos, at most %zu, is less than half a photo; "
                         "use --val-split %.2g or more",
                         list->root, split->fraction, largest, 0.5 / (double)largest + 0.004);
    return OK;
}

enum status dataset_split_off(struct dataset *data, const struct photo_groups *groups, const struct split *split,
                              struct error *err)
{
    if (groups)
        return split_groups(&data->train, &data->val, groups, split, data->classes.count, err);
    enum status status = check_split(&data->train, split, err);
    return status == OK ? split_list(&data->train, &data->val, split, err) : status;
}
