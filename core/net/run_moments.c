/* Takes the moments of BatchNorm layers during a pass (bn_moments.h). Convolutions store their output after BatchNorm
 * and ReLU; the moments are those between the two, so the ReLU of these steps is a pass of its own. */
#include "core/net/run_internal.h"
#include "core/ops/lanes.h"

void run_set_moments(struct run *run, struct bn_moments *moments)
{
    run->moments = moments;
}

bool run_takes_moments(const struct run *run, size_t index)
{
    return run->moments && bn_moments_wants(run->moments, index);
}

void run_take_image(const struct run *run, size_t index, size_t image, float *y)
{
    const struct conv_shape *shape = &run->plan->steps[index].shape;
    size_t rows = shape->p * shape->q;
    bn_moments_add(run->moments, index, image, y, rows);
    if (run->plan->program->steps[index].relu)
        lanes()->affine(y, y, rows, shape->k, NULL, NULL, NULL, NULL, NULL, true);
}

struct batch_work {
    const struct run *run;
    size_t index;
    float *y;
};

static void take_item(void *context, size_t image, size_t thread)
{
    (void)thread;
    const struct batch_work *work = context;
    const struct conv_shape *shape = &work->run->plan->steps[work->index].shape;
    run_take_image(work->run, work->index, image, work->y + image * shape->p * shape->q * shape->k);
}

void run_take_batch(const struct run *run, size_t index, float *y)
{
    struct batch_work work = {run, index, y};
    pool_for(run->pool, run->images, take_item, &work);
}
