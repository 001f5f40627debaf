#include "core/train/snapshot.h"

#include <string.h>

#include "core/base/memory.h"

struct snapshot {
    struct net *net;
    struct freeze freeze;
    float *floats;    /* of the parameters that change, one after the other */
    int64_t *batches; /* [params] */
};

/* Is this one of those that a run may change? */
static bool changes(const struct param *param, const struct freeze *freeze)
{
    bool statistic = !param->learnable;
    return !freeze_covers(freeze, param->child) || (statistic && freeze->bn_frozen == BN_BATCH);
}

static size_t count_floats(const struct net *net, const struct freeze *freeze)
{
    size_t count = 0;
    for (size_t i = 0; i < net->params_count; i++)
        count += changes(&net->params[i], freeze) ? net->params[i].count : 0;
    return count;
}

size_t snapshot_bytes(const struct net *net, const struct freeze *freeze)
{
    return count_floats(net, freeze) * sizeof(float) + net->params_count * sizeof(int64_t);
}

enum status snapshot_create(struct snapshot **out, struct net *net, const struct freeze *freeze, struct error *err)
{
    void *memory;
    enum status status = memory_alloc(&memory, 1, sizeof(struct snapshot), "the best model", err);
    if (status != OK)
        return status;
    struct snapshot *snapshot = memory;
    *snapshot = (struct snapshot){.net = net, .freeze = *freeze};
    status = memory_alloc(&memory, count_floats(net, freeze), sizeof(float), "the best model", err);
    if (status == OK) {
        snapshot->floats = memory;
        status = memory_alloc(&memory, net->params_count, sizeof(int64_t), "the best model", err);
    }
    if (status != OK) {
        snapshot_destroy(snapshot);
        return status;
    }
    snapshot->batches = memory;
    *out = snapshot;
    return OK;
}

void snapshot_destroy(struct snapshot *snapshot)
{
    if (!snapshot)
        return;
    memory_free(snapshot->batches);
    memory_free(snapshot->floats);
    memory_free(snapshot);
}

void snapshot_take(struct snapshot *snapshot)
{
    float *at = snapshot->floats;
    for (size_t i = 0; i < snapshot->net->params_count; i++) {
        const struct param *param = &snapshot->net->params[i];
        if (!changes(param, &snapshot->freeze))
            continue;
        if (param->count > 0)
            memcpy(at, param->data, param->count * sizeof *at);
        at += param->count;
        snapshot->batches[i] = param->batches;
    }
}

static void swap_floats(float *a, float *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        float kept = a[i];
        a[i] = b[i];
        b[i] = kept;
    }
}

void snapshot_swap(struct snapshot *snapshot)
{
    float *at = snapshot->floats;
    for (size_t i = 0; i < snapshot->net->params_count; i++) {
        struct param *param = &snapshot->net->params[i];
        if (!changes(param, &snapshot->freeze))
            continue;
        swap_floats(param->data, at, param->count);
        at += param->count;
        int64_t kept = param->batches;
        param->batches = snapshot->batches[i];
        snapshot->batches[i] = kept;
    }
}
