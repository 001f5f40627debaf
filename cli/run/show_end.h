/* The output of train at the end, on stdout: the epochs, the best one, the proof. */
#ifndef FREEZETUNE_SHOW_END_H
#define FREEZETUNE_SHOW_END_H

#include "cli/run/record_folder.h"
#include "cli/run/run_setup.h"

/* "frozen: children 1-6 (conv1..layer2), T tensors, V values: bit-identical" */
void proof_text(char *out, size_t size, const struct run_setup *setup, const struct run_proof *proof);

/* stdout: the epochs (from metrics.csv), the best, the proof; stderr: what may be typed next. With --json an object. A
 * terminal that was shown all epochs as they came (`epochs_shown`) does not get them twice. ERR_IO when metrics.csv
 * cannot be read again. */
MUST_CHECK enum status show_end(const struct record_folder *folder, const struct run_proof *proof, bool epochs_shown,
                                struct error *err);

/* stdout, for --profile: where the time went, operator by operator, then part by part. The object of --json has the
 * same as its "profile". ERR_SYSTEM without memory. */
MUST_CHECK enum status show_profile(const struct run_setup *setup, struct error *err);

#endif
