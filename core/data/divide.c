#include "core/data/divide.h"

#include <string.h>

#include "core/base/memory.h"
#include "core/data/walk.h"

bool dataset_is_one_folder(const struct dataset *dataset)
{
    return !dataset->train.part && strcmp(dataset->train.root, dataset->val.root) == 0;
}

enum status dataset_divide(struct dataset *dataset, const bool *validates, struct error *err)
{
    struct photo_list parts[2] = {{0}, {0}};
    size_t train = dataset->train.count, count = train + dataset->val.count;
    enum status status = memory_strdup(&parts[0].root, dataset->train.root, err);
    if (status == OK)
        status = memory_strdup(&parts[1].root, dataset->val.root, err);
    for (size_t i = 0; status == OK && i < count; i++) {
        const struct photo_list *from = i < train ? &dataset->train : &dataset->val;
        size_t photo = i < train ? i : i - train;
        status = photo_list_push(&parts[validates[i]], photo_name(from, photo), NULL, from->photos[photo].class, err);
    }
    if (status == OK) {
        struct photo_list old[2] = {dataset->train, dataset->val};
        parts[0].hidden = old[0].hidden;
        parts[0].stray = old[0].stray;
        dataset->train = parts[0];
        dataset->val = parts[1];
        memcpy(parts, old, sizeof parts);
    }
    photo_list_free(&parts[0]);
    photo_list_free(&parts[1]);
    return status;
}
