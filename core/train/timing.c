#include "core/train/timing.h"

#include "core/train/train_private.h"

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
    run_set_profile(stage->run, timing->training = training);
    run_set_profile(stage->evaluation, timing->evaluation = evaluation);
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
    run_set_profile(stage->run, NULL);
    run_set_profile(stage->evaluation, NULL);
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

const struct profile_sums *train_profile(const struct train *train)
{
    return &train->timing.sums;
}

struct train_times train_times(const struct train *train)
{
    const struct timing *timing = &train->timing;
    return (struct train_times){.all = timing->all,
                                .photos = loader_waited(train->loader),
                                .prefix = timing->prefix,
                                .suffix = timing->suffix,
                                .backward = timing->backward - timing->sink,
                                .optimizer = timing->optimizer,
                                .validation = timing->validation,
                                .validation_photos = loader_waited(train->val_loader),
                                .saving = timing->saving};
}
