#include "core/train/stage.h"

#include "core/base/memory.h"

enum status stage_plan(struct stage *out, struct net *net, const struct plan_options *options, size_t evaluated,
                       struct error *err)
{
    struct stage stage = {0};
    struct plan_options training = *options, evaluation = *options;
    training.train = true;
    evaluation.train = false;
    evaluation.batch = evaluated;
    freeze_apply(net, &options->freeze);
    enum status status = plan_create(&stage.plan, net, &training, err);
    if (status == OK)
        status = plan_create(&stage.evaluation_plan, net, &evaluation, err);
    if (status != OK)
        stage_free(&stage);
    *out = stage;
    return status;
}

static size_t shared_bytes(const struct stage *stage)
{
    size_t a = plan_shared_bytes(stage->plan), b = plan_shared_bytes(stage->evaluation_plan);
    return a > b ? a : b;
}

enum status stage_prepare(struct stage *stage, const struct normalise *normalise, struct pool *pool, struct error *err)
{
    enum status status = memory_alloc(&stage->shared, shared_bytes(stage), 1, "the activations", err);
    if (status == OK)
        status = exec_create(&stage->exec, stage->plan, normalise, pool, stage->shared, err);
    if (status == OK)
        status = exec_create(&stage->evaluation, stage->evaluation_plan, normalise, pool, stage->shared, err);
    return status;
}

void stage_free(struct stage *stage)
{
    exec_destroy(stage->evaluation);
    exec_destroy(stage->exec);
    memory_free(stage->shared);
    plan_destroy(stage->evaluation_plan);
    plan_destroy(stage->plan);
    *stage = (struct stage){0};
}

size_t stage_bytes(const struct stage *stage)
{
    return shared_bytes(stage) + plan_bytes(stage->plan) - plan_shared_bytes(stage->plan) +
           plan_bytes(stage->evaluation_plan) - plan_shared_bytes(stage->evaluation_plan);
}

enum status stage_bytes_in(size_t *out, struct net *net, const struct plan_options *options, size_t evaluated,
                           enum precision precision, struct error *err)
{
    struct plan_options other = *options;
    struct stage stage;
    *out = 0;
    other.precision = precision;
    if (precision != PRECISION_F32 && other.conv == CONV_IM2COL)
        return OK;
    enum status status = stage_plan(&stage, net, &other, evaluated, err);
    if (status != OK)
        return status;
    *out = stage_bytes(&stage);
    stage_free(&stage);
    return OK;
}
