/* train --folds K: K runs in RUN/fold-1..K, and each validates another part of the photos. */
#ifndef FREEZETUNE_FOLDS_H
#define FREEZETUNE_FOLDS_H

#include "cli/run/train_options.h"

/* `args` are train's; `resumed` when they were put together from RUN/config.json, else NULL. The table and the mean go
 * to stdout and RUN/folds.csv. Errors of session_run; ERR_DIVERGED when a fold diverged. */
MUST_CHECK enum status folds_run(const struct arguments *args, const struct resumed *resumed, struct error *err);

#endif
