/* The freeze proof at the end of a run: the network and its best model against what was loaded. */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "cli/run/run_setup.h"
#include "core/base/hash.h"
#include "core/base/memory.h"
#include "core/net/init.h"
#include "tests/support/own_folder.h"
#include "tests/support/small_run.h"
#include "tests/support/test_files.h"

static char weights[300], best[300];

static int make_photos(void **state)
{
    folder_setup(state);
    small_run_photos(folder);
    snprintf(weights, sizeof weights, "%s/weights.safetensors", folder);
    snprintf(best, sizeof best, "%s/best.safetensors", folder);
    return 0;
}

/* Lowest bit of a value of a child that is frozen, or trained. */
static void flip(const struct net *net, const char *name)
{
    *(unsigned char *)net->params[net_param_find(net, name)].data ^= 1;
}

static void save(const struct net *net, const char *path)
{
    struct error err;
    if (weights_save(path, net, NULL, 0, &err) != OK)
        fail_msg("%s", err.text);
}

static void load(struct run_setup *t, const struct train_values *values, const struct small_run *run)
{
    struct hash128 hash = {0};
    struct error err;
    save(run->net, weights);
    *t = (struct run_setup){.values = values, .net = run->net, .train = run->train, .weights = weights};
    if (weight_file_open(&t->file, weights, &err) != OK ||
        weights_remember(&t->loaded, run->net, t->file, &err) != OK || weight_file_hash(&hash, t->file, &err) != OK)
        fail_msg("%s", err.text);
    hash_hex(t->weights_hash, hash);
}

/* What changes `name` after loading, where: in the network, in the best model, in the weight file. */
static const struct {
    const char *name;
    bool net, best, file;
    enum status expected;
} cases[] = {
    {"conv1.weight", false, false, false, OK},
    {"fc.weight", true, false, true, OK}, /* is trained */
    {"conv1.weight", true, true, false, ERR_PROMISE},
    {"conv1.weight", true, true, true, ERR_PROMISE}, /* a file that agrees now is no witness */
    {"conv1.weight", false, true, false, ERR_PROMISE},
    {"conv1.weight", true, false, false, ERR_PROMISE},
    {"conv1.weight", false, false, true, OK}, /* and one that disagrees now is none either */
    {"layer2.0.bn1.running_var", true, true, false, ERR_PROMISE},
};

static void what_was_loaded_is_compared_with_the_network_and_its_best_model(void **state)
{
    (void)state;
    static const struct train_values values;
    const struct train_options options = small_run_options();
    struct small_run run;
    small_run_open(&run, folder, &options);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct run_setup setup;
        struct run_proof proof;
        struct error err = {0};
        load(&setup, &values, &run);
        save(run.net, best);
        flip(run.net, cases[i].name);
        if (cases[i].best)
            save(run.net, best);
        if (cases[i].file)
            save(run.net, weights);
        if (!cases[i].net)
            flip(run.net, cases[i].name);
        enum status status = run_prove(&proof, &setup, best, &err);
        if (status != cases[i].expected)
            fail_msg("case %zu: status %d: %s", i, status, err.text);
        if (status == OK) {
            assert_int_equal(proof.weights_changed, cases[i].file);
            assert_in_range(proof.frozen.tensors, 20, run.net->params_count - 1);
        } else {
            assert_non_null(strstr(err.text, cases[i].name));
        }
        if (cases[i].net)
            flip(run.net, cases[i].name);
        weight_file_close(setup.file);
        memory_free(setup.loaded);
    }
    small_run_close(&run);
}

/* Weights that were drawn come from no file: they are drawn once more. A network that was frozen and has moved together
 * with its best model is found by that alone. */
static void weights_that_were_drawn_are_drawn_again(void **state)
{
    (void)state;
    static const struct train_values values = {.seed = 5};
    static const char *const names[] = {NULL, "fc.weight", "conv1.weight", "layer1.0.bn1.running_var"};
    const struct train_options options = small_run_options();
    struct small_run run;
    small_run_open(&run, folder, &options);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct run_setup setup = {.values = &values, .net = run.net, .train = run.train};
        struct run_proof proof;
        struct error err = {0};
        net_init(run.net, (uint64_t)values.seed);
        if (names[i])
            flip(run.net, names[i]);
        save(run.net, best);
        enum status status = run_prove(&proof, &setup, best, &err);
        if (status != (i < 2 ? OK : ERR_PROMISE))
            fail_msg("case %zu: status %d: %s", i, status, err.text);
        if (status != OK)
            assert_non_null(strstr(err.text, names[i]));
    }
    small_run_close(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_loaded_is_compared_with_the_network_and_its_best_model),
        cmocka_unit_test(weights_that_were_drawn_are_drawn_again),
    };
    return cmocka_run_group_tests_name("training proof", tests, make_photos, folder_teardown);
}
