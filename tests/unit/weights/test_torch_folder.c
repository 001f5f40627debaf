/* An unpacked .pth: a folder with data.pkl and data/KEY. What is in it is read as the archive is; nothing outside it is
 * opened, whatever its pickle says. */
#define _GNU_SOURCE
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/hostile_pickle.h"
#include "tests/support/own_folder.h"
#include "tests/support/weight_sample.h"
#include "weights/weight_file.h"

static int make_archive(void **state)
{
    if (folder_setup(state) != 0)
        return -1;
    return mkdir(sample_path("a"), 0777) || mkdir(sample_path("a/data"), 0777);
}

/* {"w": ...} of the tensor in a storage of that key. */
static void write_pickle(const char *key, int64_t values)
{
    struct tensor_sample tensor = {"FloatStorage", key, values, 0, 2, {2, 3}, {3, 1}};
    struct bytes pickle = {0};
    pickle_start(&pickle);
    pickle_text(&pickle, "w");
    pickle_tensor(&pickle, &tensor, false);
    pickle_stop(&pickle);
    sample_write(sample_path("a/data.pkl"), pickle.data, pickle.length);
    bytes_free(&pickle);
}

static const float floats[] = {0, 1, 2, 3, 4, 5, 6};

static void write_good(void)
{
    write_pickle("0", 6);
    sample_write(sample_path("a/data/0"), floats, 6 * sizeof *floats);
    sample_write(sample_path("a/byteorder"), "little", 6);
    sample_write(sample_path("a/version"), "3\n", 2);
}

static void assert_read(const char *path)
{
    struct weight_file *file;
    struct error err = {0};
    float found[6];
    if (weight_file_open(&file, path, &err) != OK)
        fail_msg("%s", err.text);
    assert_int_equal(weight_file_count(file), 1);
    assert_int_equal(weight_tensor_read_f32(found, weight_file_at(file, 0), file, &err), OK);
    assert_memory_equal(found, floats, sizeof found);
    weight_tensor_drop(weight_file_at(file, 0), file);
    assert_int_equal(weight_tensor_fetch(weight_file_at(file, 0), file, &err), OK); /* the file is opened again */
    assert_memory_equal(weight_file_at(file, 0)->data, floats, sizeof found);
    weight_file_close(file);
}

static void assert_refused(const char *wanted)
{
    struct weight_file *file;
    struct error err = {0};
    assert_int_equal(weight_file_open(&file, sample_path("a/data.pkl"), &err), ERR_DATA);
    if (!strstr(err.text, wanted))
        fail_msg("'%s' does not say '%s'", err.text, wanted);
}

static void an_unpacked_archive_is_read(void **state)
{
    (void)state;
    write_good();
    assert_read(sample_path("a"));
    assert_read(sample_path("a/data.pkl"));
    assert_read(sample_path(""));                            /* where it was unpacked */
    assert_int_equal(unlink(sample_path("a/byteorder")), 0); /* before PyTorch 2.1 */
    assert_read(sample_path("a"));
}

static struct hash128 hash_of(const char *path)
{
    struct weight_file *file;
    assert_int_equal(weight_file_open(&file, path, NULL), OK);
    struct hash128 hash;
    assert_int_equal(weight_file_hash(&hash, file, NULL), OK);
    weight_file_close(file);
    return hash;
}

/* Its files are opened for each reading, so that hundreds of them need no descriptor each: another one is noticed. */
static void a_storage_that_is_replaced_is_noticed(void **state)
{
    (void)state;
    struct weight_file *file;
    struct error err = {0};
    write_good();
    assert_int_equal(weight_file_open(&file, sample_path("a"), &err), OK);
    assert_int_equal(unlink(sample_path("a/data/0")), 0);
    sample_write(sample_path("a/data/0"), floats + 1, 6 * sizeof *floats);
    assert_int_equal(weight_tensor_fetch(weight_file_at(file, 0), file, &err), ERR_IO);
    assert_non_null(strstr(err.text, "a/data/0: was changed while it was read"));
    weight_file_close(file);
}

/* --resume notices other weights by it. */
static void the_hash_is_of_all_files(void **state)
{
    (void)state;
    write_good();
    struct hash128 before = hash_of(sample_path("a")), again = hash_of(sample_path("a"));
    assert_memory_equal(&before, &again, sizeof before);
    sample_write(sample_path("a/data/0"), floats + 1, 6 * sizeof *floats);
    struct hash128 after = hash_of(sample_path("a"));
    assert_memory_not_equal(&before, &after, sizeof before);
}

static void keys_do_not_lead_out_of_the_folder(void **state)
{
    (void)state;
    static const char *const keys[] = {
        "../data/0",   "../../b",
        "/etc/passwd", "./0",
        "0/",          ".",
        "..",          "a\nb",
        "0 ",          "0000000000000000000000000000000000000000000000000000000000000000"};
    write_good();
    sample_write(sample_path("b"), floats, 6 * sizeof *floats);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        write_pickle(keys[i], 6);
        assert_refused("the key of a storage is not a plain name");
    }
}

static void links_are_refused(void **state)
{
    (void)state;
    write_good();
    sample_write(sample_path("b"), floats, 6 * sizeof *floats);
    assert_int_equal(unlink(sample_path("a/data/0")), 0);
    assert_int_equal(symlink(sample_path("b"), sample_path("a/data/0")), 0);
    assert_refused("the data of a storage, data/0, is not a file in the folder");
    assert_int_equal(unlink(sample_path("a/data/0")), 0);
    assert_int_equal(mkfifo(sample_path("a/data/0"), 0600), 0);
    assert_refused("is not a file in the folder");
    assert_int_equal(unlink(sample_path("a/data/0")), 0);
    assert_refused("is not a file in the folder");
    assert_int_equal(rmdir(sample_path("a/data")), 0);
    assert_int_equal(symlink(sample_path(""), sample_path("a/data")), 0);
    write_pickle("b", 6);
    assert_refused("not a file of torch.save");
}

static void sizes_and_neighbours_are_checked(void **state)
{
    (void)state;
    write_good();
    sample_write(sample_path("a/data/0"), floats, 5 * sizeof *floats);
    assert_refused("a/data/0: truncated: 20 bytes, expected 24");
    sample_write(sample_path("a/data/0"), floats, 7 * sizeof *floats);
    assert_refused("a/data/0: byte 24: the storage ends here, but the file goes on for 4 bytes");
    sample_write(sample_path("a/data/0"), floats, 0);
    assert_refused("a/data/0: truncated: 0 bytes");
    write_good();
    sample_write(sample_path("a/byteorder"), "big", 3);
    assert_refused("the byte order is not 'little'");
    write_good();
    sample_write(sample_path("a/constants.pkl"), "", 0);
    assert_refused("an unpacked TorchScript archive");
    assert_int_equal(unlink(sample_path("a/constants.pkl")), 0);
    uint8_t pickle[4096];
    size_t size = sample_read(pickle, sizeof pickle, sample_path("a/data.pkl"));
    sample_write(sample_path("a/data.pkl"), pickle, size - 1);
    assert_refused("without its STOP");
    pickle[size] = '.';
    sample_write(sample_path("a/data.pkl"), pickle, size + 1);
    assert_refused("1 bytes behind the end of the pickle");
}

#define IN_AN_ARCHIVE(test) cmocka_unit_test_setup_teardown(test, make_archive, folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_AN_ARCHIVE(an_unpacked_archive_is_read), IN_AN_ARCHIVE(a_storage_that_is_replaced_is_noticed),
        IN_AN_ARCHIVE(the_hash_is_of_all_files),    IN_AN_ARCHIVE(keys_do_not_lead_out_of_the_folder),
        IN_AN_ARCHIVE(links_are_refused),           IN_AN_ARCHIVE(sizes_and_neighbours_are_checked),
    };
    return cmocka_run_group_tests_name("unpacked archives", tests, NULL, NULL);
}
