/* Names of the pictures of predict --cam, and which class a photo has. */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "cli/report/cam_folder.h"

static char *names[] = {"ants", "bees", "a/../b", "\xd8\xb9\xd9\x84\xd9\x85", "<img src=x>\n", NULL};
static const struct class_names classes = {names, 5};

static void expect(const char *want, const char *path, size_t class, size_t truth)
{
    char name[CAM_NAME];
    cam_file_name(name, &classes, path, 12, 4, class, truth);
    assert_string_equal(name, want);
}

static void names_say_photo_and_class(void **state)
{
    (void)state;
    expect("0012_IMG_17_bees.jpg", "data/val/IMG_17.JPG", 1, SIZE_MAX);
    expect("0012_a.b_bees_true_ants.jpg", "a.b.png", 1, 0);
    expect("0012_.hidden_bees.jpg", "x/.hidden", 1, SIZE_MAX);
    expect("0012__bees.jpg", "x/", 1, SIZE_MAX);
}

static void hostile_names_become_harmless(void **state)
{
    (void)state;
    expect("0012_x-y---z_a-..-b.jpg", "x y*?\\z", 2, SIZE_MAX);
    expect("0012_\xd8\xb9_\xd8\xb9\xd9\x84\xd9\x85.jpg", "d/\xd8\xb9.jpg", 3, SIZE_MAX);
    expect("0012_--n_-img-src-x--.jpg", "\xff\x1bn.jpg", 4, SIZE_MAX);
    expect("0012_---_ants.jpg", "\xe2\x80\xae", 0, SIZE_MAX); /* turns the order of the text */
}

/* Cut between characters, and never longer than a file's name may be. */
static void long_names_are_cut(void **state)
{
    (void)state;
    char path[2001], name[CAM_NAME];
    for (size_t i = 0; i < 2000; i += 2)
        memcpy(path + i, "\xd8\xb9", 2);
    path[2000] = '\0';
    memmove(path + 1, path, 1999);
    path[0] = 'x'; /* 80 bytes end within a character */
    path[1999] = '\0';
    char *long_names[] = {path, path};
    const struct class_names both = {long_names, 2};
    cam_file_name(name, &both, path, SIZE_MAX, 4, 0, 1);
    assert_true(strlen(name) < 255);
    assert_string_equal(name + strlen(name) - 4, ".jpg");
    for (const char *at = name; *at; at++)
        assert_true((unsigned char)*at != 0xd8 || (unsigned char)at[1] == 0xb9);
}

static void the_last_folder_with_a_class_name_counts(void **state)
{
    (void)state;
    assert_int_equal(cam_true_class(&classes, "data/ants/1.jpg"), 0);
    assert_int_equal(cam_true_class(&classes, "/ants/bees/more/1.jpg"), 1);
    assert_int_equal(cam_true_class(&classes, "bees/1.jpg"), 1);
    assert_int_equal(cam_true_class(&classes, "//ants//x"), 0);
    assert_true(cam_true_class(&classes, "data/ant/ants.jpg") == SIZE_MAX);
    assert_true(cam_true_class(&classes, "ants") == SIZE_MAX);
    assert_true(cam_true_class(&classes, "/1.jpg") == SIZE_MAX);
    assert_true(cam_true_class(&classes, "") == SIZE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_say_photo_and_class),
        cmocka_unit_test(hostile_names_become_harmless),
        cmocka_unit_test(long_names_are_cut),
        cmocka_unit_test(the_last_folder_with_a_class_name_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
