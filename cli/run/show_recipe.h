/* How a run trains, in the plan before the first step: epochs, batches, pixels, augmentation, the rate and the
 * optimizer. */
#ifndef FREEZETUNE_SHOW_RECIPE_H
#define FREEZETUNE_SHOW_RECIPE_H

#include <stdio.h>

#include "cli/run/run_setup.h"
#include "cli/shell/json.h"

/*   epochs  10, 61 steps each, batches of 16 photos of 224x224 pixels, augmentation: standard
 *   lr      0.003, cosine schedule, sgd with momentum 0.9, weight decay 0.0001 */
void show_recipe(FILE *out, const struct run_setup *setup);

/* The same as members of an open object: epochs, batch_size, image_size, augment, lr, schedule, optimizer, ... */
void recipe_json(struct json *json, const struct run_setup *setup);

#endif
