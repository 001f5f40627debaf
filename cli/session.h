/* One run of training, from its options to the proof. `train` is one. */
#ifndef FREEZETUNE_SESSION_H
#define FREEZETUNE_SESSION_H

#include "cli/train_options.h"

/* Opens photos and weights, shows what will be trained, makes the run's folder (or goes on with values->resume),
 * trains, proves, reports; with values->dry_run it ends before the folder. `weights_hash` is what the weight file's
 * must be, or NULL. A signal ends it with OK and all that --resume needs in the folder. */
MUST_CHECK enum status session_run(const struct train_values *values, const char *weights_hash, struct error *err);

#endif
