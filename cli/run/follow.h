/* A rank other than 0 of a training by several processes: it trains along, and writes and prints nothing. */
#ifndef FREEZETUNE_FOLLOW_H
#define FREEZETUNE_FOLLOW_H

#include "cli/run/train_options.h"

/* As session_run, whose rank 0 it follows from one collective call to the next. `weights_hash`: see run_setup_open. */
MUST_CHECK enum status follow_run(const struct train_values *values, const char *weights_hash, struct error *err);

#endif
