/* The runs of train --folds K as a series, and what came out of those that are done: for table and page. */
#ifndef FREEZETUNE_FOLD_LIST_H
#define FREEZETUNE_FOLD_LIST_H

#include <stddef.h>

#include "cli/run/series.h"
#include "cli/shell/json.h"
#include "core/train/statistics.h"

/* Over the folds that are done. */
struct fold_summary {
    size_t folds, photos, right;
    struct mean accuracy, macro_f1, loss;
};

/* fold-1 to fold-K, by values->folds. ERR_SYSTEM. */
MUST_CHECK enum status fold_list_add(struct series *series, const struct train_values *values,
                                     const struct forecast *forecast, struct error *err);
/* ERR_SYSTEM. */
MUST_CHECK enum status fold_summary_of(struct fold_summary *out, const struct series *series, struct error *err);
/* "done", and the means with their deviations, as members of an open object. */
void fold_summary_json(struct json *json, const struct fold_summary *summary);

#endif
