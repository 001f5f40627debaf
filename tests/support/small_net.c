#include "tests/support/small_net.h"

#include "core/base/rng.h"
#include "core/net/init.h"
#include "models/resnet.h"
#include "tests/support/test.h"
#include "tests/support/weight_sample.h"
#include "weights/bind.h"

static const struct resnet_shape small = {"resnet50", true, {1, 1, 1, 1}, 4};

struct net *small_net_make(size_t classes, uint64_t seed)
{
    struct net *net = NULL;
    assert_int_equal(resnet_create_shape(&net, &small, classes, NULL), OK);
    net_init(net, seed);
    for (size_t i = 0; i < net->params_count; i++) {
        struct param *param = &net->params[i];
        param->batches = param->role == PARAM_BATCHES ? (int64_t)(100 * seed + i) : 0;
        if (param->role != PARAM_WEIGHT)
            for (size_t j = 0; j < param->count; j++)
                param->data[j] = 0.5f + (float)(seed + i) + (float)j / 1000.0f;
    }
    return net;
}

void small_net_randomise(struct net *net, uint64_t seed)
{
    struct rng rng = rng_stream(seed, RNG_TEST, 0, 0);
    net_init(net, 3);
    for (size_t i = 0; i < net->params_count; i++)
        for (size_t j = 0; j < net->params[i].count; j++) {
            float *value = &net->params[i].data[j];
            if (net->params[i].role == PARAM_BN_WEIGHT || net->params[i].role == PARAM_RUNNING_VAR)
                *value = 0.5f + rng_float(&rng);
            else if (net->params[i].role == PARAM_BN_BIAS || net->params[i].role == PARAM_RUNNING_MEAN)
                *value = rng_float(&rng) - 0.5f;
        }
}

void small_net_assert_same(const struct param *a, const struct param *b)
{
    assert_string_equal(a->name, b->name);
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->batches, b->batches);
    if (a->count)
        assert_memory_equal(a->data, b->data, a->count * sizeof(float));
}

struct net *small_net_save(void)
{
    struct net *net = small_net_make(SMALL_NET_CLASSES, 1);
    assert_int_equal(weights_save(sample_path("good"), net, NULL, 0, NULL), OK);
    return net;
}
