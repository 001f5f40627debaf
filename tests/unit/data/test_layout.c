/* How the folders of --data are read: as a split, as classes, or not at all. Every data set here is a list of files;
 * `want` is a part of the error's text, or "TRAIN | VAL" as paths below the folder, or "classes". */
#define _GNU_SOURCE
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/data/dataset.h"
#include "core/data/layout.h"
#include "core/data/split_name.h"
#include "tests/support/own_folder.h"
#include "tests/support/test_files.h"

/* Makes the files named in a list, with blanks between them; a name that ends in a slash is a folder. */
static void make(const char *files)
{
    char list[2048], *rest = NULL;
    struct error err;
    snprintf(list, sizeof list, "%s", files);
    for (char *name = strtok_r(list, " ", &rest); name; name = strtok_r(NULL, " ", &rest)) {
        if (name[strlen(name) - 1] == '/')
            assert_int_equal(folder_create(test_path(folder, name), &err), OK);
        else
            test_write(test_path(folder, name), "text", 4);
    }
}

static void clear(void)
{
    test_folder_remove(folder);
    test_folder_make(folder);
}

/* "TRAIN | VAL", "classes", or the error's text. */
static void describe(char *out, size_t size, const char *dir, bool asked, enum status *status, char *note)
{
    struct layout layout = {0};
    struct error err = {0};
    size_t length = strlen(folder) + 1;
    note[0] = '\0';
    *status = layout_find(&layout, dir, asked, false, &err);
    if (*status != OK)
        snprintf(out, size, "%s", err.text);
    else if (layout.train_part)
        snprintf(out, size, "*/%s | */%s", layout.train_part, layout.val_part);
    else if (layout.train)
        snprintf(out, size, "%s | %s", layout.train + length, layout.val + length);
    else
        snprintf(out, size, "classes");
    if (layout.note)
        snprintf(note, 1024, "%s", layout.note);
    layout_free(&layout);
}

struct layout_case {
    const char *files, *want;
    const char *note; /* a part of it; NULL: there is none */
};

#define CATS_DOGS(dir) dir "/cats/1.jpg " dir "/dogs/2.jpg "

static const struct layout_case splits[] = {
    {CATS_DOGS("train") CATS_DOGS("val"), "train | val", NULL},
    {CATS_DOGS("train") CATS_DOGS("valid"), "train | valid", "valid/ validates"},
    {CATS_DOGS("train") CATS_DOGS("validation"), "train | validation", "validation/ validates"},
    {CATS_DOGS("Train") CATS_DOGS("Val"), "Train | Val", "Train/ trains, Val/ validates"},
    {CATS_DOGS("TRAIN") CATS_DOGS("validation"), "TRAIN | validation", "TRAIN/ trains"},
    {CATS_DOGS("Training") CATS_DOGS("Testing"), "Training | Testing", "there is no val/"},
    {CATS_DOGS("train") CATS_DOGS("test"), "train | test", "there is no val/"},
    {CATS_DOGS("training_set") CATS_DOGS("test_set"), "training_set | test_set", "there is no val/"},
    {CATS_DOGS("trainset") CATS_DOGS("testset"), "trainset | testset", "there is no val/"},
    {CATS_DOGS("TrainData") CATS_DOGS("ValData"), "TrainData | ValData", "ValData/ validates"},
    {CATS_DOGS("train2017") CATS_DOGS("val2017"), "train2017 | val2017", "val2017/ validates"},
    {CATS_DOGS("pets_train") CATS_DOGS("pets_test"), "pets_train | pets_test", "no val/"},
    {CATS_DOGS("train_2019") CATS_DOGS("val_2020"), "train_2019 | val_2020", "val_2020/ validates"},
    {CATS_DOGS("train") CATS_DOGS("val") CATS_DOGS("test"), "train | val", "test/ is not used"},
    {CATS_DOGS("train") CATS_DOGS("val") CATS_DOGS("test") CATS_DOGS("extra"), "train | val", "not used: extra/"},
    {CATS_DOGS("train") CATS_DOGS("val") "docs/a.txt", "train | val", "not used: docs/"},
    {CATS_DOGS("train") CATS_DOGS("val") "test/1.jpg", "train | val", "not used: test/"},
    {CATS_DOGS("train") CATS_DOGS("val") "train/stray.jpg", "train | val", NULL},
    {CATS_DOGS("train") CATS_DOGS("val") "@eaDir/cats/1.jpg __MACOSX/train/x.jpg", "train | val", NULL},
    {CATS_DOGS("train") CATS_DOGS("val") CATS_DOGS("valid"), "train | val", "not used: valid/"},
    {CATS_DOGS("training_set/training_set") CATS_DOGS("test_set/test_set"),
     "training_set/training_set | test_set/test_set", "training_set/training_set/ trains"},
    {CATS_DOGS("seg_train/seg_train") CATS_DOGS("seg_test/seg_test") "seg_pred/seg_pred/1.jpg",
     "seg_train/seg_train | seg_test/seg_test", "not used: seg_pred/"},
    {CATS_DOGS("train/images") CATS_DOGS("val/images"), "train/images | val/images", "train/images/ trains"},
    {"cats/train/1.jpg cats/test/2.jpg dogs/train/3.jpg dogs/test/4.jpg", "*/train | */test",
     "train/ in each class folder trains"},
    {"cats/train/1.jpg cats/valid/2.jpg cats/test/3.jpg dogs/train/3.jpg dogs/valid/4.jpg dogs/test/5.jpg",
     "*/train | */valid", "test/ is not used"},
    {"cats/Training/1.jpg cats/validation/2.jpg dogs/Training/3.jpg dogs/validation/4.jpg cats/raw/5.jpg",
     "*/Training | */validation", "validation/ validates"},
    {"train/ val/", "train | val", NULL}, /* said when they are listed */
};

static const struct layout_case class_folders[] = {
    {"cats/1.jpg dogs/2.jpg", "classes", NULL},
    {"bus/1.jpg train/2.jpg", "classes", "train/ is taken for a class"},
    {"bus/1.jpg val/2.jpg car/3.jpg", "classes", "val/ is taken for a class"},
    {"bus/1.jpg train/2.jpg val/3.jpg", "classes", "train/, val/ are taken for classes"},
    {"control/1.jpg test/2.jpg", "classes", "test/ is taken for a class"},
    {"train_station/1.jpg bus_station/2.jpg", "classes", NULL},
    {"bus/1.jpg train/2.jpg train/more/3.jpg", "classes", "train/ is taken for a class"},
    {"cats/1.jpg cats/kittens/2.jpg dogs/3.jpg", "classes", NULL},
    {"cats/images/1.jpg dogs/images/2.jpg", "classes", "the classes are the folders of"},
    {"animals/cats/1.jpg animals/dogs/2.jpg plants/roses/3.jpg", "classes", "those in them are not classes"},
    {"cats/1.jpg cats/a/2.jpg cats/b/2.jpg dogs/1.jpg dogs/a/2.jpg dogs/b/3.jpg", "classes", "are not classes"},
    {"cats/1.jpg dogs/2.jpg @eaDir/3.jpg lost+found/ __MACOSX/cats/._1.jpg .ipynb_checkpoints/x.jpg", "classes", NULL},
    {"cats/1.jpg cats/masks/1.xml dogs/2.jpg dogs/masks/2.xml", "classes", NULL},
};

static const struct layout_case refused[] = {
    {CATS_DOGS("train"), "has train/ but no val/: add it, or give --data %s/train and --val-split 0.2", NULL},
    {CATS_DOGS("Training") "notes/a.txt", "has Training/ but no val/", NULL},
    {CATS_DOGS("val"), "has val/ but no train/", NULL},
    {CATS_DOGS("val") CATS_DOGS("test"), "but no train/", NULL},
    {CATS_DOGS("train") "test/1.jpg test/2.jpg", "test/ holds photos but no class folders, so it cannot validate",
     NULL},
    {"train/1.jpg " CATS_DOGS("val"), "train/ holds photos but no class folders, unlike val/", NULL},
    {"train/1.jpg val/2.jpg", "names of a split", NULL},
    {"Training/1.jpg Testing/2.jpg", "names of a split", NULL},
    {"train/1.jpg", "like %s/train/cats", NULL},
    {"trainA/1.jpg trainB/2.jpg testA/3.jpg testB/4.jpg", "names of a split", NULL},
    {"train_1/1.jpg train_2/2.jpg test/4.jpg", "names of a split", NULL},
    {CATS_DOGS("train") CATS_DOGS("validation") CATS_DOGS("valid"), "valid/ and validation/ could both be meant", NULL},
    {CATS_DOGS("a_train") CATS_DOGS("a_test") CATS_DOGS("b_train") CATS_DOGS("b_test"), "holds more than one split",
     NULL},
    {CATS_DOGS("fold1") CATS_DOGS("fold2") CATS_DOGS("fold3"), "hold the same folders (cats/ and others)", NULL},
    {CATS_DOGS("day") CATS_DOGS("night"), "use one, with --data %s/day", NULL},
    {CATS_DOGS("day") "night/cats/1.jpg night/dogs/2.jpg night/birds/3.jpg", "hold the same folders", NULL},
    {"cats/train/1.jpg cats/test/2.jpg dogs/train/3.jpg dogs/4.jpg", "dogs/ holds photos, while cats/ is split", NULL},
    {"cats/train/1.jpg cats/test/2.jpg dogs/train/3.jpg dogs/test/4.jpg docs/a.txt", "docs/ has no train/", NULL},
    {"cats/train/1.jpg cats/test/2.jpg dogs/train/3.jpg", "dogs/ has no test/, while cats/ is split into train/", NULL},
    {"cats/1.jpg cats/2.jpg dogs/train/3.jpg dogs/val/3.jpg", "put them into cats/train and cats/val", NULL},
    {"cats/train/1.jpg cats/test/2.jpg dogs/Train/3.jpg dogs/Test/4.jpg", "dogs/ has no train/", NULL},
    {"cats/train/1.jpg cats/test/2.jpg " CATS_DOGS("wolves/train") "wolves/test/1.jpg", "no photos lie in wolves/train",
     NULL},
    {"images/train/1.jpg images/val/2.jpg masks/train/1.png masks/val/2.png", "each of images/, masks/ is split", NULL},
    {CATS_DOGS("flowers"), "did you mean --data %s/flowers?", NULL},
    {CATS_DOGS("flowers/train") CATS_DOGS("flowers/val"), "did you mean --data %s/flowers?", NULL},
    {CATS_DOGS("a/b/c"), "did you mean --data %s/a/b/c?", NULL},
    {CATS_DOGS("flowers") "notebooks/a.ipynb", "did you mean --data %s/flowers?", NULL},
    {CATS_DOGS("archive/train") CATS_DOGS("archive/test") "code/x.py", "did you mean --data %s/archive?", NULL},
    {CATS_DOGS("images/train") CATS_DOGS("images/val") "labels/train/1.txt labels/val/2.txt",
     "did you mean --data %s/images?", NULL},
    {CATS_DOGS("birds/train") CATS_DOGS("birds/val") CATS_DOGS("fish/train") CATS_DOGS("fish/val"),
     "each of birds/, fish/ is split", NULL},
    {"1.jpg 2.jpg", "holds photos, but no class folders", NULL},
    {"notes.txt", "holds no class folders", NULL},
};

static void check_cases(const struct layout_case *cases, size_t count, enum status expected)
{
    char found[1200], note[1024], want[1200], files[2048], path[512];
    for (size_t i = 0; i < count; i++) {
        enum status status;
        make(cases[i].files);
        snprintf(path, sizeof path, "%s", folder);
        snprintf(want, sizeof want, "%s", cases[i].want);
        char *place = strstr(want, "%s");
        if (place)
            snprintf(want, sizeof want, "%.*s%s%s", (int)(place - want), cases[i].want, folder,
                     cases[i].want + (place - want) + 2);
        for (int asked = 0; asked < 2; asked++) {
            describe(found, sizeof found, path, asked, &status, note);
            bool told = cases[i].note ? strstr(note, cases[i].note) != NULL : note[0] == '\0';
            bool same = expected == OK ? strcmp(found, want) == 0 : strstr(found, want) != NULL;
            snprintf(files, sizeof files, "%s", cases[i].files);
            if (status != expected || !same || (expected == OK && !told))
                fail_msg("%s\n  expected %d '%s' '%s'\n  found    %d '%s' '%s'", files, expected, want,
                         cases[i].note ? cases[i].note : "", status, found, note);
        }
        clear();
    }
}

static void splits_are_found_under_their_usual_names(void **state)
{
    (void)state;
    check_cases(splits, sizeof splits / sizeof *splits, OK);
}

static void class_folders_may_have_any_name(void **state)
{
    (void)state;
    check_cases(class_folders, sizeof class_folders / sizeof *class_folders, OK);
}

static void what_could_be_a_split_is_never_taken_for_classes(void **state)
{
    (void)state;
    check_cases(refused, sizeof refused / sizeof *refused, ERR_DATA);
}

/* --data DIR/train, --data DIR/train/cats, --data DIR/cats */
static void a_folder_too_deep_names_the_one_above(void **state)
{
    (void)state;
    char found[1200], note[1024], want[512];
    enum status status;
    make(CATS_DOGS("train") CATS_DOGS("val"));
    snprintf(want, sizeof want, "did you mean --data %s?", folder);
    describe(found, sizeof found, test_path(folder, "train"), false, &status, note);
    assert_int_equal(status, ERR_USAGE);
    assert_non_null(strstr(found, want));
    describe(found, sizeof found, test_path(folder, "train"), true, &status, note);
    assert_string_equal(found, "classes");
    describe(found, sizeof found, test_path(folder, "train/cats"), true, &status, note);
    assert_int_equal(status, ERR_DATA);
    assert_non_null(strstr(found, want));
    assert_int_equal(chdir(test_path(folder, "train")), 0);
    describe(found, sizeof found, "cats/", false, &status, note);
    assert_non_null(strstr(found, want));
    assert_int_equal(chdir("/"), 0);
    clear();
    make("cats/1.jpg dogs/2.jpg");
    snprintf(want, sizeof want, "did you mean --data %s?", folder);
    describe(found, sizeof found, test_path(folder, "dogs"), false, &status, note);
    assert_int_equal(status, ERR_DATA);
    assert_non_null(strstr(found, want));
}

static const char *judge(char *out, size_t size, const char *dir, enum status expected)
{
    char *names[] = {"cats", "dogs", "val"};
    const struct class_names known = {.names = names, .count = 3};
    struct layout layout = {0};
    struct error err = {0};
    enum status status = layout_find_val(&layout, dir, &known, &err);
    if (status != expected)
        fail_msg("status %d, \"%s\", \"%s\"", status, err.text, layout.val ? layout.val : "");
    snprintf(out, size, "%s%s%s | %s", status == OK ? layout.val : err.text, layout.val_part ? "/*/" : "",
             layout.val_part ? layout.val_part : "", layout.note ? layout.note : "");
    layout_free(&layout);
    return out;
}

static void photos_to_judge_are_found_under_the_same_names(void **state)
{
    (void)state;
    static const struct {
        const char *files, *dir, *below, *note;
    } cases[] = {
        {CATS_DOGS("train") CATS_DOGS("Validation"), "", "/Validation | ", "Validation/ is measured"},
        {CATS_DOGS("train") CATS_DOGS("test"), "", "/test | ", "test/ is measured"},
        {CATS_DOGS("train") CATS_DOGS("valid") CATS_DOGS("test"), "", "/valid | ", "not test/: --data "},
        {CATS_DOGS("train") CATS_DOGS("val") CATS_DOGS("test"), "test", "/test | ", ""},
        {CATS_DOGS("training_set/training_set") CATS_DOGS("test_set/test_set"), "", "/test_set/test_set | ",
         "test_set"},
        {CATS_DOGS("test"), "", "/test | ", "test/ is measured"},
        {"cats/1.jpg dogs/1.jpg", "", " | ", ""},
        {"cats/train/1.jpg cats/test/2.jpg dogs/train/3.jpg dogs/test/4.jpg", "", "/*/test | ", "test/ in each class"},
        {"cats/1.jpg val/1.jpg", "", " | ", ""}, /* a class of the model */
        {"cats/1.jpg wolves/1.jpg", "", " | ", ""},
    };
    static const struct {
        const char *files, *dir, *text;
    } bad[] = {
        {CATS_DOGS("train"), "", "has train/ but no val/ or test/"},
        {CATS_DOGS("flowers"), "", "/flowers?"},
        {CATS_DOGS("flowers/train") CATS_DOGS("flowers/test"), "", "/flowers?"},
        {CATS_DOGS("train") CATS_DOGS("test"), "test/cats", "did you mean --data "},
        {"1.jpg", "", "holds photos, but no class folders"},
    };
    char found[1200], dir[512], want[600];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        make(cases[i].files);
        snprintf(dir, sizeof dir, "%s%s%s", folder, cases[i].dir[0] ? "/" : "", cases[i].dir);
        snprintf(want, sizeof want, "%s%s", folder, cases[i].below);
        judge(found, sizeof found, dir, OK);
        if (strncmp(found, want, strlen(want)) != 0 || !strstr(found + strlen(want), cases[i].note))
            fail_msg("%s: %s", cases[i].files, found);
        clear();
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        make(bad[i].files);
        snprintf(dir, sizeof dir, "%s%s%s", folder, bad[i].dir[0] ? "/" : "", bad[i].dir);
        judge(found, sizeof found, dir, ERR_DATA);
        if (!strstr(found, bad[i].text))
            fail_msg("%s: %s", bad[i].files, found);
        clear();
    }
}

/* Its photos are not to be moved, and it is not empty either. */
static void an_unreadable_class_among_split_ones_is_named(void **state)
{
    (void)state;
    static const char *const locked[] = {"dogs", "dogs/train"};
    if (geteuid() == 0) {
        print_message("# skipped: root may read everything\n");
        skip();
    }
    for (size_t i = 0; i < sizeof locked / sizeof *locked; i++) {
        struct layout layout;
        struct error err = {0};
        char text[600];
        make("cats/train/1.jpg cats/test/2.jpg dogs/train/3.jpg dogs/test/4.jpg");
        snprintf(text, sizeof text, "%s: Permission denied", test_path(folder, locked[i]));
        assert_int_equal(chmod(test_path(folder, locked[i]), 0), 0);
        enum status status = layout_find(&layout, folder, false, false, &err);
        assert_int_equal(chmod(test_path(folder, locked[i]), 0755), 0);
        if (status != ERR_NOINPUT || !strstr(err.text, text))
            fail_msg("%s: status %d, \"%s\"", locked[i], status, err.text);
        clear();
    }
}

static void names_are_cut_into_words(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum split_part part;
        const char *rest;
    } cases[] = {
        {"train", PART_TRAIN, ""},
        {"TRAIN", PART_TRAIN, ""},
        {"Train_Set", PART_TRAIN, ""},
        {"training-images", PART_TRAIN, ""},
        {"trainImages", PART_TRAIN, ""},
        {"train2017", PART_TRAIN, "2017 "},
        {"seg_train", PART_TRAIN, "seg "},
        {"trainA", PART_TRAIN, "a "},
        {"valid", PART_VAL, ""},
        {"Validation Set", PART_VAL, ""},
        {"dev", PART_VAL, ""},
        {"test", PART_TEST, ""},
        {"TESTING", PART_TEST, ""},
        {"images.test", PART_TEST, ""},
        {"cats", PART_NONE, ""},
        {"trainers", PART_NONE, ""},
        {"valley", PART_NONE, ""},
        {"testament", PART_NONE, ""},
        {"train_test", PART_NONE, ""},
        {"", PART_NONE, ""},
        {"\xFF\xFE", PART_NONE, ""},
        {"contest", PART_NONE, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct split_name name = split_name_parse(cases[i].name);
        if (name.part != cases[i].part || (name.part != PART_NONE && strcmp(name.rest, cases[i].rest) != 0))
            fail_msg("%s: %d '%s'", cases[i].name, name.part, name.rest);
    }
    char much[600];
    memset(much, 'x', sizeof much - 1);
    much[sizeof much - 1] = '\0';
    assert_int_equal(split_name_parse(much).part, PART_NONE);
    memcpy(much, "train_", 6);
    assert_int_equal(split_name_parse(much).part, PART_TRAIN);
    for (size_t i = 6; i < sizeof much - 1; i += 2)
        much[i] = '_';
    assert_int_equal(split_name_parse(much).part, PART_NONE);
    assert_true(split_name_neutral("data_set"));
    assert_false(split_name_neutral("cats"));
    assert_false(split_name_neutral("_"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(splits_are_found_under_their_usual_names, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(class_folders_may_have_any_name, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(what_could_be_a_split_is_never_taken_for_classes, folder_setup,
                                        folder_teardown),
        cmocka_unit_test_setup_teardown(a_folder_too_deep_names_the_one_above, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(photos_to_judge_are_found_under_the_same_names, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(an_unreadable_class_among_split_ones_is_named, folder_setup, folder_teardown),
        cmocka_unit_test(names_are_cut_into_words),
    };
    return cmocka_run_group_tests_name("layout", tests, NULL, NULL);
}
