/* --time-limit job: a training ends with the job it runs in, as Slurm tells it by SLURM_JOB_END_TIME (seconds since
 * 1970). JOB_TIME_MARGIN before that it is asked to save, as by SIGUSR1: exit code 75, and --resume continues. */
#ifndef FREEZETUNE_JOB_TIME_H
#define FREEZETUNE_JOB_TIME_H

#include "cli/run/train_options.h"

enum { JOB_TIME_MARGIN = 120 }; /* seconds: for the step at work, the checkpoint and the job's own end */

/* Sets the clock where values->time_limit is TIME_LIMIT_JOB, else does nothing. ERR_USAGE where the end of the job is
 * not known, or is so near that nothing would be trained. */
MUST_CHECK enum status job_time_start(const struct train_values *values, struct error *err);

/* When it asks, by clock_seconds; 0: never. */
double job_time_deadline(void);

#endif
