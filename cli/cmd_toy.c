/* freezetune toy: the small example of the PyTorch recipe, with the network, freeze, optimizer and weight-file code
 * that train uses for a ResNet-50. Every stage says what should hold, and checks it. */
#define _GNU_SOURCE
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/shell/wrap.h"
#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/base/rng.h"
#include "core/base/threads.h"
#include "core/net/freeze.h"
#include "core/net/init.h"
#include "core/net/exec.h"
#include "core/ops/loss.h"
#include "core/train/optimizer.h"
#include "models/mlp.h"
#include "weights/bind.h"
#include "weights/weight_file.h"

enum { INPUTS = 10, HIDDEN = 5, SAMPLES = 64 };

static const double SGD_LR = 0.05, ADAM_LR = 0.01;

struct values {
    long long seed, steps, threads;
    const char *out;
};

static const struct option options[] = {
    OPTION_ROW("Options", OPTION_INT, "seed", struct values, seed, .placeholder = "N", .initial = "0", .high = 9e15,
               .help = "seed the weights and the data"),
    OPTION_ROW("Options", OPTION_INT, "steps", struct values, steps, .placeholder = "N", .initial = "100", .low = 1,
               .high = 1e6, .help = "take N optimizer steps in each stage"),
    OPTION_ROW("Options", OPTION_STRING, "out", struct values, out, .placeholder = "FILE", .shown = "a temporary file",
               .help = "save the network of stage 2 to this file"),
    OPTION_ROW("Options", OPTION_INT, "threads", struct values, threads, .placeholder = "N", .initial = "1", .low = 1,
               .high = POOL_THREADS_MOST, .help = "use N threads"),
};

struct toy {
    const struct values *values;
    struct pool *pool;
    struct net *net;
    float x[SAMPLES * INPUTS], y[SAMPLES];
    float *before; /* a copy of all parameters */
    double loss;   /* of the last step */
    bool broken;   /* something that should hold did not */
};

/* ---- pieces ------------------------------------------------------------------------------------------------------ */

static enum status make_net(struct net **out, uint64_t seed, struct error *err)
{
    static const size_t sizes[] = {INPUTS, HIDDEN, HIDDEN, 1};
    enum status status = mlp_create(out, sizes, 3, err);
    if (status == OK)
        net_init(*out, seed);
    return status;
}

/* Standard normal inputs and targets, as torch.randn. */
static void make_data(struct toy *toy)
{
    struct rng rng = rng_stream((uint64_t)toy->values->seed, RNG_TOY, 0, 0);
    for (size_t i = 0; i < SAMPLES * INPUTS; i++)
        toy->x[i] = (float)rng_normal(&rng);
    for (size_t i = 0; i < SAMPLES; i++)
        toy->y[i] = (float)rng_normal(&rng);
}

struct sink {
    struct optimizer *optimizer;
    double lr;
};

static void take_gradient(void *context, size_t param, const float *gradient)
{
    const struct sink *sink = context;
    optimizer_update(sink->optimizer, param, gradient, sink->lr);
}

/* Steps of an optimizer on the mean squared error over all samples.
 * Plans again, because the set of trainable parameters may have changed. */
static enum status train(struct toy *toy, struct optimizer *optimizer, double lr, struct error *err)
{
    const struct plan_options plan_options = {
        .train = true, .batch = SAMPLES, .height = 1, .width = 1, .threads = pool_threads(toy->pool)};
    struct sink sink = {optimizer, lr};
    struct plan *plan = NULL;
    struct exec *exec = NULL;
    float dy[SAMPLES];
    enum status status = plan_create(&plan, toy->net, &plan_options, err);
    if (status == OK)
        status = exec_create(&exec, plan, NULL, toy->pool, NULL, err);
    double first = 0;
    for (long long step = 0; status == OK && step < toy->values->steps; step++) {
        const float *y = exec_forward(exec, toy->x, SAMPLES);
        toy->loss = mean_squared_error(dy, y, toy->y, SAMPLES);
        first = step == 0 ? toy->loss : first;
        exec_backward(exec, dy, take_gradient, &sink);
    }
    if (status == OK)
        printf("  mean squared error %.4f -> %.4f\n", first, toy->loss);
    exec_destroy(exec);
    plan_destroy(plan);
    return status;
}

static void remember(struct toy *toy)
{
    float *to = toy->before;
    for (size_t i = 0; i < toy->net->params_count; i++) {
        const struct param *param = &toy->net->params[i];
        memcpy(to, param->data, param->count * sizeof(float));
        to += param->count;
    }
}

/* How many values of the child, or of the others, are no longer those of remember(), bit by bit. */
static size_t changed_values(const struct toy *toy, const struct net *net, int child, bool others)
{
    const float *before = toy->before;
    size_t changed = 0;
    for (size_t i = 0; i < net->params_count; i++) {
        const struct param *param = &net->params[i];
        for (size_t j = 0; (param->child == child) != others && j < param->count; j++)
            changed += memcmp(&before[j], &param->data[j], sizeof(float)) != 0;
        before += param->count;
    }
    return changed;
}

/* "  ok      fc2 is unchanged": what should hold, and whether it does. */
static void expect(struct toy *toy, bool holds, const char *format, ...) PRINTF_LIKE(3, 4);
static void expect(struct toy *toy, bool holds, const char *format, ...)
{
    va_list list;
    struct lines lines;
    FILE *out = lines_start(&lines, stdout);
    fprintf(out, "  %s", holds ? "ok      " : "FAILED  ");
    va_start(list, format);
    vfprintf(out, format, list);
    va_end(list);
    putc('\n', out);
    lines_end(&lines);
    toy->broken |= !holds;
}

static void print_fc2(const struct toy *toy, const char *when)
{
    const struct param *weight = &toy->net->params[net_param_find(toy->net, "fc2.weight")];
    say(stdout, "  fc2.weight %s", when);
    for (size_t row = 0; row < HIDDEN; row++) {
        fputs("   ", stdout);
        for (size_t column = 0; column < HIDDEN; column++)
            printf(" %8.4f", (double)weight->data[row * HIDDEN + column]);
        putchar('\n');
    }
}

/* ---- stages ------------------------------------------------------------------------------------------------------ */

static enum status stage_train(struct toy *toy, struct error *err)
{
    const struct optimizer_options sgd = optimizer_defaults(OPTIMIZER_SGD);
    struct optimizer *optimizer = NULL;
    say(stdout, "1. train: %lld steps of SGD on the mean squared error", toy->values->steps);
    print_fc2(toy, "before");
    remember(toy);
    enum status status = optimizer_create(&optimizer, toy->net, &sgd, toy->pool, err);
    if (status == OK)
        status = train(toy, optimizer, SGD_LR, err);
    optimizer_destroy(optimizer);
    if (status != OK)
        return status;
    print_fc2(toy, "after");
    expect(toy, isfinite(toy->loss), "the loss is finite");
    expect(toy, changed_values(toy, toy->net, 2, false) > 0, "fc2 has changed");
    expect(toy, changed_values(toy, toy->net, 2, true) > 0, "so have the others");
    return OK;
}

static enum status save_and_load(struct toy *toy, const char *path, struct error *err)
{
    static const struct weights_rules rules = {0};
    static const struct weight_metadata metadata[] = {{"format", "pt"}};
    struct weight_file *file = NULL;
    struct net *loaded = NULL;
    enum status status = weights_save(path, toy->net, metadata, 1, err);
    if (status == OK)
        status = weight_file_open(&file, path, err);
    if (status == OK)
        status = make_net(&loaded, (uint64_t)toy->values->seed + 1, err);
    if (status == OK) {
        remember(toy);
        expect(toy, changed_values(toy, loaded, 0, true) > 0, "a new network has other weights");
        status = weights_load(loaded, file, &rules, NULL, err);
        if (status == OK)
            expect(toy, changed_values(toy, loaded, 0, true) == 0, "with the file loaded it is the same, bit by bit");
    }
    if (status == OK) { /* what follows goes on with the loaded one */
        net_destroy(toy->net);
        toy->net = loaded;
        loaded = NULL;
    }
    net_destroy(loaded);
    weight_file_close(file);
    return status;
}

static enum status stage_save(struct toy *toy, struct error *err)
{
    if (toy->values->out) {
        char path[PATH_SHOWN];
        say(stdout, "2. save to %s, load into a new network", path_shown(path, toy->values->out, stdout));
        struct stat info;
        if (stat(toy->values->out, &info) == 0 && !S_ISREG(info.st_mode)) /* it is read again */
            return error_set(err, ERR_CANTCREATE, "%s: is not a regular file", toy->values->out);
        return save_and_load(toy, toy->values->out, err);
    }
    const char *root = getenv("TMPDIR");
    char *folder = NULL, *path = NULL;
    say(stdout, "2. save to a file, load it into a new network");
    enum status status = path_join(&folder, root && root[0] ? root : "/tmp", "freezetune-toy.XXXXXX", err);
    if (status != OK)
        return status;
    if (mkdtemp(folder)) {
        status = path_join(&path, folder, "toy.safetensors", err);
        if (status == OK) {
            status = save_and_load(toy, path, err);
            unlink(path);
        }
        rmdir(folder);
    } else {
        status = error_set(err, ERR_CANTCREATE, "%s: cannot be created; use --out FILE or set TMPDIR", folder);
    }
    memory_free(path);
    memory_free(folder);
    return status;
}

static enum status stage_freeze(struct toy *toy, struct optimizer **adam, struct error *err)
{
    const struct optimizer_options options_adam = optimizer_defaults(OPTIMIZER_ADAM);
    say(stdout, "3. freeze fc2: %lld steps of Adam on the rest", toy->values->steps);
    freeze_child(toy->net, 2, true);
    remember(toy);
    enum status status = optimizer_create(adam, toy->net, &options_adam, toy->pool, err);
    if (status == OK)
        status = train(toy, *adam, ADAM_LR, err);
    if (status != OK)
        return status;
    expect(toy, changed_values(toy, toy->net, 2, false) == 0, "fc2 is unchanged, bit by bit");
    expect(toy, changed_values(toy, toy->net, 2, true) > 0, "the others have changed");
    return OK;
}

static enum status stage_unfreeze(struct toy *toy, struct optimizer *adam, struct error *err)
{
    say(stdout, "4. unfreeze fc2, add it to the same optimizer: %lld more steps", toy->values->steps);
    freeze_child(toy->net, 2, false);
    remember(toy);
    enum status status = optimizer_add_trainable(adam, err);
    if (status == OK)
        status = train(toy, adam, ADAM_LR, err);
    if (status != OK)
        return status;
    print_fc2(toy, "after");
    expect(toy, changed_values(toy, toy->net, 2, false) > 0, "fc2 has changed");
    for (size_t i = 0; i < optimizer_state_count(adam); i++) {
        struct optimizer_state state = optimizer_state_get(adam, i);
        const struct param *param = &toy->net->params[state.param];
        long long wanted = param->child == 2 ? toy->values->steps : 2 * toy->values->steps;
        if (param->role == PARAM_WEIGHT)
            expect(toy, *state.steps == wanted, "Adam has done %lld steps on %s", (long long)*state.steps, param->name);
    }
    return OK;
}

static enum status run(const struct arguments *args, struct error *err)
{
    struct toy toy = {.values = args->values};
    struct optimizer *adam = NULL;
    void *before = NULL;
    enum status status = pool_create(&toy.pool, (size_t)toy.values->threads, err);
    if (status == OK)
        status = make_net(&toy.net, (uint64_t)toy.values->seed, err);
    if (status == OK)
        status = memory_alloc(&before, net_floats(toy.net), sizeof(float), "the toy", err);
    toy.before = before;
    if (status == OK) {
        make_data(&toy);
        say(stdout, "a %d-%d-%d-1 network, %d samples of random data, seed %lld", INPUTS, HIDDEN, HIDDEN, SAMPLES,
            toy.values->seed);
        status = stage_train(&toy, err);
    }
    if (status == OK)
        status = stage_save(&toy, err);
    if (status == OK)
        status = stage_freeze(&toy, &adam, err);
    if (status == OK)
        status = stage_unfreeze(&toy, adam, err);
    if (status == OK && toy.broken)
        status = error_set(err, ERR_PROMISE, "a check failed: see FAILED above");
    else if (status == OK)
        puts("all checks passed");
    optimizer_destroy(adam);
    memory_free(before);
    net_destroy(toy.net);
    pool_destroy(toy.pool);
    return status;
}

const struct command cmd_toy = {
    .name = "toy",
    .summary = "walk through training on a tiny network: train, save, load, freeze, unfreeze",
    .usage = "[options]",
    .description =
        "Shows on a network of 91 values, with the same code, how train works on a ResNet-50: SGD, saving and loading, "
        "a frozen layer that Adam leaves alone, and the same layer unfrozen and added to the optimizer. States for "
        "each stage what should hold and checks it.",
    .examples = "  freezetune toy\n"
                "  freezetune toy --seed 7 --out toy.safetensors\n",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .values_size = sizeof(struct values),
    .run = run,
};
