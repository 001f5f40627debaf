#include "core/train/timing.h"

enum status timing_attach(struct timing *timing, struct stage *stage, struct error *err)
{
    struct profile *training = NULL, *evaluation = NULL;
    if (!timing->wanted)
        return OK;
    enum status status = profile_sums_reserve(&timing->sums, stage->plan, stage->evaluation_plan, err);
    if (status == OK)
        status = profile_create(&training, stage->plan, err);
    if (status == OK)
        status = profile_create(&evaluation, stage->evaluation_plan, err);
    if (status != OK) {
        profile_destroy(training);
        return status;
    }
    exec_set_profile(stage->exec, timing->training = training);
    exec_set_profile(stage->evaluation, timing->evaluation = evaluation);
    return OK;
}

void timing_detach(struct timing *timing, struct stage *stage)
{
    const struct profile *training = timing->training, *evaluation = timing->evaluation;
    if (!training)
        return;
    timing->prefix += training->prefix;
    timing->suffix += training->suffix;
    timing->backward += training->backward;
    timing->validation += evaluation->prefix + evaluation->suffix;
    profile_sums_add(&timing->sums, training, "forward");
    profile_sums_add(&timing->sums, evaluation, "validation");
    exec_set_profile(stage->exec, NULL);
    exec_set_profile(stage->evaluation, NULL);
    profile_destroy(timing->training);
    profile_destroy(timing->evaluation);
    timing->training = timing->evaluation = NULL;
}

void timing_free(struct timing *timing)
{
    profile_destroy(timing->training);
    profile_destroy(timing->evaluation);
    profile_sums_free(&timing->sums);
    *timing = (struct timing){0};
}
