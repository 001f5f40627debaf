#include "cli/run/job_time.h"

#include <stdlib.h>
#include <time.h>

#include "cli/shell/signals.h"
#include "core/base/clock.h"
#include "core/base/text.h"

static double deadline; /* of the process, as the job is */

enum status job_time_start(const struct train_values *values, struct error *err)
{
    const char *text = getenv("SLURM_JOB_END_TIME");
    long long end, left;
    if (values->time_limit != TIME_LIMIT_JOB)
        return OK;
    if (!text)
        return error_set(
            err, ERR_USAGE,
            "--time-limit job: SLURM_JOB_END_TIME is not set: this is not a Slurm job, or its Slurm does not set "
            "it; give --time-limit MINUTES");
    if (!text_to_long(&end, text) || end <= 0 || end > 1LL << 40)
        return error_set(err, ERR_USAGE,
                         "--time-limit job: SLURM_JOB_END_TIME is '%.40s', not seconds since 1970; give --time-limit "
                         "MINUTES",
                         text);
    left = end - (long long)time(NULL);
    if (left <= JOB_TIME_MARGIN)
        return error_set(err, ERR_USAGE,
                         "--time-limit job: the job ends in %lld seconds, and the last %d are kept for the checkpoint; "
                         "ask for more time",
                         left > 0 ? left : 0, JOB_TIME_MARGIN);
    left -= JOB_TIME_MARGIN;
    deadline = clock_seconds() + (double)left;
    signals_save_after(left);
    return OK;
}

double job_time_deadline(void)
{
    return deadline;
}
