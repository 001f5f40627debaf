/* Weights and photos, with every allocation and every call about files failing once (tests/faults/scenario.h). */
#include "tests/support/test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/base/outfile.h"
#include "core/base/outfolder.h"
#include "core/data/image.h"
#include "core/data/loader.h"
#include "core/data/scan.h"
#include "tests/faults/faults.h"
#include "tests/faults/scenario.h"
#include "tests/support/hostile_pickle.h"
#include "tests/support/test_files.h"
#include "weights/bind.h"

static enum status load(struct error *err)
{
    struct weight_file *file = NULL;
    struct net *net = NULL;
    const struct weights_rules rules = {0};
    enum status status = weight_file_open(&file, test_path(scenario_folder, "weights.safetensors"), err);
    if (status == OK)
        status = resnet_create_shape(&net, &scenario_shape, 2, err);
    if (status == OK)
        status = weights_load(net, file, &rules, NULL, err);
    for (size_t i = 0; status == OK && i < net->params_count; i++)
        if (net->params[i].count)
            assert_memory_equal(net->params[i].data, scenario_weights->params[i].data,
                                net->params[i].count * sizeof(float));
    net_destroy(net);
    weight_file_close(file);
    return status;
}

static void loading_weights(void **state)
{
    (void)state;
    scenario_fail_all(&(struct scenario){.run = load, .allocates = true, .uses_files = true});
}

/* Of a folder as a trainer leaves it: the file that is called the best, or a failure; never the other one. */
static enum status search(struct error *err)
{
    struct weight_file *file = NULL;
    enum status status = weight_file_open(&file, test_path(scenario_folder, "trainer"), err);
    if (status == OK)
        assert_string_equal(strrchr(weight_file_path(file), '/'), "/best.ckpt");
    weight_file_close(file);
    return status;
}

static void searching_a_folder(void **state)
{
    (void)state;
    size_t size;
    uint8_t *bytes = test_read(test_path(scenario_folder, "weights.safetensors"), &size);
    test_write(test_path(scenario_folder, "trainer/version_0/checkpoints/best.ckpt"), bytes, size);
    test_write(test_path(scenario_folder, "trainer/version_0/checkpoints/last.ckpt"), "other", 5);
    memory_free(bytes);
    scenario_fail_all(&(struct scenario){.run = search, .allocates = true, .uses_files = true});
}

/* {"w": six values} unpacked: a pickle and a storage. */
static enum status read_unpacked(struct error *err)
{
    static const float values[] = {0, 1, 2, 3, 4, 5};
    struct weight_file *file = NULL;
    enum status status = weight_file_open(&file, test_path(scenario_folder, "unpacked"), err);
    if (status == OK)
        status = weight_tensor_fetch(weight_file_at(file, 0), file, err);
    if (status == OK)
        assert_memory_equal(weight_file_at(file, 0)->data, values, sizeof values);
    weight_file_close(file);
    return status;
}

static void reading_an_unpacked_archive(void **state)
{
    (void)state;
    static const float values[] = {0, 1, 2, 3, 4, 5};
    struct bytes pickle = {0};
    pickle_start(&pickle);
    pickle_text(&pickle, "w");
    pickle_tensor(&pickle, &tensor_plain, false);
    pickle_stop(&pickle);
    test_write(test_path(scenario_folder, "unpacked/data.pkl"), pickle.data, pickle.length);
    test_write(test_path(scenario_folder, "unpacked/data/0"), values, sizeof values);
    test_write(test_path(scenario_folder, "unpacked/byteorder"), "little", 6);
    bytes_free(&pickle);
    scenario_fail_all(&(struct scenario){.run = read_unpacked, .allocates = true, .uses_files = true});
}

/* Over a former file, which stays until the new one is whole. */
static void put_former(void)
{
    test_write(test_path(scenario_folder, "out/model.safetensors"), "former", 6);
}

/* A folder appears whole or not at all; an empty one stays until then. */
static void clear_folder(void)
{
    const char *const names[] = {"made/whole/a", "made/whole/b", "made/whole"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        remove(test_path(scenario_folder, names[i]));
    mkdir(test_path(scenario_folder, "made"), 0777);
}

static void prepare_empty_folder(void)
{
    clear_folder();
    assert_int_equal(mkdir(test_path(scenario_folder, "made/whole"), 0777), 0);
}

static enum status write_one(const struct outfolder *folder, const char *name, struct error *err)
{
    struct outfile file;
    enum status status = outfile_open_in(&file, folder->temporary, name, err);
    if (status == OK)
        fputs(name, file.stream);
    return status == OK ? outfile_end(&file, OK, err) : status;
}

static enum status make_folder(struct error *err)
{
    struct outfolder folder = {0};
    enum status status = outfolder_open(&folder, test_path(scenario_folder, "made/whole/"), err);
    if (status == OK)
        status = write_one(&folder, "a", err);
    if (status == OK)
        status = write_one(&folder, "b", err);
    status = outfolder_end(&folder, status, err);
    if (status != OK && err)
        assert_null(strstr(err->text, ".part")); /* of the temporary folder: nobody finds it any more */
    return status;
}

static void check_folder(enum status status, size_t otherwise)
{
    const char *made = test_path(scenario_folder, "made");
    /* Where the folder above alone could not be synced, the new one is there and whole. */
    if (status != OK && scenario_entries(made) == 3 && scenario_entries(test_path(scenario_folder, "made/whole")) == 4)
        return;
    assert_int_equal(scenario_entries(made), status == OK ? 3 : otherwise); /* ., .. and the folder */
    if (status == OK || otherwise == 3)
        assert_int_equal(scenario_entries(test_path(scenario_folder, "made/whole")), status == OK ? 4 : 2);
}

static void check_new_folder(enum status status)
{
    check_folder(status, 2);
}

static void check_replaced_folder(enum status status)
{
    check_folder(status, 3);
}

static void making_a_folder(void **state)
{
    (void)state;
    scenario_fail_all(&(struct scenario){
        .prepare = clear_folder, .run = make_folder, .check = check_new_folder, .allocates = true, .uses_files = true});
    scenario_fail_all(&(struct scenario){.prepare = prepare_empty_folder,
                                         .run = make_folder,
                                         .check = check_replaced_folder,
                                         .allocates = true,
                                         .uses_files = true});
    clear_folder();
}

static enum status save(struct error *err)
{
    return weights_save(test_path(scenario_folder, "out/model.safetensors"), scenario_weights, NULL, 0, err);
}

static void check_saved(enum status status)
{
    assert_int_equal(scenario_entries(test_path(scenario_folder, "out")), 3); /* ., .. and the file */
    if (status == OK ||
        !scenario_is_former(
            "out/model.safetensors")) /* where the folder alone could not be synced, the new file is whole */
        scenario_assert_same("out/model.safetensors", "weights.safetensors");
}

static void saving_a_model(void **state)
{
    (void)state;
    scenario_fail_all(&(struct scenario){
        .prepare = put_former, .run = save, .check = check_saved, .allocates = true, .uses_files = true});
}

/* The photos of the scenario, listed and scanned. Pool and dataset are the caller's to close, also after a failure. */
static enum status open_photos(struct dataset *dataset, struct pool **pool, struct scan_report *scan, struct error *err)
{
    enum status status = dataset_open(dataset, test_path(scenario_folder, "data"), 0, 1, err);
    if (status != OK) {
        *dataset = (struct dataset){0};
        return status;
    }
    status = pool_create(pool, 2, err);
    return status == OK ? scan_dataset(scan, dataset, NULL, *pool, err) : status;
}

/* A listing that lost a file without a word would be worse than none. */
static enum status list_photos(struct error *err)
{
    struct dataset dataset;
    struct scan_report scan;
    struct pool *pool = NULL;
    enum status status = open_photos(&dataset, &pool, &scan, err);
    if (status == OK) {
        assert_int_equal(dataset.train.count, 2 * SCENARIO_PHOTOS);
        assert_int_equal(dataset.val.count, 2);
        assert_in_range(scan.bad_count, 0, 1); /* the one whose file could not be read */
        scan_report_free(&scan);
    }
    pool_destroy(pool);
    dataset_close(&dataset);
    return status;
}

static void listing_and_scanning_photos(void **state)
{
    (void)state;
    scenario_fail_all(&(struct scenario){.run = list_photos, .allocates = true, .uses_files = true});
}

static const char *photo_name_now;

static enum status decode(struct error *err)
{
    char path[256];
    struct image image;
    struct image_cost cost;
    snprintf(path, sizeof path, "tests/fixtures/photos/%s", photo_name_now);
    enum status status = image_probe(path, NULL, &cost, err);
    if (status == OK)
        status = image_read(&image, path, NULL, err);
    if (status == OK)
        image_free(&image);
    return status;
}

static void decoding_a_photo(void **state)
{
    (void)state;
    static const char *const names[] = {"exif6.jpg", "progressive.jpg", "rgb.png", "palette_alpha.png", "rgb.bmp"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        photo_name_now = names[i];
        scenario_fail_all(&(struct scenario){.run = decode, .allocates = true, .uses_files = true});
    }
}

/* A photo that could not be read is counted as bad; none is missing. */
static enum status load_photos(struct error *err)
{
    struct loader_options options = {
        .threads = 2, .batch = 4, .ahead = 5, .preprocess = preprocess_for_size(SCENARIO_SIDE)};
    struct photo_list list;
    struct class_names classes;
    struct loader *loader = NULL;
    const struct photo_batch *batch;
    size_t good = 0;
    enum status status = folder_list(&list, &classes, test_path(scenario_folder, "data/train"), NULL, NULL, err);
    if (status != OK)
        return status;
    status = loader_create(&loader, &list, &options, err);
    if (status == OK) {
        loader_start(loader, NULL, list.count, 0, 0, AUGMENT_STANDARD);
        while ((status = loader_next(loader, &batch, err)) == OK && batch)
            good += batch->count;
    }
    if (status == OK)
        assert_int_equal(good + loader_bad_count(loader), 2 * SCENARIO_PHOTOS);
    loader_destroy(loader);
    photo_list_free(&list);
    class_names_free(&classes);
    return status;
}

static void loading_photos(void **state)
{
    (void)state;
    scenario_fail_all(&(struct scenario){.run = load_photos, .allocates = true, .uses_files = true});
}

/* Calls first..first+count-1 fail with this errno: what image_probe and image_read of a photo then say. */
static enum status look_at_photo(long first, long count, int error, struct error *err)
{
    struct image_cost cost;
    struct image image;
    const char *path = test_path(scenario_folder, "data/val/ants/x.bmp");
    char kept[1024];
    snprintf(kept, sizeof kept, "%s", path);
    faults_arm_many(FAULT_FILES, first, count, error);
    enum status status = image_probe(kept, NULL, &cost, err);
    faults_disarm();
    faults_arm_many(FAULT_FILES, first, count, error);
    enum status read = image_read(&image, kept, NULL, status == OK ? err : NULL);
    faults_disarm();
    if (read == OK)
        image_free(&image);
    assert_int_equal(read, status);
    return status;
}

/* What passes is waited for; what stays is about the file, or about the system that has nothing left. Each of open,
 * fstat and read is the first that fails. */
static void passing_troubles_are_waited_for(void **state)
{
    (void)state;
    static const struct {
        int error;
        long count;
        enum status open, later; /* what is said when open fails; when fstat or read fail */
    } cases[] = {{EINTR, 50, OK, OK},
                 {EMFILE, 3, OK, OK},
                 {ENOMEM, 3, OK, OK},
                 {EIO, 3, OK, OK},
                 {ESTALE, 2, OK, OK},
                 {EAGAIN, 3, OK, OK},
                 {EIO, 100, ERR_IO, ERR_IO},
                 {ESTALE, 100, ERR_IO, ERR_IO},
                 {ENOENT, 1, ERR_NOINPUT, ERR_IO},
                 {EACCES, 1, ERR_NOINPUT, ERR_IO},
                 {EMFILE, 100, ERR_SYSTEM, ERR_SYSTEM},
                 {ENFILE, 100, ERR_SYSTEM, ERR_SYSTEM},
                 {ENOMEM, 100, ERR_SYSTEM, ERR_SYSTEM}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (long first = 1; first <= 3; first++) {
            struct error err = {0};
            enum status wanted = first == 1 ? cases[i].open : cases[i].later;
            enum status status = look_at_photo(first, cases[i].count, cases[i].error, &err);
            if (status != wanted)
                fail_msg("%s from call %ld: status %d, not %d: %s", strerror(cases[i].error), first, status, wanted,
                         err.text);
            if (status != OK)
                assert_non_null(strstr(err.text, strerror(cases[i].error)));
        }
    }
}

/* Without descriptors no photo is to blame: the loader says so, and none is on its list. */
static void a_system_without_descriptors_is_no_bad_photo(void **state)
{
    (void)state;
    struct loader_options options = {
        .threads = 2, .batch = 4, .ahead = 5, .preprocess = preprocess_for_size(SCENARIO_SIDE)};
    struct photo_list list;
    struct class_names classes;
    struct loader *loader;
    const struct photo_batch *batch;
    struct error err = {0};
    assert_int_equal(folder_list(&list, &classes, test_path(scenario_folder, "data/train"), NULL, NULL, &err), OK);
    assert_int_equal(loader_create(&loader, &list, &options, &err), OK);
    faults_arm_many(FAULT_FILES, 1, 1000, EMFILE);
    loader_start(loader, NULL, list.count, 0, 0, AUGMENT_NONE);
    assert_int_equal(loader_next(loader, &batch, &err), ERR_SYSTEM);
    faults_disarm();
    assert_non_null(strstr(err.text, "data/train/"));
    assert_non_null(strstr(err.text, "Too many open files"));
    assert_int_equal(loader_bad_count(loader), 0);
    loader_start(loader, NULL, list.count, 0, 0, AUGMENT_NONE);
    assert_int_equal(loader_next(loader, &batch, &err), OK);
    assert_int_equal(batch->count, 4);
    loader_destroy(loader);
    photo_list_free(&list);
    class_names_free(&classes);
}

/* Lists, looks at and loads all photos; how many were left out. */
static enum status take_all_photos(size_t *left_out, struct error *err)
{
    struct dataset dataset;
    struct scan_report scan;
    struct pool *pool = NULL;
    struct loader *loader = NULL;
    const struct photo_batch *batch;
    struct loader_options options = {
        .threads = 2, .batch = 4, .ahead = 5, .preprocess = preprocess_for_size(SCENARIO_SIDE)};
    enum status status = open_photos(&dataset, &pool, &scan, err);
    if (status == OK) {
        *left_out = scan.bad_count;
        scan_report_free(&scan);
        status = loader_create(&loader, &dataset.train, &options, err);
    }
    if (status == OK) {
        loader_start(loader, NULL, dataset.train.count, 0, 0, AUGMENT_STANDARD);
        while ((status = loader_next(loader, &batch, err)) == OK && batch)
            ;
        *left_out += loader_bad_count(loader);
        assert_int_equal(dataset.train.count, 2 * SCENARIO_PHOTOS);
        assert_int_equal(dataset.val.count, 2);
    }
    loader_destroy(loader);
    pool_destroy(pool);
    dataset_close(&dataset);
    return status;
}

/* Each call fails once, and twice in a row, with what passes: nothing is left out, and no answer is another one. */
static void passing_troubles_are_tried_again(void **state)
{
    (void)state;
    static const int errors[] = {EMFILE, ENFILE, ENOMEM, EIO, ESTALE, EINTR, EAGAIN};
    struct error err;
    size_t left_out;
    faults_arm(FAULT_FILES, 0);
    assert_int_equal(take_all_photos(&left_out, &err), OK);
    long calls = faults_disarm();
    assert_true(calls > 100);
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        for (long n = 1; n <= calls; n++) {
            faults_arm_many(FAULT_FILES, n, 1 + n % 2, errors[i]);
            enum status status = take_all_photos(&left_out, &err);
            faults_disarm();
            if (status != OK || left_out > 0)
                fail_msg("call %ld: %s: %zu left out, status %d: %s", n, strerror(errors[i]), left_out, (int)status,
                         status == OK ? "" : err.text);
        }
}

/* What does not pass: 71 where it is about this system, 74 where it is about a disk or a share. */
static void lasting_troubles_have_their_code(void **state)
{
    (void)state;
    static const struct {
        int error;
        enum status expected;
    } rows[] = {{EMFILE, ERR_SYSTEM}, {ENFILE, ERR_SYSTEM}, {ENOMEM, ERR_SYSTEM}, {EIO, ERR_IO},
                {ESTALE, ERR_IO},     {EAGAIN, ERR_IO},     {ENOENT, ERR_NOINPUT}};
    struct error err;
    uint8_t *bytes;
    size_t left_out, size;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        faults_arm_many(FAULT_FILES, 1, 1000000, rows[i].error);
        enum status listed = take_all_photos(&left_out, &err);
        enum status read = file_read(&bytes, &size, test_path(scenario_folder, "former"), 100, &err);
        faults_disarm();
        assert_int_equal(listed, rows[i].expected);
        assert_int_equal(read, rows[i].expected);
    }
}

/* Of as many bytes as are allowed, of one more, and of fewer than the system says that there are (files of /sys). */
static void whole_files_up_to_a_limit_are_read(void **state)
{
    (void)state;
    uint8_t *bytes;
    size_t size;
    struct error err;
    const char *path = test_path(scenario_folder, "limit");
    test_write(path, "0123456789", 10);
    assert_int_equal(file_read(&bytes, &size, path, 10, &err), OK);
    assert_int_equal(size, 10);
    memory_free(bytes);
    assert_int_equal(file_read(&bytes, &size, path, 9, &err), ERR_DATA);
    assert_non_null(strstr(err.text, "10 bytes, more than the 9 that are read"));
    assert_int_equal(unlink(path), 0);
    path = "/sys/devices/system/cpu/online";
    if (access(path, R_OK) == 0) {
        assert_int_equal(file_read(&bytes, &size, path, 1 << 20, &err), ERR_IO);
        assert_non_null(strstr(err.text, "shrank while it was read"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loading_weights),
        cmocka_unit_test(making_a_folder),
        cmocka_unit_test(searching_a_folder),
        cmocka_unit_test(reading_an_unpacked_archive),
        cmocka_unit_test(saving_a_model),
        cmocka_unit_test(listing_and_scanning_photos),
        cmocka_unit_test(decoding_a_photo),
        cmocka_unit_test(loading_photos),
        cmocka_unit_test(whole_files_up_to_a_limit_are_read),
        cmocka_unit_test(passing_troubles_are_tried_again),
        cmocka_unit_test(lasting_troubles_have_their_code),
        cmocka_unit_test(passing_troubles_are_waited_for),
        cmocka_unit_test(a_system_without_descriptors_is_no_bad_photo),
    };
    return cmocka_run_group_tests_name("faults in files", tests, scenario_setup, scenario_teardown);
}
