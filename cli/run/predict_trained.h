/* A remark of predict: which of its photos the model has seen in training. */
#ifndef FREEZETUNE_PREDICT_TRAINED_H
#define FREEZETUNE_PREDICT_TRAINED_H

#include "cli/model/model_file.h"
#include "core/data/folder.h"

/* stderr: how many of the photos lie among those that the model's run was trained on. By path alone, and the run's
 * photos are listed only where one of these lies below them: the answer for one photo must not wait for a hundred
 * thousand. Silent where it cannot be known. ERR_SYSTEM without memory. */
MUST_CHECK enum status predict_remark_trained(const struct model *model, const struct photo_list *photos,
                                              struct error *err);

#endif
