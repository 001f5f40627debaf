/* What a training by several processes needs beside the training itself: options that suit it, and the certainty that
 * all of them are about to do the same. Alone, all of it does nothing. */
#ifndef FREEZETUNE_RANKS_H
#define FREEZETUNE_RANKS_H

#include "cli/run/run_setup.h"
#include "cli/run/train_options.h"

/* Gives values to options whose default is another with several processes, where they were not given: --micro-batch
 * cuts the batches of a new run into a piece for each, and --cache is off. */
void ranks_complete(struct train_values *values, const struct arguments *args);

/* ERR_USAGE for options that several processes cannot do together. */
MUST_CHECK enum status ranks_check(const struct train_values *values, struct error *err);

/* The training is prepared, or not, with `status`: OK when it is in all processes, and all have the same program,
 * options, photos, classes and weights. Else the first error, or ERR_USAGE that names the rank and what differs. */
MUST_CHECK enum status ranks_begin(const struct run_setup *setup, enum status status, struct error *err);

/* peers_settle of the group. A rank that fails between two of them fails at the next one, so that all ranks have to
 * come by the same ones: after the command line is read, before the folder is made, after that, when the command is
 * over. */
MUST_CHECK enum status ranks_settle(enum status status, struct error *err);

#endif
