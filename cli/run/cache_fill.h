/* `freezetune cache fill`: the features that a training would keep on disk, or a part of them, without the training. */
#ifndef FREEZETUNE_CACHE_FILL_H
#define FREEZETUNE_CACHE_FILL_H

#include "cli/run/train_options.h"

/* Computes part `part` (from 1) of `parts` of them into --cache-dir, and prints what was done. ERR_USAGE for options
 * with which nothing can be kept; errors of run_setup_open and train_fill. */
MUST_CHECK enum status cache_fill(const struct train_values *values, size_t part, size_t parts, struct error *err);

#endif
