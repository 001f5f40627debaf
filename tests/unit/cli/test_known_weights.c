#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "cli/model/known_weights.h"
#include "tests/support/own_folder.h"
#include "tests/support/test_files.h"

/* The sum of "abc". */
static const struct known_weights table[] = {
    {"cb8379ac2098aa165029e3938a51da0bcecfc008fd6795f401178647f96c5b34", 300},
    {"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", 232},
    {"88d4266f", 233}, /* of "abcd": no more of it is published */
    {.sha256 = NULL},
};

static int resize_of(const char *name, const char *content)
{
    struct preprocess preprocess = preprocess_imagenet(), before = preprocess;
    const char *path = test_path(folder, name);
    test_write(path, content, strlen(content));
    bool known;
    assert_int_equal(known_weights_preprocess(&preprocess, &known, path, table, NULL), OK);
    assert_int_equal(known, preprocess.resize != before.resize);
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
    assert_int_equal(resize_of("resnet101-88d4266f.pth", "abcd"), 233);
    assert_int_equal(resize_of("resnet101-88d4266f.pth", "abce"), 256);
    assert_int_equal(resize_of("resnet101.pth", "abcd"), 256);
}

static void what_cannot_be_read_is_said(void **state)
{
    (void)state;
    struct preprocess preprocess = preprocess_imagenet();
    bool known;
    assert_int_equal(known_weights_preprocess(&preprocess, &known, test_path(folder, "no-ba7816bf.pth"), table, NULL),
                     ERR_NOINPUT);
    assert_int_equal(known_weights_preprocess(&preprocess, &known, test_path(folder, "no.pth"), table, NULL), OK);
}

/* torch.hub names its files by the sum, so the table's first digits are part of a published name. */
static void torchvision_is_known(void **state)
{
    (void)state;
    static const struct {
        const char *digits;
        int resize;
    } published[] = {{"f37072fd", 256}, {"b627a593", 256}, {"0676ba61", 256}, {"11ad3fa6", 232},
                     {"63fe2227", 256}, {"cd907fc2", 232}, {"394f9c45", 256}, {"f82ba261", 232}};
    size_t found = 0;
    for (const struct known_weights *known = known_weights; known->sha256; known++) {
        size_t length = strlen(known->sha256);
        assert_true(length == 64 || length == 8);
        assert_int_equal(strspn(known->sha256, "0123456789abcdef"), length);
        for (size_t i = 0; i < sizeof published / sizeof *published; i++) {
            if (strncmp(known->sha256, published[i].digits, 8) != 0)
                continue;
            assert_int_equal(known->resize, published[i].resize);
            found++;
        }
    }
    assert_int_equal(found, sizeof published / sizeof *published);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(name_and_sum_must_both_be_right),
        cmocka_unit_test(what_cannot_be_read_is_said),
        cmocka_unit_test(torchvision_is_known),
    };
    return cmocka_run_group_tests_name("known_weights", tests, folder_setup, folder_teardown);
}
