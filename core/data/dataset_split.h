/* What both ways to a dataset, folders and labels, do with its classes and its split. Inside core/data only. */
#ifndef FREEZETUNE_DATASET_SPLIT_H
#define FREEZETUNE_DATASET_SPLIT_H

#include "core/data/dataset.h"
#include "core/data/photo_groups.h"
#include "core/data/split.h"

/* ERR_DATA, naming `where`, with fewer than two classes. */
MUST_CHECK enum status dataset_check_classes(const struct dataset *data, const char *where, struct error *err);

/* Moves the photos that validate from data->train to data->val. `groups` are those of data->train, or NULL. ERR_DATA
 * when none would. */
MUST_CHECK enum status dataset_split_off(struct dataset *data, const struct photo_groups *groups,
                                         const struct split *split, struct error *err);

#endif
