/* What a run writes, against the sizes of tensors; and the arithmetic of several runs after each other. */
#include "tests/support/test.h"

#include <string.h>

#include "cli/run/run_disk.h"
#include "models/resnet.h"
#include "tests/support/test_files.h"

static const struct resnet_shape shape = {"tiny", true, {1, 1, 1, 1}, 8};

static struct run_disk disk_of(enum optimizer_kind optimizer, double momentum, int until, double ema, size_t epochs)
{
    struct photo photos[4] = {{0}};
    const struct dataset dataset = {.train = {.photos = photos, .count = 4}, .val = {.photos = photos, .count = 4}};
    struct train_options options = {.optimizer = optimizer_defaults(optimizer),
                                    .freeze = {.until = until, .bn_trained = BN_BATCH},
                                    .recipe = {.ema = ema},
                                    .schedule = {.epochs = epochs},
                                    .loader = {.batch = 2},
                                    .usable = 4};
    struct net *net;
    struct error err;
    options.optimizer.momentum = momentum;
    assert_int_equal(resnet_create_shape(&net, &shape, 2, &err), OK);
    struct run_disk disk = run_disk_of(net, &dataset, &options);
    net_destroy(net);
    return disk;
}

static size_t trained(int until)
{
    struct net *net;
    struct error err;
    const struct freeze freeze = {.until = until};
    size_t values = 0;
    assert_int_equal(resnet_create_shape(&net, &shape, 2, &err), OK);
    freeze_apply(net, &freeze);
    for (size_t i = 0; i < net->params_count; i++)
        values += net->params[i].trainable ? net->params[i].count : 0;
    net_destroy(net);
    return values;
}

static void files_are_as_large_as_their_tensors(void **state)
{
    (void)state;
    struct run_disk plain = disk_of(OPTIMIZER_SGD, 0, 6, 0, 1);
    struct run_disk momentum = disk_of(OPTIMIZER_SGD, 0.9, 6, 0, 1);
    struct run_disk adam = disk_of(OPTIMIZER_ADAM, 0, 6, 0, 1);
    struct run_disk all = disk_of(OPTIMIZER_ADAM, 0, 0, 0, 1);
    assert_true(momentum.best == plain.best && all.best == plain.best);
    /* Up to eight bytes a tensor for the counts of steps. */
    size_t values = trained(6) * sizeof(float), slack = 8 * 200;
    assert_true(momentum.last - plain.last >= values && momentum.last - plain.last <= values + slack);
    assert_true(adam.last - plain.last >= 2 * values && adam.last - plain.last <= 2 * values + slack);
    size_t more = 2 * (trained(0) - trained(6)) * sizeof(float);
    assert_true(all.last - adam.last >= more && all.last - adam.last <= more + slack);
    assert_true(disk_of(OPTIMIZER_SGD, 0.9, 6, 0.9, 1).last >= momentum.last + values);
    /* Logs grow with the steps. */
    assert_true(disk_of(OPTIMIZER_SGD, 0.9, 6, 0, 100000).rest > 100000 * 2 * 100);
}

static void a_file_is_there_twice_while_it_is_replaced(void **state)
{
    (void)state;
    struct run_disk disk = {.best = 100, .last = 180, .rest = 5};
    assert_int_equal(run_disk_over(&disk, 1), 105);
    assert_int_equal(run_disk_most(&disk, 1), 100 + 180 + 180 + 5);
    assert_int_equal(run_disk_over(&disk, 6), 6 * 105);
    assert_int_equal(run_disk_most(&disk, 6), 5 * 105 + 465);
    disk.keep_last = true;
    assert_int_equal(run_disk_over(&disk, 6), 6 * 285);
    assert_int_equal(run_disk_most(&disk, 6), 5 * 285 + 465);
    /* What is there need not be free, but for the second copy of the largest. */
    assert_int_equal(run_disk_missing(&disk, 1, 0), 465);
    assert_int_equal(run_disk_missing(&disk, 1, 280), 185);
    assert_int_equal(run_disk_missing(&disk, 1, 300), 180);
    assert_int_equal(run_disk_missing(&disk, 1, 1000), 180);
}

static void a_disk_without_room_is_refused(void **state)
{
    (void)state;
    char folder[256];
    struct error err = {0};
    struct run_disk disk = {.best = 1000, .last = 1000, .rest = 10};
    test_folder_make(folder);
    assert_int_equal(run_disk_check(&disk, 1, test_path(folder, "not/yet/there"), &err), OK);
    disk.best = disk.last = (uint64_t)1 << 60;
    assert_int_equal(run_disk_check(&disk, 1, test_path(folder, "not/yet/there"), &err), ERR_CANTCREATE);
    assert_non_null(strstr(err.text, "not/yet/there: the run takes up to 3458765 TB more on this disk, and "));
    assert_non_null(strstr(err.text, " free: free "));
    /* Where nobody says how much there is, writing will tell. */
    assert_int_equal(run_disk_check(&disk, 1, "/proc/self/maps/x", &err), OK);
    test_folder_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_as_large_as_their_tensors),
        cmocka_unit_test(a_file_is_there_twice_while_it_is_replaced),
        cmocka_unit_test(a_disk_without_room_is_refused),
    };
    return cmocka_run_group_tests_name("disk of a run", tests, NULL, NULL);
}
