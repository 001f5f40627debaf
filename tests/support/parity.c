#include "tests/support/parity.h"

#include <stdio.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/threads.h"
#include "core/ops/loss.h"
#include "core/train/bn_sync.h"
#include "core/train/gradients.h"
#include "core/train/stage.h"
#include "models/resnet.h"
#include "tests/support/gates.h"

static const struct normalise imagenet = {{0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}};

/* ---- the network ------------------------------------------------------------------------------------------------- */

static enum status load_param(struct param *param, const struct weight_file *file, struct error *err)
{
    const struct weight_tensor *tensor = weight_file_find(file, param->name);
    if (!tensor)
        return error_set(err, ERR_DATA, "%s: has no tensor %s", weight_file_path(file), param->name);
    if (param->role == PARAM_BATCHES)
        return weight_tensor_read_i64(&param->batches, tensor, file, err);
    if (weight_tensor_values(tensor) != param->count)
        return error_set(err, ERR_DATA, "%s: %s has %zu values, the network %zu", weight_file_path(file), param->name,
                         weight_tensor_values(tensor), param->count);
    void *values = NULL;
    enum status status = memory_alloc(&values, param->count, sizeof(float), "a tensor", err);
    if (status == OK)
        status = weight_tensor_read_f32(values, tensor, file, err);
    if (status == OK)
        param_from_torch(param, values);
    memory_free(values);
    return status;
}

static size_t count_blocks(const struct weight_file *file, int layer)
{
    char name[NET_NAME];
    for (size_t blocks = 0;; blocks++) {
        snprintf(name, sizeof name, "layer%d.%zu.conv1.weight", layer, blocks);
        if (!weight_file_find(file, name))
            return blocks;
    }
}

enum status parity_net_create(struct net **out, const struct weight_file *file, struct error *err)
{
    const struct weight_tensor *conv1 = weight_file_find(file, "conv1.weight"),
                               *bias = weight_file_find(file, "fc.bias");
    if (!conv1 || !bias)
        return error_set(err, ERR_DATA, "%s: is no ResNet", weight_file_path(file));
    struct resnet_shape shape = {.arch = "resnet", .bottleneck = true, .width = (size_t)conv1->shape[0]};
    for (int i = 0; i < 4; i++)
        shape.blocks[i] = count_blocks(file, i + 1);

    struct net *net;
    enum status status = resnet_create_shape(&net, &shape, (size_t)bias->shape[0], err);
    if (status != OK)
        return status;
    for (size_t i = 0; i < net->params_count && status == OK; i++)
        status = load_param(&net->params[i], file, err);
    if (status == OK)
        *out = net;
    else
        net_destroy(net);
    return status;
}

/* ---- results ----------------------------------------------------------------------------------------------------- */

/* A new row of zeros; NULL, with *err filled, without memory. */
static struct parity_row *add_row(struct parity_result *result, const char *prefix, const char *name, size_t rank,
                                  const size_t *shape, struct error *err)
{
    void *rows = result->rows, *values;
    if (memory_grow(&rows, &result->capacity, result->count + 1, sizeof *result->rows, "results", err) != OK)
        return NULL;
    result->rows = rows;
    struct parity_row *row = &result->rows[result->count];
    *row = (struct parity_row){.rank = rank, .count = 1};
    snprintf(row->name, sizeof row->name, "%s%s", prefix, name);
    for (size_t i = 0; i < rank; i++) {
        row->shape[i] = shape[i];
        row->count *= shape[i];
    }
    if (memory_alloc(&values, row->count, sizeof(float), "a result", err) != OK)
        return NULL;
    row->values = values;
    result->count++;
    return row;
}

static enum status add_param(struct parity_result *result, const char *prefix, const struct param *param,
                             const float *buffer, struct error *err)
{
    struct parity_row *row = add_row(result, prefix, param->name, param->rank, param->shape, err);
    if (!row)
        return ERR_SYSTEM;
    param_buffer_to_torch(row->values, param, buffer);
    return OK;
}

static bool is_statistic(const struct param *param)
{
    return param->role == PARAM_RUNNING_MEAN || param->role == PARAM_RUNNING_VAR;
}

/* Running statistics, and trained parameters too when asked. */
static enum status add_params(struct parity_result *result, const char *prefix, const struct net *net, bool trained,
                              struct error *err)
{
    enum status status = OK;
    for (size_t i = 0; i < net->params_count && status == OK; i++) {
        const struct param *param = &net->params[i];
        if (is_statistic(param) || (trained && param->trainable))
            status = add_param(result, prefix, param, param->data, err);
    }
    return status;
}

void parity_result_free(struct parity_result *result)
{
    for (size_t i = 0; i < result->count; i++)
        memory_free(result->rows[i].values);
    memory_free(result->rows);
    *result = (struct parity_result){0};
}

/* ---- the run ----------------------------------------------------------------------------------------------------- */

struct session {
    struct parity_result *result;
    struct net *net;
    const struct parity_batches *batches;
    const struct parity_options *options;
    struct pool *pool;
    struct stage stage;
    struct optimizer *optimizer;
    struct gradients *gradients; /* with pieces, */
    struct bn_sync sync;         /* and these */
    struct share share;
    float *dlogits;
    size_t step;
    enum status sink_status;
    struct error *err;
};

static void take_gradient(void *context, size_t param, const float *gradient)
{
    struct session *s = context;
    if (s->step == 0 && s->sink_status == OK)
        s->sink_status = add_param(s->result, "grad/", &s->net->params[param], gradient, s->err);
    if (s->optimizer)
        optimizer_update(s->optimizer, param, gradient, s->options->lr);
}

/* With pieces: a gradient is complete when those of all of them are there. */
static void add_gradient(void *context, size_t param, const float *gradient)
{
    struct session *s = context;
    gradients_add(s->gradients, param, gradient);
}

static void give_sums(struct session *s)
{
    if (s->sink_status == OK)
        s->sink_status = gradients_sum(s->gradients, s->err);
    for (size_t i = s->net->params_count; i-- > 0;)
        if (gradients_get(s->gradients, i))
            take_gradient(s, i, gradients_get(s->gradients, i));
}

static enum status prepare_pieces(struct session *s)
{
    size_t pieces = s->options->pieces;
    s->share = (struct share){.peers = &peers_alone, .pieces = pieces, .end = pieces};
    bn_sync_free(&s->sync);
    enum status status = bn_sync_create(&s->sync, &peers_alone, s->stage.plan, pieces, s->err);
    if (status != OK)
        return status;
    if (s->gradients)
        return gradients_add_trainable(s->gradients, s->err);
    return gradients_create(&s->gradients, s->net, s->pool, &peers_alone, pieces, s->err);
}

static enum status check_labels(const struct session *s)
{
    size_t classes = net_classes(s->net);
    for (size_t i = 0; i < s->batches->steps * s->batches->images; i++)
        if (s->batches->labels[i] < 0 || (size_t)s->batches->labels[i] >= classes)
            return error_set(s->err, ERR_DATA, "label %d: the network has %zu classes", (int)s->batches->labels[i],
                             classes);
    return OK;
}

/* The stage of the current step, in the place of another. */
static enum status enter_stage(struct session *s)
{
    const struct parity_options *options = s->options;
    struct plan_options plan = {.batch = s->batches->images,
                                .height = s->batches->height,
                                .width = s->batches->width,
                                .freeze = options->freeze,
                                .conv = options->conv,
                                .precision = options->precision,
                                .threads = options->threads};
    plan.freeze.until = unfreezing_until(&options->unfreezing, options->freeze.until, s->step);
    if (s->stage.plan && s->stage.plan->options.freeze.until == plan.freeze.until)
        return OK;
    stage_free(&s->stage);
    enum status status = stage_plan(&s->stage, s->net, &plan, plan.batch, s->err);
    if (status == OK && s->optimizer)
        status = optimizer_add_trainable(s->optimizer, s->err);
    if (status == OK)
        status = stage_prepare(&s->stage, &imagenet, s->pool, s->err);
    return status == OK && options->pieces > 0 ? prepare_pieces(s) : status;
}

static enum status prepare(struct session *s)
{
    const struct parity_options *options = s->options;
    void *dlogits;
    enum status status = check_labels(s);
    if (status == OK)
        status = pool_create(&s->pool, options->threads, s->err);
    if (status == OK)
        status = enter_stage(s);
    if (status == OK && options->optimize)
        status = optimizer_create(&s->optimizer, s->net, &options->optimizer, s->pool, s->err);
    if (status == OK && options->optimize)
        rates_apply(&options->rates, s->net, s->optimizer);
    if (status == OK)
        status = memory_alloc(&dlogits, s->batches->images * net_classes(s->net), sizeof(float), "gradients", s->err);
    if (status == OK)
        s->dlogits = dlogits;
    return status;
}

static enum status write_gates(const struct session *s)
{
    char path[4096];
    if (!s->options->gates)
        return OK;
    if (snprintf(path, sizeof path, "%s.%zu", s->options->gates, s->step) >= (int)sizeof path)
        return error_set(s->err, ERR_USAGE, "%s: too long", s->options->gates);
    return gates_write(path, s->stage.exec, s->err);
}

/* Batch s->step: forward, loss, backward and, with an optimizer, the update. */
static enum status one_batch(struct session *s, float *loss_out)
{
    enum status status;
    size_t images = s->batches->images, classes = net_classes(s->net);
    size_t pixels = images * s->batches->height * s->batches->width * 3, batch = s->step % s->batches->steps;
    if (s->options->pieces > 0) {
        gradients_begin(s->gradients, s->options->pieces, false);
        bn_sync_begin(&s->sync, s->stage.exec, &s->share, images);
    }
    const float *logits = exec_forward_pixels(s->stage.exec, s->batches->pixels + batch * pixels, images);
    *loss_out = (float)cross_entropy(s->dlogits, logits, s->batches->labels + batch * images, images, classes);
    if (s->step == 0) {
        struct parity_row *row = add_row(s->result, "", "logits", 2, (size_t[]){images, classes}, s->err);
        if (!row)
            return ERR_SYSTEM;
        memcpy(row->values, logits, images * classes * sizeof *logits);
        row = add_row(s->result, "", "loss", 1, (size_t[]){1}, s->err);
        if (!row)
            return ERR_SYSTEM;
        row->values[0] = *loss_out;
        status = add_params(s->result, "stat/", s->net, false, s->err);
        if (status != OK)
            return status;
    }
    status = write_gates(s);
    if (status != OK)
        return status;
    exec_backward(s->stage.exec, s->dlogits, s->options->pieces > 0 ? add_gradient : take_gradient, s);
    if (s->options->pieces > 0) {
        bn_sync_end(&s->sync, s->stage.exec);
        give_sums(s);
    }
    return s->sink_status;
}

static enum status all_batches(struct session *s)
{
    size_t steps = s->options->steps ? s->options->steps : s->batches->steps;
    if (!s->options->optimize)
        steps = 1;
    void *losses;
    enum status status = memory_alloc(&losses, steps, sizeof(float), "losses", s->err);
    if (status != OK)
        return status;
    for (s->step = 0; s->step < steps && status == OK; s->step++) {
        status = enter_stage(s);
        if (status == OK)
            status = one_batch(s, (float *)losses + s->step);
    }
    if (status == OK && s->options->optimize) {
        struct parity_row *row = add_row(s->result, "", "losses", 1, &steps, s->err);
        if (row)
            memcpy(row->values, losses, steps * sizeof(float));
        status = row ? add_params(s->result, "after/", s->net, true, s->err) : ERR_SYSTEM;
    }
    memory_free(losses);
    return status;
}

enum status parity_run(struct parity_result *result, struct net *net, const struct parity_batches *batches,
                       const struct parity_options *options, struct error *err)
{
    struct session s = {.result = result, .net = net, .batches = batches, .options = options, .err = err};
    enum status status = prepare(&s);
    if (status == OK)
        status = all_batches(&s);
    memory_free(s.dlogits);
    gradients_destroy(s.gradients);
    bn_sync_free(&s.sync);
    optimizer_destroy(s.optimizer);
    stage_free(&s.stage);
    pool_destroy(s.pool);
    return status;
}
