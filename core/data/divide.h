/* The photos of one folder, divided into train and val by a list instead of by the rule of --val-split or --folds: for
 * a run whose photos have changed since, of which it is recorded which it validated. */
#ifndef FREEZETUNE_DIVIDE_H
#define FREEZETUNE_DIVIDE_H

#include <stdbool.h>

#include "core/base/error.h"
#include "core/data/dataset.h"

/* Both lists have one root: they came from one folder of class folders, and no other one. */
bool dataset_is_one_folder(const struct dataset *dataset);

/* Divides the photos of such a dataset again: photo i (train and then val, counted through) validates where
 * validates[i]. ERR_SYSTEM without memory; the dataset is then as it was. */
MUST_CHECK enum status dataset_divide(struct dataset *dataset, const bool *validates, struct error *err);

#endif
