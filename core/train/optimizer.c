#include "core/train/optimizer.h"

#include <assert.h>
#include <math.h>

#include "core/base/memory.h"
#include "core/ops/lanes.h"

/* Values of one item of work: 64 KB of each array, a multiple of every vector length. */
enum { PIECE = 16384 };

const char *const optimizer_names[] = {"sgd", "adam", "adamw", NULL};

static const char *const buffer_names[][2] = {
    [OPTIMIZER_SGD] = {"momentum", NULL},
    [OPTIMIZER_ADAM] = {"exp_avg", "exp_avg_sq"},
    [OPTIMIZER_ADAMW] = {"exp_avg", "exp_avg_sq"},
};

/* The state of one parameter. */
struct state {
    bool used;
    double rate; /* times the lr of a step */
    int64_t steps;
    float *buffers[2];
};

struct optimizer {
    struct net *net;
    struct pool *pool;
    struct optimizer_options options;
    size_t buffers; /* of each parameter: 0, 1 or 2 */
    size_t used;
    struct state *states; /* [net->params_count] */
};

struct optimizer_options optimizer_defaults(enum optimizer_kind kind)
{
    return (struct optimizer_options){.kind = kind, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8};
}

/* SGD without momentum needs no state: 94 MB less where all of a ResNet-50 is trained. */
static size_t buffers_of(const struct optimizer_options *options)
{
    if (options->kind != OPTIMIZER_SGD)
        return 2;
    return options->momentum > 0 ? 1 : 0;
}

static enum status check(const struct optimizer_options *options, struct error *err)
{
    const char *wrong = NULL;
    if (!(options->weight_decay >= 0))
        wrong = "--weight-decay must be 0 or more";
    else if (options->kind == OPTIMIZER_SGD && !(options->momentum >= 0 && options->momentum < 1))
        wrong = "--momentum must be 0 or more and below 1";
    else if (options->kind == OPTIMIZER_SGD && options->nesterov && !(options->momentum > 0))
        wrong = "--nesterov needs a --momentum above 0";
    else if (options->kind != OPTIMIZER_SGD && options->nesterov)
        wrong = "--nesterov only applies to --optimizer sgd";
    else if (options->kind != OPTIMIZER_SGD &&
             !(options->beta1 >= 0 && options->beta1 < 1 && options->beta2 >= 0 && options->beta2 < 1))
        wrong = "the betas must be 0 or more and below 1";
    else if (options->kind != OPTIMIZER_SGD && !(options->eps > 0))
        wrong = "the eps of adam must be above 0";
    return wrong ? error_set(err, ERR_USAGE, "%s", wrong) : OK;
}

enum status optimizer_create(struct optimizer **out, struct net *net, const struct optimizer_options *options,
                             struct pool *pool, struct error *err)
{
    void *memory;
    enum status status = check(options, err);
    if (status == OK)
        status = memory_alloc(&memory, 1, sizeof(struct optimizer), "the optimizer", err);
    if (status != OK)
        return status;
    struct optimizer *optimizer = memory;
    *optimizer = (struct optimizer){.net = net, .pool = pool, .options = *options, .buffers = buffers_of(options)};
    status = memory_alloc(&memory, net->params_count, sizeof(struct state), "the optimizer", err);
    if (status == OK) {
        optimizer->states = memory;
        for (size_t i = 0; i < net->params_count; i++)
            optimizer->states[i].rate = 1;
        status = optimizer_add_trainable(optimizer, err);
    }
    if (status != OK)
        optimizer_destroy(optimizer);
    else
        *out = optimizer;
    return status;
}

void optimizer_destroy(struct optimizer *optimizer)
{
    if (!optimizer)
        return;
    for (size_t i = 0; optimizer->states && i < optimizer->net->params_count; i++)
        for (size_t b = 0; b < 2; b++)
            memory_free(optimizer->states[i].buffers[b]);
    memory_free(optimizer->states);
    memory_free(optimizer);
}

/* Called again for every stage of an unfreezing. After an error the optimizer stays usable: a parameter whose first
 * buffer was made and whose second was not is not `used`, and another call makes only what is missing. */
enum status optimizer_add_trainable(struct optimizer *optimizer, struct error *err)
{
    for (size_t i = 0; i < optimizer->net->params_count; i++) {
        struct state *state = &optimizer->states[i];
        const struct param *param = &optimizer->net->params[i];
        if (state->used || !param->trainable)
            continue;
        for (size_t b = 0; b < optimizer->buffers; b++) {
            void *memory;
            if (state->buffers[b])
                continue; /* from an attempt that ran out of memory */
            enum status status = memory_alloc(&memory, param->count, sizeof(float), "the optimizer's state", err);
            if (status != OK)
                return status;
            state->buffers[b] = memory;
        }
        state->used = true;
        optimizer->used++;
    }
    return OK;
}

void optimizer_set_rate(struct optimizer *optimizer, size_t param, double rate)
{
    optimizer->states[param].rate = rate;
}

struct update {
    const struct optimizer *optimizer;
    const struct state *state;
    float *w;
    const float *dw;
    size_t count;
    float lr, decay, momentum;
    bool first;
    struct adam_step adam;
};

/* Pieces of a fixed size, whatever the number of threads: only the end of a parameter is left to the scalar loop, which
 * may round differently, and the same seed gives the same bytes with any --threads. */
static void update_piece(void *context, size_t item, size_t thread)
{
    const struct update *u = context;
    const struct optimizer_options *options = &u->optimizer->options;
    (void)thread;
    size_t from = item * PIECE;
    size_t count = u->count - from < PIECE ? u->count - from : PIECE;
    float *first = u->state->buffers[0] ? u->state->buffers[0] + from : NULL;
    float *second = u->state->buffers[1] ? u->state->buffers[1] + from : NULL;
    if (options->kind == OPTIMIZER_SGD)
        lanes()->sgd(u->w + from, first, u->dw + from, count, u->lr, u->momentum, u->decay, options->nesterov,
                     u->first);
    else
        lanes()->adam(u->w + from, first, second, u->dw + from, count, &u->adam);
}

/* All of a step that does not depend on the value, in double and rounded once, as torch.optim has it in Python floats.
 * Adam adds the decay to the gradient, where the division by sqrt(v) undoes a part of it; AdamW shrinks the weight
 * instead, before the step. */
static struct adam_step adam_coefficients(const struct optimizer_options *options, int64_t step, double lr)
{
    bool decoupled = options->kind == OPTIMIZER_ADAMW;
    double correction1 = 1 - pow(options->beta1, (double)step);
    double correction2 = 1 - pow(options->beta2, (double)step);
    return (struct adam_step){
        .rate = (float)(lr / correction1),
        .rest1 = (float)(1 - options->beta1),
        .beta2 = (float)options->beta2,
        .rest2 = (float)(1 - options->beta2),
        .eps = (float)options->eps,
        .decay = decoupled ? 0.0f : (float)options->weight_decay,
        .shrink = decoupled ? (float)(1 - lr * options->weight_decay) : 1.0f,
        .correction2_root = (float)sqrt(correction2),
    };
}

/* Each parameter counts its own steps: one that joins in epoch 3 starts with t = 1 and its own bias correction. The
 * rate of its child multiplies lr before AdamW shrinks the weight, as in a parameter group with that lr. */
void optimizer_update(struct optimizer *optimizer, size_t param, const float *gradient, double lr)
{
    struct state *state = &optimizer->states[param];
    assert(state->used);
    lr *= state->rate;
    const struct optimizer_options *options = &optimizer->options;
    struct update update = {
        .optimizer = optimizer,
        .state = state,
        .w = optimizer->net->params[param].data,
        .dw = gradient,
        .count = optimizer->net->params[param].count,
        .lr = (float)lr,
        .decay = (float)options->weight_decay,
        .momentum = (float)options->momentum,
        .first = state->steps == 0,
    };
    state->steps++;
    if (options->kind != OPTIMIZER_SGD)
        update.adam = adam_coefficients(options, state->steps, lr);
    pool_for(optimizer->pool, (update.count + PIECE - 1) / PIECE, update_piece, &update);
}

size_t optimizer_state_count(const struct optimizer *optimizer)
{
    return optimizer->used;
}

size_t optimizer_buffers(const struct optimizer *optimizer)
{
    return optimizer->buffers;
}

struct optimizer_state optimizer_state_get(const struct optimizer *optimizer, size_t index)
{
    assert(index < optimizer->used);
    size_t param = 0;
    while (!optimizer->states[param].used || index-- > 0)
        param++;
    struct state *state = &optimizer->states[param];
    struct optimizer_state out = {.param = param, .buffers = optimizer->buffers, .steps = &state->steps};
    for (size_t b = 0; b < optimizer->buffers; b++) {
        out.names[b] = buffer_names[optimizer->options.kind][b];
        out.data[b] = state->buffers[b];
    }
    return out;
}

size_t optimizer_bytes(const struct net *net, const struct optimizer_options *options)
{
    size_t floats = 0;
    for (size_t i = 0; i < net->params_count; i++)
        if (net->params[i].trainable)
            floats += net->params[i].count;
    return floats * sizeof(float) * buffers_of(options);
}
