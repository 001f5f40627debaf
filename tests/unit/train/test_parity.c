/* Training against PyTorch on a small ResNet: logits, loss, every gradient, running statistics and ten steps, for every
 * freeze point and both kinds of BatchNorm, from the committed fixtures: a batch at once, and in pieces with the
 * statistics of the whole batch (--bn-sync), for which PyTorch's step on the whole batch is the definition. The same
 * code as tests/tools/parity_dump.c, which does it live with real weights (scripts/parity/compare_live.py). */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "core/base/memory.h"
#include "tests/support/compare.h"
#include "tests/support/fixture.h"
#include "tests/support/parity.h"

#define FOLDER "tests/fixtures/parity/"

/* Measured against PyTorch's float64, AVX-512 and OpenBLAS 0.3.21: gradients at most 5.3e-6 (PyTorch's own
 * float32 5.5e-6), ten steps 3.5e-6 (5.0e-6). Far below what any wrong term makes, and ten times above rounding. A run
 * whose rounding moves an input of a ReLU to the other side of 0 can be off by more; the fixtures' README.md says how
 * near the nearest is. */
#define TOLERANCE_GRADIENTS 5e-5
#define TOLERANCE_STEPS 5e-5

static struct parity_batches batches;
static struct fixture *inputs;
static uint8_t *pixels;
static int32_t *labels;

struct run_setup {
    const char *name; /* of its rows in the fixture */
    struct freeze freeze;
    struct optimizer_options optimizer;
    double lr;
    struct child_rates rates;
    struct unfreezing unfreezing;
    size_t steps;
};

/* The cases of scripts/parity/make_fixtures.py. */
static const struct run_setup one_batch[] = {
    {.name = "f0_eval_batch", .freeze = {0, BN_EVAL, BN_BATCH}},
    {.name = "f0_eval_eval", .freeze = {0, BN_EVAL, BN_EVAL}},
    {.name = "f5_eval_batch", .freeze = {5, BN_EVAL, BN_BATCH}},
    {.name = "f5_batch_eval", .freeze = {5, BN_BATCH, BN_EVAL}},
    {.name = "f6_eval_batch", .freeze = {6, BN_EVAL, BN_BATCH}},
    {.name = "f6_eval_eval", .freeze = {6, BN_EVAL, BN_EVAL}},
    {.name = "f6_batch_batch", .freeze = {6, BN_BATCH, BN_BATCH}},
    {.name = "f6_batch_eval", .freeze = {6, BN_BATCH, BN_EVAL}},
    {.name = "f7_eval_batch", .freeze = {7, BN_EVAL, BN_BATCH}},
    {.name = "f7_batch_eval", .freeze = {7, BN_BATCH, BN_EVAL}},
    {.name = "f8_eval_batch", .freeze = {8, BN_EVAL, BN_BATCH}},
    {.name = "f8_batch_batch", .freeze = {8, BN_BATCH, BN_BATCH}},
    {.name = "f9_batch_eval", .freeze = {9, BN_BATCH, BN_EVAL}},
};

static const struct run_setup ten_steps[] = {
    {.name = "sgd",
     .freeze = {0, BN_EVAL, BN_BATCH},
     .optimizer = {.kind = OPTIMIZER_SGD, .momentum = 0.9, .weight_decay = 0.1},
     .lr = 0.0005},
    {.name = "sgd_recipe",
     .freeze = {6, BN_BATCH, BN_BATCH},
     .optimizer = {.kind = OPTIMIZER_SGD, .momentum = 0.9},
     .lr = 0.01},
    {.name = "sgd_nesterov",
     .freeze = {8, BN_EVAL, BN_BATCH},
     .optimizer = {.kind = OPTIMIZER_SGD, .momentum = 0.9, .nesterov = true},
     .lr = 0.05},
    {.name = "adam", .freeze = {6, BN_EVAL, BN_BATCH}, .optimizer = {.kind = OPTIMIZER_ADAM}, .lr = 0.002},
    {.name = "adamw",
     .freeze = {7, BN_EVAL, BN_EVAL},
     .optimizer = {.kind = OPTIMIZER_ADAMW, .weight_decay = 0.05},
     .lr = 0.002},
};

/* Those of UNFREEZING there. */
static const struct run_setup twenty_steps[] = {
    {.name = "sgd",
     .freeze = {8, BN_EVAL, BN_BATCH},
     .optimizer = {.kind = OPTIMIZER_SGD, .momentum = 0.9, .nesterov = true, .weight_decay = 0.01},
     .lr = 0.008,
     .rates = {0.5, 3},
     .unfreezing = {2, {{6, 6}, {13, 4}}},
     .steps = 20},
    {.name = "adamw",
     .freeze = {9, BN_BATCH, BN_EVAL},
     .optimizer = {.kind = OPTIMIZER_ADAMW, .weight_decay = 0.05},
     .lr = 0.002,
     .rates = {0.3, 2},
     .unfreezing = {1, {{7, 7}}},
     .steps = 20},
};

/* Runs one training and compares every row that the fixture has of it; *compared counts them. */
static void compare_training(struct fixture *fixture, const struct run_setup *training, bool optimize,
                             enum conv_engine engine, size_t threads, size_t pieces, double tolerance, size_t *compared)
{
    struct error err = {0};
    struct weight_file *file;
    struct net *net;
    struct parity_result result = {0};
    struct comparison comparison = {0};
    struct optimizer_options defaults = optimizer_defaults(training->optimizer.kind), optimizer = training->optimizer;
    optimizer.beta1 = defaults.beta1;
    optimizer.beta2 = defaults.beta2;
    optimizer.eps = defaults.eps;
    struct parity_options options = {.freeze = training->freeze,
                                     .optimize = optimize,
                                     .optimizer = optimizer,
                                     .lr = training->lr,
                                     .rates = training->rates,
                                     .unfreezing = training->unfreezing,
                                     .steps = training->steps,
                                     .conv = engine,
                                     .threads = threads,
                                     .pieces = pieces};
    if (weight_file_open(&file, FOLDER "small_weights.safetensors", &err) != OK ||
        parity_net_create(&net, file, &err) != OK || parity_run(&result, net, &batches, &options, &err) != OK)
        fail_msg("%s: %s", training->name, err.text);

    for (size_t i = 0; i < result.count; i++) {
        const struct parity_row *row = &result.rows[i];
        /* The ten-step file does not repeat the first batch's rows. */
        if (optimize && strcmp(row->name, "losses") != 0 && strncmp(row->name, "after/", 6) != 0)
            continue;
        struct fixture_tensor wanted = fixture_get(fixture, "%s/%s", training->name, row->name);
        compare_tensor(&comparison, row->name, row->values, row->count, wanted.values, wanted.count, tolerance);
    }
    print_message("# %s, %s, %zu threads, %zu pieces: %zu tensors, worst %.1e (%s)\n", training->name,
                  conv_engine_names[engine], threads, pieces, comparison.tensors, comparison.worst,
                  comparison.worst_name);
    if (!compare_passed(&comparison))
        fail_msg("%s: %zu tensors differ, first %s", training->name, comparison.failures, comparison.first_fault);
    *compared += comparison.tensors;
    parity_result_free(&result);
    net_destroy(net);
    weight_file_close(file);
}

/* Every tensor of the fixture must have been looked at: none is left over, none counted twice. */
static void compare_all(const char *path, const struct run_setup *trainings, size_t count, bool optimize, size_t pieces,
                        double tolerance)
{
    struct fixture *fixture = fixture_open(path);
    for (int engine = 0; conv_engine_names[engine]; engine++) {
        size_t compared = 0, threads = engine == CONV_EXACT ? 1 : 3;
        for (size_t i = 0; i < count; i++)
            compare_training(fixture, &trainings[i], optimize, (enum conv_engine)engine, threads, pieces, tolerance,
                             &compared);
        assert_int_equal(compared, fixture_count(fixture));
    }
    fixture_close(fixture);
}

static void gradients_of_one_batch(void **state)
{
    (void)state;
    compare_all(FOLDER "small_gradients.safetensors", one_batch, sizeof one_batch / sizeof *one_batch, false, 0,
                TOLERANCE_GRADIENTS);
}

static void ten_steps_of_every_optimizer(void **state)
{
    (void)state;
    compare_all(FOLDER "small_ten_steps.safetensors", ten_steps, sizeof ten_steps / sizeof *ten_steps, true, 0,
                TOLERANCE_STEPS);
}

/* The freeze point goes down twice, each child has its own rate: torch.optim's parameter groups and add_param_group. */
static void unfreezing_is_add_param_group(void **state)
{
    (void)state;
    compare_all(FOLDER "small_unfreezing.safetensors", twenty_steps, sizeof twenty_steps / sizeof *twenty_steps, true,
                0, TOLERANCE_STEPS);
}

/* The last cuts a batch into photos. */
static void pieces_with_the_statistics_of_the_batch(void **state)
{
    (void)state;
    const size_t cuts[] = {1, 2, batches.images};
    for (size_t c = 0; c < sizeof cuts / sizeof *cuts; c++) {
        compare_all(FOLDER "small_gradients.safetensors", one_batch, sizeof one_batch / sizeof *one_batch, false,
                    cuts[c], TOLERANCE_GRADIENTS);
        compare_all(FOLDER "small_ten_steps.safetensors", ten_steps, sizeof ten_steps / sizeof *ten_steps, true,
                    cuts[c], TOLERANCE_STEPS);
    }
    compare_all(FOLDER "small_unfreezing.safetensors", twenty_steps, sizeof twenty_steps / sizeof *twenty_steps, true,
                2, TOLERANCE_STEPS);
}

static int setup(void **state)
{
    (void)state;
    struct error err;
    void *bytes, *numbers;
    inputs = fixture_open(FOLDER "small_batches.safetensors");
    struct fixture_tensor p = fixture_get(inputs, "pixels"), l = fixture_get(inputs, "labels");
    if (memory_alloc(&bytes, p.count, 1, "pixels", &err) != OK ||
        memory_alloc(&numbers, l.count, sizeof(int32_t), "labels", &err) != OK)
        return -1;
    pixels = bytes;
    labels = numbers;
    for (size_t i = 0; i < p.count; i++)
        pixels[i] = (uint8_t)p.values[i];
    for (size_t i = 0; i < l.count; i++)
        labels[i] = (int32_t)l.values[i];
    batches = (struct parity_batches){.steps = p.shape[0],
                                      .images = p.shape[1],
                                      .height = p.shape[2],
                                      .width = p.shape[3],
                                      .pixels = pixels,
                                      .labels = labels};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    memory_free(pixels);
    memory_free(labels);
    fixture_close(inputs);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_of_one_batch),
        cmocka_unit_test(ten_steps_of_every_optimizer),
        cmocka_unit_test(unfreezing_is_add_param_group),
        cmocka_unit_test(pieces_with_the_statistics_of_the_batch),
    };
    return cmocka_run_group_tests_name("parity of training", tests, setup, teardown);
}
