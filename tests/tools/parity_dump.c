/* parity_dump WEIGHTS BATCHES OUT [--freeze-until N] [--bn-frozen eval|batch] [--bn-trained batch|eval]
 *             [--optimizer sgd|adam|adamw --lr X [--momentum X] [--nesterov] [--weight-decay X]]
 *             [--conv fast|exact|im2col] [--precision f32|bf16]
 *             [--unfreeze-at STEP:N ...] [--lr-decay-by-child X] [--head-lr-mult X] [--threads N] [--gates FILE]
 *
 * Our side of scripts/parity/compare_live.py: what tests/support/parity.h keeps of a training, as safetensors. BATCHES
 * holds pixels U8 [S,N,H,W,3] and labels I64 [S,N]. --gates writes the choices of ReLU at step S to FILE.S
 * (tests/support/gates.h). */
#include <stdio.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/text.h"
#include "tests/support/parity.h"
#include "weights/safetensors/safetensors.h"

struct command {
    const char *weights, *batches, *out;
    struct parity_options options;
};

static bool parse_bn(enum bn_mode *out, const char *text)
{
    *out = strcmp(text, "batch") == 0 ? BN_BATCH : BN_EVAL;
    return *out == BN_BATCH || strcmp(text, "eval") == 0;
}

static bool parse_count(long long *out, const char *text, long long least)
{
    return text_to_long(out, text) && *out >= least && *out <= 1024;
}

static bool parse_optimizer(struct parity_options *options, const char *text)
{
    for (int i = 0; optimizer_names[i]; i++) {
        if (strcmp(optimizer_names[i], text) == 0) {
            options->optimize = true;
            options->optimizer = optimizer_defaults((enum optimizer_kind)i);
            return true;
        }
    }
    return false;
}

/* "7:6": from step 7 on (from 0) children 1..6 are frozen. In order, each below the one before. */
static bool parse_unfreeze(struct unfreezing *unfreezing, const char *text)
{
    unsigned step;
    int until, length = 0;
    if (sscanf(text, "%u:%d%n", &step, &until, &length) != 2 || text[length] || unfreezing->count == NET_CHILDREN)
        return false;
    unfreezing->steps[unfreezing->count++] = (struct unfreeze){step, until};
    return true;
}

static bool parse_precision(enum precision *out, const char *text)
{
    for (int i = 0; precision_names[i]; i++) {
        if (strcmp(precision_names[i], text) == 0) {
            *out = (enum precision)i;
            return true;
        }
    }
    return false;
}

static bool parse_conv(enum conv_engine *out, const char *text)
{
    for (int i = 0; conv_engine_names[i]; i++) {
        if (strcmp(conv_engine_names[i], text) == 0) {
            *out = (enum conv_engine)i;
            return true;
        }
    }
    return false;
}

/* One option with its value; the optimizer must come before what belongs to it. */
static bool parse_valued(struct parity_options *options, const char *name, const char *value)
{
    long long number;
    if (strcmp(name, "--freeze-until") == 0 && parse_count(&number, value, 0)) {
        options->freeze.until = (int)number;
        return true;
    }
    if (strcmp(name, "--threads") == 0 && parse_count(&number, value, 1)) {
        options->threads = (size_t)number;
        return true;
    }
    if (strcmp(name, "--gates") == 0) {
        options->gates = value;
        return true;
    }
    if (strcmp(name, "--bn-frozen") == 0)
        return parse_bn(&options->freeze.bn_frozen, value);
    if (strcmp(name, "--bn-trained") == 0)
        return parse_bn(&options->freeze.bn_trained, value);
    if (strcmp(name, "--conv") == 0)
        return parse_conv(&options->conv, value);
    if (strcmp(name, "--precision") == 0)
        return parse_precision(&options->precision, value);
    if (strcmp(name, "--optimizer") == 0)
        return parse_optimizer(options, value);
    if (strcmp(name, "--lr") == 0)
        return text_to_double(&options->lr, value);
    if (strcmp(name, "--unfreeze-at") == 0)
        return parse_unfreeze(&options->unfreezing, value);
    if (strcmp(name, "--lr-decay-by-child") == 0)
        return text_to_double(&options->rates.decay, value);
    if (strcmp(name, "--head-lr-mult") == 0)
        return text_to_double(&options->rates.head, value);
    if (strcmp(name, "--momentum") == 0)
        return text_to_double(&options->optimizer.momentum, value);
    if (strcmp(name, "--weight-decay") == 0)
        return text_to_double(&options->optimizer.weight_decay, value);
    return false;
}

static enum status parse(struct command *out, char **arguments, struct error *err)
{
    const char **places[] = {&out->weights, &out->batches, &out->out};
    size_t place = 0;
    for (; *arguments; arguments++) {
        if (strcmp(*arguments, "--nesterov") == 0) {
            out->options.optimizer.nesterov = true;
        } else if (strncmp(*arguments, "--", 2) == 0) {
            if (!arguments[1] || !parse_valued(&out->options, arguments[0], arguments[1]))
                return error_set(err, ERR_USAGE, "%s: unknown, or its value is wrong", *arguments);
            arguments++;
        } else if (place < 3) {
            *places[place++] = *arguments;
        } else {
            return error_set(err, ERR_USAGE, "%s: one argument too many", *arguments);
        }
    }
    return place == 3 ? OK : error_set(err, ERR_USAGE, "usage: parity_dump WEIGHTS BATCHES OUT [options]");
}

/* *labels is the caller's. The pixels stay in the file. */
static enum status read_batches(struct parity_batches *out, int32_t **labels, const struct weight_file *file,
                                struct error *err)
{
    const struct weight_tensor *p = weight_file_find(file, "pixels"), *l = weight_file_find(file, "labels");
    if (!p || !l || p->dtype != WEIGHT_U8 || l->dtype != WEIGHT_I64 || p->rank != 5 || l->rank != 2 ||
        p->shape[4] != 3 || p->shape[0] != l->shape[0] || p->shape[1] != l->shape[1])
        return error_set(err, ERR_DATA, "%s: wants pixels U8 [S,N,H,W,3] and labels I64 [S,N]", weight_file_path(file));
    void *memory;
    size_t count = weight_tensor_values(l);
    enum status status = memory_alloc(&memory, count, sizeof(int32_t), "labels", err);
    if (status != OK)
        return status;
    *labels = memory;
    status = weight_tensor_fetch(l, file, err);
    if (status == OK)
        status = weight_tensor_fetch(p, file, err);
    if (status != OK)
        return status;
    for (size_t i = 0; i < count; i++) {
        int64_t label;
        memcpy(&label, (const char *)l->data + i * sizeof label, sizeof label);
        (*labels)[i] = (int32_t)label;
    }
    *out = (struct parity_batches){.steps = (size_t)p->shape[0],
                                   .images = (size_t)p->shape[1],
                                   .height = (size_t)p->shape[2],
                                   .width = (size_t)p->shape[3],
                                   .pixels = p->data,
                                   .labels = *labels};
    return OK;
}

static enum status write_result(const char *path, const struct parity_result *result, struct error *err)
{
    void *memory;
    enum status status = memory_alloc(&memory, result->count, sizeof(struct weight_tensor), "the result", err);
    if (status != OK)
        return status;
    struct weight_tensor *tensors = memory;
    for (size_t i = 0; i < result->count; i++) {
        const struct parity_row *row = &result->rows[i];
        tensors[i] = (struct weight_tensor){.name = row->name,
                                            .dtype = WEIGHT_F32,
                                            .rank = (unsigned)row->rank,
                                            .data = row->values,
                                            .bytes = row->count * sizeof(float)};
        for (size_t d = 0; d < row->rank; d++)
            tensors[i].shape[d] = row->shape[d];
    }
    status = safetensors_write(path, tensors, result->count, NULL, 0, err);
    memory_free(tensors);
    return status;
}

static enum status run(char **arguments, struct error *err)
{
    struct command command = {.options = {.freeze = {0, BN_EVAL, BN_BATCH}, .threads = 1}};
    struct weight_file *weights = NULL, *inputs = NULL;
    struct net *net = NULL;
    struct parity_batches batches;
    struct parity_result result = {0};
    int32_t *labels = NULL;
    enum status status = parse(&command, arguments, err);
    if (status == OK)
        status = weight_file_open(&weights, command.weights, err);
    if (status == OK)
        status = weight_file_open(&inputs, command.batches, err);
    if (status == OK)
        status = read_batches(&batches, &labels, inputs, err);
    if (status == OK)
        status = parity_net_create(&net, weights, err);
    if (status == OK)
        status = parity_run(&result, net, &batches, &command.options, err);
    if (status == OK)
        status = write_result(command.out, &result, err);
    parity_result_free(&result);
    net_destroy(net);
    memory_free(labels);
    weight_file_close(inputs);
    weight_file_close(weights);
    return status;
}

int main(int argc, char **argv)
{
    struct error err = {0};
    (void)argc;
    enum status status = run(argv + 1, &err);
    if (status != OK)
        fprintf(stderr, "parity_dump: %s\n", err.text);
    return (int)status;
}
