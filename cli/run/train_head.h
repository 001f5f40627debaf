/* The last layer of a training: kept or re-initialised (head_map.h), and what is said of it. */
#ifndef FREEZETUNE_TRAIN_HEAD_H
#define FREEZETUNE_TRAIN_HEAD_H

#include "cli/run/run_setup.h"

/* ERR_USAGE for --classes beside an option that re-initialises it in any case. */
MUST_CHECK enum status train_head_check(const struct train_values *values, struct error *err);

/* Decides for the net that was loaded from the file with this `info`, whose classes --classes may replace: setup->
 * head, head_drawn and the net's values. ERR_DATA when --classes was given and the layer cannot be kept; errors of
 * classes_override. */
MUST_CHECK enum status train_head_settle(struct run_setup *setup, struct model_info *info, struct error *err);

/* stderr: how outputs are mapped to folders, in one line;
 * before it that config.json names no classes, where it is so. */
void train_head_remark(const struct run_setup *setup);

#endif
