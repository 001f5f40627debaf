#define _GNU_SOURCE
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/data/dataset.h"
#include "tests/support/own_folder.h"
#include "tests/support/test_files.h"

/* Files need no content: a listing does not open them. */
static void touch(const char *name)
{
    test_write(test_path(folder, name), "", 0);
}

static void assert_photo(const struct photo_list *list, size_t photo, const char *name, uint32_t class)
{
    char path[1024], expected[1024];
    assert_true(photo < list->count);
    assert_string_equal(photo_name(list, photo), name);
    assert_int_equal(list->photos[photo].class, class);
    snprintf(expected, sizeof expected, "%s/%s", list->root, name);
    assert_true(photo_path(path, sizeof path, list, photo));
    assert_string_equal(path, expected);
    assert_false(photo_path(path, strlen(expected), list, photo));
}

static void two_folders_are_listed_by_name(void **state)
{
    (void)state;
    struct dataset data;
    struct error err = {0};
    touch("train/bees/b.jpg");
    touch("train/bees/a.jpg");
    touch("train/bees/sub/c.png");
    touch("train/bees/.DS_Store");
    touch("train/ants/1.jpg");
    test_write(test_path(folder, "train/Zebra/z"), "\xFF\xD8\xFF\xE0", 4); /* a JPEG, by its content */
    touch("train/.cache/x.jpg");
    touch("train/@eaDir/bees/x.jpg");
    touch("train/bees/@eaDir/x.jpg");
    touch("train/stray.jpg");
    touch("train/readme.txt");
    test_write(test_path(folder, "train/ants/Thumbs.db"), "\xD0\xCF\x11\xE0", 4);
    test_write(test_path(folder, "train/bees/notes"), "BM is no bitmap here\n", 21);
    touch("train/bees/clip.mp4");
    touch("val/ants/2.jpg");
    touch("val/bees/3.jpg");
    if (dataset_open(&data, folder, 0, 1, &err) != OK)
        fail_msg("%s", err.text);
    assert_int_equal(data.classes.count, 3);
    assert_string_equal(data.classes.names[0], "Zebra");
    assert_string_equal(data.classes.names[1], "ants");
    assert_int_equal(class_names_find(&data.classes, "bees"), 2);
    assert_int_equal(class_names_find(&data.classes, "be"), PHOTO_NO_CLASS);
    assert_int_equal(data.train.count, 5);
    assert_photo(&data.train, 0, "Zebra/z", 0);
    assert_photo(&data.train, 1, "ants/1.jpg", 1);
    assert_photo(&data.train, 2, "bees/a.jpg", 2);
    assert_photo(&data.train, 3, "bees/b.jpg", 2);
    assert_photo(&data.train, 4, "bees/sub/c.png", 2);
    assert_int_equal(data.train.hidden, 4);
    assert_int_equal(data.train.stray, 1);
    assert_int_equal(data.train.others, 4);
    assert_string_equal(data.train.other, "readme.txt");
    assert_null(data.train.note);
    /* val lacks Zebra, and its classes keep train's numbers */
    assert_int_equal(data.val.count, 2);
    assert_photo(&data.val, 0, "ants/2.jpg", 1);
    assert_photo(&data.val, 1, "bees/3.jpg", 2);
    dataset_close(&data);
}

static void assert_refused(double val_split, enum status expected, const char *text)
{
    struct dataset data;
    struct error err = {0};
    enum status status = dataset_open(&data, folder, val_split, 1, &err);
    if (status != expected || !strstr(err.text, text))
        fail_msg("status %d, \"%s\", expected %d \"%s\"", status, err.text, expected, text);
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    struct dataset data;
    struct error err = {0};
    assert_int_equal(dataset_open(&data, test_path(folder, "nowhere"), 0, 1, &err), ERR_NOINPUT);
    touch("file");
    assert_int_equal(dataset_open(&data, test_path(folder, "file"), 0, 1, &err), ERR_NOINPUT);
    assert_refused(0, ERR_DATA, "holds no class folders");
    assert_refused(0.2, ERR_DATA, "holds no class folders");
    touch("a/1.jpg");
    assert_refused(0, ERR_USAGE, "--val-split 0.2");
    assert_refused(0.2, ERR_DATA, "only one class, 'a'");
    assert_int_equal(unlink(test_path(folder, "a/1.jpg")), 0);
    assert_int_equal(rmdir(test_path(folder, "a")), 0);
    touch("train/ants/1.jpg");
    assert_refused(0, ERR_DATA, "has train/ but no val/");
    touch("val/ants/2.jpg");
    assert_refused(0.2, ERR_USAGE, "leave --val-split out");
    assert_refused(0, ERR_DATA, "only one class, 'ants'");
    touch("train/bees/1.jpg");
    touch("val/wasps/2.jpg");
    assert_refused(0, ERR_DATA, "class 'wasps' has no folder in");
    assert_int_equal(rename(test_path(folder, "val/wasps"), test_path(folder, "val/bees")), 0);
    assert_int_equal(dataset_open(&data, folder, 0, 1, &err), OK);
    dataset_close(&data);
    assert_int_equal(mkdir(test_path(folder, "train/empty"), 0700), 0);
    assert_refused(0, ERR_DATA, "class folder 'empty' holds no photo, it is empty: add photos or remove it");
    touch("train/empty/.keep");
    assert_refused(0, ERR_DATA, "'empty' holds no photo, there are only hidden files or system folders in it (1)");
    touch("train/empty/a.txt");
    assert_refused(0, ERR_DATA, "'empty' holds no photo, its 1 file is not a photo");
    touch("train/empty/b.txt");
    assert_refused(0, ERR_DATA, "'empty' holds no photo, its 2 files are not photos");
    for (const char *const *name = (const char *const[]){"a.txt", "b.txt", ".keep", NULL}; *name; name++) {
        char path[64];
        snprintf(path, sizeof path, "train/empty/%s", *name);
        assert_int_equal(unlink(test_path(folder, path)), 0);
    }
    assert_int_equal(rmdir(test_path(folder, "train/empty")), 0);
    touch("train/gr\xFC"
          "n/1.jpg");
    assert_refused(0, ERR_DATA, "class folder 'gr\\xfcn' is not UTF-8");
}

static void names_may_hold_any_byte(void **state)
{
    (void)state;
    static const char *const names[] = {"a/new\nline.jpg", "a/\xFF\xFE.jpg", "a/tab\tspace .jpg", "b/\"quoted\".jpg",
                                        "b/-rf.jpg"};
    struct photo_list list;
    struct class_names classes;
    struct error err = {0};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        touch(names[i]);
    assert_int_equal(folder_list(&list, &classes, folder, NULL, NULL, &err), OK);
    assert_int_equal(list.count, 5);
    assert_photo(&list, 0, "a/new\nline.jpg", 0);
    assert_photo(&list, 2, "a/\xFF\xFE.jpg", 0);
    photo_list_free(&list);
    class_names_free(&classes);
}

static void links_are_followed_but_not_in_circles(void **state)
{
    (void)state;
    struct photo_list list;
    struct class_names classes;
    struct error err = {0};
    touch("data/a/1.jpg");
    touch("data/b/2.jpg");
    touch("elsewhere/3.jpg");
    assert_int_equal(symlink("../../elsewhere", test_path(folder, "data/a/more")), 0);
    assert_int_equal(symlink(".", test_path(folder, "data/a/self")), 0);
    assert_int_equal(symlink("..", test_path(folder, "data/a/up")), 0);
    assert_int_equal(symlink("../..", test_path(folder, "data/a/upper")), 0);
    assert_int_equal(symlink("/", test_path(folder, "data/a/top")), 0);
    assert_int_equal(symlink("nothing", test_path(folder, "data/a/broken.jpg")), 0);
    assert_int_equal(mkfifo(test_path(folder, "data/b/fifo.jpg"), 0600), 0);
    assert_int_equal(folder_list(&list, &classes, test_path(folder, "data"), NULL, NULL, &err), OK);
    assert_int_equal(list.count, 5);
    assert_photo(&list, 0, "a/1.jpg", 0);
    assert_photo(&list, 1, "a/broken.jpg", 0); /* said to be missing when it is read */
    assert_photo(&list, 2, "a/more/3.jpg", 0);
    assert_photo(&list, 4, "b/fifo.jpg", 1);
    photo_list_free(&list);
    class_names_free(&classes);
}

/* One folder, 2 classes of 400 and 600 photos; returns what validates, by name. */
static void validation_takes_the_models_class_numbers(void **state)
{
    (void)state;
    struct photo_list list;
    struct error err = {0};
    char *names[] = {"wasps", "ants", "bees"};
    struct class_names known = {.names = names, .count = 3};
    touch("ants/1.jpg");
    touch("wasps/2.jpg");
    assert_int_equal(dataset_open_val(&list, folder, &known, &err), OK);
    assert_photo(&list, 0, "ants/1.jpg", 1);
    assert_photo(&list, 1, "wasps/2.jpg", 0);
    photo_list_free(&list);
    touch("cats/3.jpg");
    assert_int_equal(dataset_open_val(&list, folder, &known, &err), ERR_DATA);
    assert_non_null(strstr(err.text, "class 'cats' is not among the 3 classes"));
    touch("val/bees/4.jpg");
    assert_int_equal(dataset_open_val(&list, folder, &known, &err), OK);
    assert_photo(&list, 0, "bees/4.jpg", 2);
    photo_list_free(&list);
}

static void lists_for_predict(void **state)
{
    (void)state;
    struct photo_list list = {0};
    struct error err = {0};
    char text[4096];
    touch("x/2.jpg");
    touch("x/y/3.jpg");
    touch("1.jpg");
    assert_int_equal(photo_list_add(&list, test_path(folder, "1.jpg"), &err), OK);
    assert_int_equal(photo_list_add(&list, test_path(folder, "x/"), &err), OK);
    assert_int_equal(photo_list_add(&list, test_path(folder, "missing"), &err), ERR_NOINPUT);
    assert_int_equal(list.count, 3);
    assert_string_equal(photo_name(&list, 0), test_path(folder, "1.jpg"));
    assert_string_equal(photo_name(&list, 1), test_path(folder, "x/2.jpg"));
    assert_string_equal(photo_name(&list, 2), test_path(folder, "x/y/3.jpg"));
    assert_int_equal(list.photos[0].class, PHOTO_NO_CLASS);
    char path[64];
    assert_true(photo_path(text, sizeof text, &list, 0));
    assert_string_equal(text, photo_name(&list, 0));
    photo_list_free(&list);

    for (int zero = 0; zero < 2; zero++) {
        char separator = zero ? '\0' : '\n';
        int length = snprintf(text, sizeof text, "%s%cmissing.jpg%c%c%s", test_path(folder, "x"), separator, separator,
                              separator, test_path(folder, "1.jpg"));
        FILE *stream = fmemopen(text, (size_t)length, "r");
        struct photo_list lines = {0};
        assert_int_equal(photo_list_add_stream(&lines, stream, separator, &err), OK);
        fclose(stream);
        assert_int_equal(lines.count, 4);
        assert_string_equal(photo_name(&lines, 2), "missing.jpg");
        assert_string_equal(photo_name(&lines, 3), test_path(folder, "1.jpg"));
        photo_list_free(&lines);
    }
    snprintf(path, sizeof path, "a%cb\n", 0);
    FILE *stream = fmemopen(path, 4, "r");
    struct photo_list lines = {0};
    assert_int_equal(photo_list_add_stream(&lines, stream, '\n', &err), ERR_DATA);
    fclose(stream);
    photo_list_free(&lines);
}

static void assert_lines(const char *bytes, size_t size, const char *const *expected)
{
    struct photo_list list = {0};
    struct error err = {0};
    FILE *stream = fmemopen((void *)bytes, size, "r");
    size_t count = 0;
    if (photo_list_add_stream(&list, stream, '\n', &err) != OK)
        fail_msg("%s", err.text);
    for (; expected[count]; count++) {
        assert_true(count < list.count);
        assert_string_equal(photo_name(&list, count), expected[count]);
    }
    assert_int_equal(list.count, count);
    fclose(stream);
    photo_list_free(&list);
}

static void lists_from_windows_name_the_same_files(void **state)
{
    (void)state;
    touch("a.jpg");
    touch("sub/b.jpg");
    touch("odd\r");
    touch("odd\\name.jpg");
    assert_int_equal(chdir(folder), 0);
#define LINES(text, ...) assert_lines(text, sizeof text - 1, (const char *const[]){__VA_ARGS__, NULL})
    LINES("\xEF\xBB\xBF"
          "a.jpg\r\nsub/b.jpg\r\n\r\nmissing.jpg\r\n",
          "a.jpg", "sub/b.jpg", "missing.jpg");
    LINES("\xEF\xBB\xBF"
          "a.jpg\nsub\\b.jpg\r\n.\\a.jpg\n",
          "a.jpg", "sub/b.jpg", "./a.jpg");
    LINES("odd\r\nodd\\name.jpg\nno\\such.jpg\n", "odd\r", "odd\\name.jpg", "no\\such.jpg");
    LINES("sub\r\n", "sub/b.jpg");
    static const struct {
        const char *bytes;
        size_t size;
        const char *text;
    } bad[] = {{"\xFF\xFE"
                "a\0.\0j\0p\0g\0\r\0\n\0",
                16, "is UTF-16: save it as UTF-8"},
               {"\xFE\xFF\0a\0.\0j\0\n", 10, "is UTF-16"},
               {"a\0.\0j\0p\0g\0\n\0", 12, "is UTF-16"},
               {"sub/a.jpg\0b.jpg\0", 16, "use --null for"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct photo_list list = {0};
        struct error err = {0};
        FILE *stream = fmemopen((void *)bad[i].bytes, bad[i].size, "r");
        assert_int_equal(photo_list_add_stream(&list, stream, '\n', &err), ERR_DATA);
        if (!strstr(err.text, bad[i].text))
            fail_msg("%zu: %s", i, err.text);
        fclose(stream);
        photo_list_free(&list);
    }
    assert_int_equal(chdir("/"), 0);
}

/* A folder whose path is too long for the system cannot be read by anybody, root included. */
static void a_folder_that_cannot_be_read_is_an_entry_of_a_forgiving_list(void **state)
{
    (void)state;
    enum { LEVELS = 20, LENGTH = 240 };
    struct photo_list list = {0}, strict = {0};
    struct error err = {0};
    char name[LENGTH + 1], path[512];
    memset(name, 'd', LENGTH);
    name[LENGTH] = '\0';
    touch("in/a.jpg");
    touch("in/z/b.jpg");
    touch("in/z/notes.txt");
    snprintf(path, sizeof path, "%s/in", folder);
    assert_int_equal(chdir(path), 0);
    for (int i = 0; i < LEVELS; i++) {
        assert_int_equal(mkdir(name, 0700), 0);
        assert_int_equal(chdir(name), 0);
    }
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(photo_list_add(&strict, path, &err), ERR_NOINPUT);
    list.forgiving = true;
    assert_int_equal(photo_list_add(&list, path, &err), OK);
    assert_int_equal(list.count, 3);
    assert_int_equal(list.unread_count, 1);
    assert_int_equal(list.unread[0].photo, 1);
    assert_string_equal(list.unread[0].reason, "File name too long");
    assert_string_equal(strrchr(photo_name(&list, 2), '/'), "/b.jpg");
    assert_int_equal(list.others, 1);
    photo_list_free(&list);
    photo_list_free(&strict);
    /* Too deep for nftw as well. */
    assert_int_equal(chdir(path), 0);
    int down = 0;
    while (chdir(name) == 0)
        down++;
    assert_int_equal(down, LEVELS);
    for (; down > 0; down--) {
        assert_int_equal(chdir(".."), 0);
        assert_int_equal(rmdir(name), 0);
    }
    assert_int_equal(chdir("/"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(two_folders_are_listed_by_name, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(what_is_wrong_is_named, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(names_may_hold_any_byte, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(links_are_followed_but_not_in_circles, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(validation_takes_the_models_class_numbers, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(lists_for_predict, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(lists_from_windows_name_the_same_files, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(a_folder_that_cannot_be_read_is_an_entry_of_a_forgiving_list, folder_setup,
                                        folder_teardown),
    };
    return cmocka_run_group_tests_name("folder", tests, NULL, NULL);
}
