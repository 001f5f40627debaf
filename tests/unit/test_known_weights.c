#define _DEFAULT_SOURCE
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "cli/known_weights.h"
#include "tests/support/test_files.h"

/* The sum of "abc". */
static const struct known_weights table[] = {
    {"cb8379ac2098aa165029e3938a51da0bcecfc008fd6795f401178647f96c5b34", 300},
    {"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", 232},
    {.sha256 = NULL},
};

static char folder[256];

static int enter(void **state)
{
    (void)state;
    test_folder_make(folder);
    return 0;
}

static int leave(void **state)
{
    (void)state;
    test_folder_remove(folder);
    return 0;
}

static int resize_of(const char *name, const char *content)
{
    struct preprocess preprocess = preprocess_imagenet(), before = preprocess;
    const char *path = test_path(folder, name);
    test_write(path, content, strlen(content));
    assert_int_equal(known_weights_preprocess(&preprocess, path, table, NULL), OK);
    before.resize = preprocess.resize;
    assert_memory_equal(&before, &preprocess, sizeof before);
    return preprocess.resize;
}

static void name_and_sum_must_both_be_right(void **state)
{
    (void)state;
    assert_int_equal(resize_of("resnet50-ba7816bf.pth", "abc"), 232);
    assert_int_equal(resize_of("x-ba7816bf.safetensors", "abc"), 232);
    assert_int_equal(resize_of("resnet50-ba7816bf.pth", "abd"), 256);
    assert_int_equal(resize_of("resnet50.pth", "abc"), 256);
    assert_int_equal(resize_of("resnet50ba7816bf.pth", "abc"), 256);
    assert_int_equal(resize_of("a-ba7816bf.folder/resnet50.pth", "abc"), 256);
    assert_int_equal(resize_of("resnet50-cb8379ac.pth", "abc"), 256);
}

static void what_cannot_be_read_is_said(void **state)
{
    (void)state;
    struct preprocess preprocess = preprocess_imagenet();
    assert_int_equal(known_weights_preprocess(&preprocess, test_path(folder, "no-ba7816bf.pth"), table, NULL),
                     ERR_NOINPUT);
    assert_int_equal(known_weights_preprocess(&preprocess, test_path(folder, "no.pth"), table, NULL), OK);
}

/* torch.hub names its files by the sum, so the table's first digits are part of a published name. */
static void torchvision_v2_is_known(void **state)
{
    (void)state;
    assert_memory_equal(known_weights[0].sha256, "11ad3fa6", 8);
    assert_int_equal(strlen(known_weights[0].sha256), 64);
    assert_int_equal(known_weights[0].resize, 232);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(name_and_sum_must_both_be_right),
        cmocka_unit_test(what_cannot_be_read_is_said),
        cmocka_unit_test(torchvision_v2_is_known),
    };
    return cmocka_run_group_tests_name("known_weights", tests, enter, leave);
}
