#include "core/train/ema.h"

#include <assert.h>
#include <string.h>

#include "core/base/memory.h"

/* Values of one item of work. */
enum { PIECE = 16384 };

struct average {
    bool used;
    float *floats;
    int64_t batches;
};

struct ema {
    struct net *net;
    struct pool *pool;
    double decay;
    int64_t updates;
    bool swapped;
    size_t used;
    struct average *averages; /* [net->params_count] */
};

static void copy(struct average *average, const struct param *param)
{
    if (param->count > 0)
        memcpy(average->floats, param->data, param->count * sizeof(float));
    average->batches = param->batches;
}

enum status ema_create(struct ema **out, struct net *net, const struct freeze *freeze, double decay, struct pool *pool,
                       struct error *err)
{
    void *memory;
    enum status status = memory_alloc(&memory, 1, sizeof(struct ema), "the averages", err);
    if (status != OK)
        return status;
    struct ema *ema = memory;
    *ema = (struct ema){.net = net, .pool = pool, .decay = decay};
    status = memory_alloc(&memory, net->params_count, sizeof(struct average), "the averages", err);
    if (status == OK) {
        ema->averages = memory;
        status = ema_add_moving(ema, freeze, err);
    }
    if (status != OK)
        ema_destroy(ema);
    else
        *out = ema;
    return status;
}

void ema_destroy(struct ema *ema)
{
    if (!ema)
        return;
    for (size_t i = 0; ema->averages && i < ema->net->params_count; i++)
        memory_free(ema->averages[i].floats);
    memory_free(ema->averages);
    memory_free(ema);
}

enum status ema_add_moving(struct ema *ema, const struct freeze *freeze, struct error *err)
{
    for (size_t i = 0; i < ema->net->params_count; i++) {
        struct average *average = &ema->averages[i];
        const struct param *param = &ema->net->params[i];
        void *memory;
        if (average->used || !freeze_moves(freeze, param))
            continue;
        enum status status = memory_alloc(&memory, param->count, sizeof(float), "the averages", err);
        if (status != OK)
            return status;
        *average = (struct average){.used = true, .floats = memory};
        copy(average, param);
        ema->used++;
    }
    return OK;
}

size_t ema_bytes(const struct net *net, const struct freeze *freeze)
{
    size_t floats = 0;
    for (size_t i = 0; i < net->params_count; i++)
        if (freeze_moves(freeze, &net->params[i]))
            floats += net->params[i].count;
    return floats * sizeof(float);
}

struct piece_work {
    float *average, *value;
    size_t count;
    double decay;
};

static size_t piece_of(const struct piece_work *work, size_t item, float **average, float **value)
{
    size_t from = item * PIECE;
    *average = work->average + from;
    *value = work->value + from;
    return work->count - from < PIECE ? work->count - from : PIECE;
}

static void average_piece(void *context, size_t item, size_t thread)
{
    (void)thread;
    const struct piece_work *work = context;
    float *average, *value, weight = (float)(1 - work->decay);
    size_t count = piece_of(work, item, &average, &value);
    for (size_t i = 0; i < count; i++)
        average[i] += weight * (value[i] - average[i]);
}

static void swap_piece(void *context, size_t item, size_t thread)
{
    (void)thread;
    const struct piece_work *work = context;
    float *average, *value;
    size_t count = piece_of(work, item, &average, &value);
    for (size_t i = 0; i < count; i++) {
        float kept = average[i];
        average[i] = value[i];
        value[i] = kept;
    }
}

static void for_pieces(const struct ema *ema, size_t param, pool_work *work)
{
    struct piece_work pieces = {.average = ema->averages[param].floats,
                                .value = ema->net->params[param].data,
                                .count = ema->net->params[param].count,
                                .decay = ema->decay};
    pool_for(ema->pool, (pieces.count + PIECE - 1) / PIECE, work, &pieces);
}

void ema_update(struct ema *ema)
{
    assert(!ema->swapped);
    float decay = (float)ema->decay, rest = (float)(1 - ema->decay);
    for (size_t i = 0; i < ema->net->params_count; i++) {
        struct average *average = &ema->averages[i];
        const struct param *param = &ema->net->params[i];
        if (!average->used)
            continue;
        if (ema->updates == 0) {
            copy(average, param);
            continue;
        }
        for_pieces(ema, i, average_piece);
        float kept = (float)average->batches * decay, taken = (float)param->batches * rest;
        average->batches = (int64_t)(kept + taken);
    }
    ema->updates++;
}

void ema_swap(struct ema *ema)
{
    for (size_t i = 0; i < ema->net->params_count; i++) {
        struct average *average = &ema->averages[i];
        struct param *param = &ema->net->params[i];
        if (!average->used)
            continue;
        for_pieces(ema, i, swap_piece);
        int64_t kept = average->batches;
        average->batches = param->batches;
        param->batches = kept;
    }
    ema->swapped = !ema->swapped;
}

size_t ema_row_count(const struct ema *ema)
{
    return 1 + ema->used;
}

struct ema_row ema_row_get(struct ema *ema, size_t index)
{
    size_t param = 0;
    assert(index <= ema->used);
    if (index == 0)
        return (struct ema_row){.param = -1, .integer = &ema->updates};
    while (!ema->averages[param].used || --index > 0)
        param++;
    struct average *average = &ema->averages[param];
    if (ema->net->params[param].role == PARAM_BATCHES)
        return (struct ema_row){.param = (int)param, .integer = &average->batches};
    return (struct ema_row){.param = (int)param, .floats = average->floats};
}
