/* Takes the moments of BatchNorm layers during a pass (bn_moments.h). Convolutions store their output after BatchNorm
 * and ReLU; the moments are those between the two, so the ReLU of these steps is a pass of its own. */
#include "core/net/exec_internal.h"
#include "core/ops/map_lanes.h"

void exec_set_moments(struct exec *exec, struct bn_moments *moments)
{
    exec->moments = moments;
}

bool exec_takes_moments(const struct exec *exec, size_t index)
{
    return exec->moments && bn_moments_wants(exec->moments, index);
}

void exec_take_image(const struct exec *exec, size_t index, size_t image, void *y)
{
    const struct conv_shape *shape = &exec->plan->steps[index].shape;
    size_t rows = shape->p * shape->q;
    bn_moments_add(exec->moments, index, image, y, rows);
    if (exec->plan->program->steps[index].relu)
        map_lanes(shape->precision)->affine(y, y, rows, shape->k, NULL, NULL, NULL, NULL, NULL, true);
}

struct batch_work {
    const struct exec *exec;
    size_t index;
    void *y;
};

static void take_item(void *context, size_t image, size_t thread)
{
    (void)thread;
    const struct batch_work *work = context;
    const struct conv_shape *shape = &work->exec->plan->steps[work->index].shape;
    exec_take_image(work->exec, work->index, image,
                    map_at(work->y, image * shape->p * shape->q * shape->k, shape->precision));
}

void exec_take_batch(const struct exec *exec, size_t index, void *y)
{
    struct batch_work work = {exec, index, y};
    pool_for(exec->pool, exec->images, take_item, &work);
}
