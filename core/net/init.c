#include "core/net/init.h"

#include <math.h>

#include "core/base/rng.h"

/* A bias shares its bounds with the weight before it. */
static size_t fan_in(const struct net *net, size_t index)
{
    const struct param *weight = &net->params[net->params[index].role == PARAM_BIAS ? index - 1 : index];
    return weight->count / weight->shape[0];
}

void param_init(struct net *net, size_t index, uint64_t seed)
{
    struct param *param = &net->params[index];
    struct rng rng = rng_stream(seed, RNG_INIT, 0, index);
    float constant = param->role == PARAM_BN_WEIGHT || param->role == PARAM_RUNNING_VAR ? 1.0f : 0.0f;
    param->batches = 0;
    if (param->role == PARAM_WEIGHT && param->rank == 4) {
        double std = sqrt(2.0 / (double)(param->shape[0] * param->shape[2] * param->shape[3]));
        for (size_t i = 0; i < param->count; i++)
            param->data[i] = (float)(std * rng_normal(&rng));
    } else if (param->role == PARAM_WEIGHT || param->role == PARAM_BIAS) {
        double bound = 1.0 / sqrt((double)fan_in(net, index));
        for (size_t i = 0; i < param->count; i++)
            param->data[i] = (float)(bound * (2.0 * rng_double(&rng) - 1.0));
    } else {
        for (size_t i = 0; i < param->count; i++)
            param->data[i] = constant;
    }
}

void net_init(struct net *net, uint64_t seed)
{
    for (size_t i = 0; i < net->params_count; i++)
        param_init(net, i, seed);
}
