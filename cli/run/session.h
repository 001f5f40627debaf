/* One run of training, from its options to the proof: `train` is one, sweep and --folds are several (series.h). */
#ifndef FREEZETUNE_SESSION_H
#define FREEZETUNE_SESSION_H

#include <stdbool.h>

#include "cli/run/record_result.h"
#include "cli/run/run_clock.h"
#include "cli/run/train_options.h"

struct session_options {
    const char *weights_hash; /* what the weight file's must be, or NULL */
    bool one_of_many;  /* nothing on stdout, and not a word about the photos and the weights: the caller says it once */
    double deadline;   /* by clock_seconds; then it is stopped as by a signal; 0: never */
    const char *go_on; /* the series' command for that, "freezetune sweep --resume runs/1"; NULL: train's, of the run */
    struct series_clock *clock; /* of the series; NULL: of this run alone */
};

struct session_end {
    bool over; /* else it was stopped, and everything that --resume needs is in its folder; or --dry-run */
    struct record_result result;
};

/* Opens photos and weights, looks for a rate with --lr find, shows what will be trained, makes the run's folder (or
 * goes on with values->resume), trains, proves, reports. With values->dry_run it ends before the folder. One of many
 * that diverges is over, and no error. */
MUST_CHECK enum status session_run(struct session_end *out, const struct train_values *values,
                                   const struct session_options *options, struct error *err);

#endif
