#define _GNU_SOURCE
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "core/data/dataset.h"
#include "core/data/labels.h"
#include "core/data/labels_path.h"
#include "tests/support/own_folder.h"
#include "tests/support/test_files.h"

static void touch(const char *name)
{
    test_write(test_path(folder, name), "", 0);
}

static const char *write_csv(const char *text)
{
    static char path[512];
    snprintf(path, sizeof path, "%s", test_path(folder, "list.csv"));
    test_write(path, text, strlen(text));
    return path;
}

static void paths_are_names_below_the_root(void **state)
{
    (void)state;
    static const struct {
        const char *cell, *root, *expected; /* NULL: refused */
    } rows[] = {
        {"a.jpg", "/r", "a.jpg"},
        {"./x//y/./a.jpg", "/r", "x/y/a.jpg"},
        {"../a.jpg", "/r", "../a.jpg"},
        {"x/../a.jpg", "/r", "x/../a.jpg"}, /* x may be a link */
        {"/r/s/a.jpg", "/r/s", "a.jpg"},
        {"/r//s/./a.jpg", "/r/s/", "a.jpg"},
        {"/r/sa/a.jpg", "/r/s", "../sa/a.jpg"},
        {"/a.jpg", "/r/s", "../../a.jpg"},
        {"/r/a.jpg", "/", "r/a.jpg"},
        {"/r/a.jpg", "r", NULL},
        {"/r/a.jpg", "/x/..", NULL},
        {"", "/r", NULL},
        {".", "/r", NULL},
        {"x/", "/r", NULL},
        {"/", "/r", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char out[64];
        bool good = labels_path(out, sizeof out, rows[i].cell, rows[i].root);
        assert_int_equal(good, rows[i].expected != NULL);
        if (good)
            assert_string_equal(out, rows[i].expected);
    }
    char out[6];
    assert_true(labels_path(out, sizeof out, "a.jpg", "/r"));
    assert_false(labels_path(out, sizeof out, "ab.jpg", "/r"));
    assert_false(labels_path(out, sizeof out, "/a/jpg", "/r"));
}

static void photos_have_the_order_of_a_listing(void **state)
{
    (void)state;
    static const char *const ascending[] = {"a", "z.jpg", "B/a", "a/b", "a/b.jpg", "a/a/a", "a.b/a"};
    size_t count = sizeof ascending / sizeof *ascending;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < count; j++) {
            int order = labels_path_order(ascending[i], ascending[j]);
            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
        }
}

static void photos_of_folders_and_of_labels_are_one_list(void **state)
{
    (void)state;
    struct dataset folders, labels;
    struct error err = {0};
    static const char *const files[] = {"bees/b.jpg", "bees/a.jpg", "bees/sub/c.png", "bees/Z/1.png",
                                        "ants/1.jpg", "ants/2.jpg", "ants/3.jpg",     "ants/4.jpg"};
    char text[1024] = "label,score,file\n", line[64];
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        touch(files[i]);
        snprintf(line, sizeof line, "%.4s,0.5,%s\r\n", files[i], files[i]);
        strcat(text, line);
    }
    const struct dataset_source source = {.labels = write_csv(text), .val_split = 0.25, .seed = 7};
    assert_int_equal(dataset_open(&folders, folder, 0.25, 7, &err), OK);
    if (dataset_open_source(&labels, &source, &err) != OK)
        fail_msg("%s", err.text);
    const struct photo_list *a[] = {&folders.train, &folders.val}, *b[] = {&labels.train, &labels.val};
    for (size_t l = 0; l < 2; l++) {
        assert_string_equal(a[l]->root, b[l]->root);
        assert_int_equal(a[l]->count, b[l]->count);
        for (size_t i = 0; i < a[l]->count; i++) {
            assert_string_equal(photo_name(a[l], i), photo_name(b[l], i));
            assert_int_equal(a[l]->photos[i].class, b[l]->photos[i].class);
        }
    }
    assert_int_equal(labels.val.count, 2);
    dataset_close(&folders);
    dataset_close(&labels);
}

static void a_split_column_divides(void **state)
{
    (void)state;
    struct dataset data;
    struct photo_list list;
    struct error err = {0};
    for (const char *name = "abcdef"; *name; name++)
        touch((char[]){*name, '\0'});
    const char *path = write_csv("split,file,label\nval,a,y\nTrain,b,y\ntraining,./c,x\nvalidation,d,x\ntest,e,w\n"
                                 "train,b,y\ntest,f,x\n");
    if (dataset_open_source(&data, &(struct dataset_source){.labels = path}, &err) != OK)
        fail_msg("%s", err.text);
    assert_int_equal(data.classes.count, 2); /* w is only in test */
    assert_int_equal(data.train.count, 2);   /* b counts once */
    assert_string_equal(photo_name(&data.train, 0), "c");
    assert_string_equal(photo_name(&data.val, 0), "d");
    assert_string_equal(photo_name(&data.val, 1), "a");
    assert_non_null(strstr(data.train.note, "list.csv: 2 photos of the split test are left alone"));
    dataset_close(&data);

    char x[] = "x", y[] = "y", z[] = "z";
    char *names[] = {y, z, x}; /* of a model, in its order */
    const struct class_names known = {names, 3};
    assert_int_equal(dataset_labels_val(&list, path, NULL, &known, &err), OK);
    assert_int_equal(list.count, 2);
    assert_int_equal(list.photos[0].class, 2);
    assert_int_equal(list.photos[1].class, 0);
    photo_list_free(&list);
    path = write_csv("split,file,label\ntest,f,x\ntrain,a,q\n");
    assert_int_equal(dataset_labels_val(&list, path, NULL, &known, &err), OK); /* a label of train does not matter */
    assert_string_equal(photo_name(&list, 0), "f");
    photo_list_free(&list);
    path = write_csv("file,label\na,x\nb,q\n");
    assert_int_equal(dataset_labels_val(&list, path, NULL, &known, &err), ERR_DATA);
    assert_non_null(strstr(err.text, "list.csv: line 3: the label 'q' is not among the classes of the model"));
}

static void backslashes_are_turned_where_only_that_names_a_file(void **state)
{
    (void)state;
    struct labels labels;
    struct error err = {0};
    touch("x/a.jpg");
    touch("x\\b.jpg");
    touch("x/b.jpg");
    if (labels_read(&labels, write_csv("file,label\nx\\a.jpg,k\nx\\b.jpg,k\n"), NULL, &err) != OK)
        fail_msg("%s", err.text);
    assert_string_equal(labels_text(&labels, labels.rows[0].file), "x/a.jpg");
    assert_string_equal(labels_text(&labels, labels.rows[1].file), "x\\b.jpg");
    labels_free(&labels);
}

static void errors_name_the_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
        enum status status;
    } rows[] = {
        {"", "is empty", ERR_DATA},
        {"file,label\n", "lists no photo", ERR_DATA},
        {"file;label\na;x\n", "line 1: there is no column 'file'", ERR_DATA},
        {"\nfile,class\na,x\n", "line 2: there is no column 'label'", ERR_DATA},
        {"file,label,label\na,x,y\n", "line 1: there are 2 columns 'label'", ERR_DATA},
        {"file,label,split,split\na,x,val,val\n", "line 1: there are 2 columns 'split'", ERR_DATA},
        {"file,label\na,x\nb,\n", "line 3: the label is empty", ERR_DATA},
        {"file,label\na,x/y\n", "line 2: the label 'x/y' contains a /", ERR_DATA},
        {"file,label\na,.x\n", "line 2: the label '.x' begins with a dot", ERR_DATA},
        {"file,label\n\"a\",\"x\ny\"\nb,\n", "line 4: the label is empty", ERR_DATA},
        {"file,label\n,x\n", "line 2: the file is empty", ERR_DATA},
        {"file,label\na,x\nnowhere,x\n", "line 3: nowhere: there is no such file in ", ERR_NOINPUT},
        {"file,label\na/b,x\n", "line 2: a/b: there is no such file in ", ERR_NOINPUT},
        {"file,label\nsub,x\n", "line 2: sub is a folder", ERR_DATA},
        {"file,label,split\na,x,train\nb,x,exam\n", "line 3: the split 'exam' is unknown", ERR_DATA},
        {"file,label,split\na,x,\n", "line 2: the split '' is unknown", ERR_DATA},
        {"file,label,split\na,x,train2\n", "line 2: the split 'train2' is unknown", ERR_DATA},
        {"file,label\na,x\nb,x\n./a,y\n", "line 4: a has another label than on line 2", ERR_DATA},
        {"file,label,split\na,x,val\na,x,train\n", "line 3: a has another split than on line 2", ERR_DATA},
        {"file,label,group\na,x,1\na,x,2\n", "line 3: a has another group than on line 2", ERR_DATA},
        {"file,label\na,x,y\n", "line 2: has 3 cells, the first row has 2", ERR_DATA},
        {"file,label\na,\xFF\n", "line 2: is not UTF-8", ERR_DATA},
    };
    touch("a");
    touch("b");
    touch("sub/x");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct labels labels;
        struct error err = {0};
        assert_int_equal(labels_read(&labels, write_csv(rows[i].text), NULL, &err), rows[i].status);
        if (!strstr(err.text, rows[i].expected))
            fail_msg("%s: expected %s", err.text, rows[i].expected);
    }
    struct labels labels;
    struct error err = {0};
    assert_int_equal(labels_read(&labels, test_path(folder, "none.csv"), NULL, &err), ERR_NOINPUT);
}

static void what_cannot_be_a_dataset_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        struct dataset_source source;
        const char *expected;
        enum status status;
    } rows[] = {
        {"file,label\na,x\nb,y\n", {0}, "has no column 'split'", ERR_USAGE},
        {"file,label,split\na,x,train\nb,y,val\n", {.val_split = 0.5}, "leave --val-split out", ERR_USAGE},
        {"file,label,split\na,x,train\nb,y,val\n", {.folds = 2, .fold = 1}, "leave --folds out", ERR_USAGE},
        {"file,label,split\na,x,train\nb,y,train\n", {0}, "no photo validates", ERR_DATA},
        {"file,label,split\na,x,val\nb,y,val\n", {0}, "no photo trains", ERR_DATA},
        {"file,label,split\na,x,train\nb,x,val\n", {0}, "only one class, 'x'", ERR_DATA},
        {"file,label,split\na,x,train\nb,y,train\nc,z,val\n", {0}, "line 4: the label 'z' is no class", ERR_DATA},
        {"file,label\na,x\nb,y\n", {.val_split = 0.5}, "each class has a single photo", ERR_DATA},
    };
    for (const char *name = "abc"; *name; name++)
        touch((char[]){*name, '\0'});
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct dataset data;
        struct error err = {0};
        struct dataset_source source = rows[i].source;
        source.labels = write_csv(rows[i].text);
        assert_int_equal(dataset_open_source(&data, &source, &err), rows[i].status);
        if (!strstr(err.text, rows[i].expected))
            fail_msg("%s: expected %s", err.text, rows[i].expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_names_below_the_root),
        cmocka_unit_test(photos_have_the_order_of_a_listing),
        cmocka_unit_test_setup_teardown(photos_of_folders_and_of_labels_are_one_list, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(a_split_column_divides, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(backslashes_are_turned_where_only_that_names_a_file, folder_setup,
                                        folder_teardown),
        cmocka_unit_test_setup_teardown(errors_name_the_line, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_a_dataset_is_refused, folder_setup, folder_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
