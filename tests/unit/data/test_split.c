/* --val-split and --folds: shares to the photo, and what stays where it is when photos come and go. */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/data/dataset.h"
#include "core/data/split.h"
#include "core/data/walk.h"
#include "tests/support/own_folder.h"
#include "tests/support/test_files.h"

enum { MOST = 1200 };

/* counts[c] photos of each class c, as "class0/0000.jpg". */
static struct photo_list make_list(const size_t *counts, size_t classes)
{
    struct photo_list list = {0};
    struct error err = {0};
    char class_folder[32], name[32];
    for (size_t class = 0; class < classes; class ++) {
        snprintf(class_folder, sizeof class_folder, "class%zu", class);
        for (size_t i = 0; i < counts[class]; i++) {
            snprintf(name, sizeof name, "%04zu.jpg", i);
            assert_int_equal(photo_list_push(&list, class_folder, name, (uint32_t) class, &err), OK);
        }
    }
    assert_int_equal(memory_strdup(&list.root, "root", &err), OK);
    return list;
}

/* Which photos validate: out[class][photo]. Returns how many; checks that both parts keep the order. */
static size_t split(bool out[][MOST], const size_t *counts, size_t classes, const struct split *how)
{
    struct photo_list all = make_list(counts, classes), val;
    struct error err = {0};
    size_t total = all.count;
    assert_int_equal(split_list(&all, &val, how, &err), OK);
    assert_string_equal(val.root, "root");
    assert_int_equal(all.count + val.count, total);
    for (size_t class = 0; class < classes; class ++)
        memset(out[class], 0, MOST);
    const struct photo_list *lists[] = {&all, &val};
    for (size_t l = 0; l < 2; l++) {
        for (size_t i = 0; i < lists[l]->count; i++) {
            const char *name = photo_name(lists[l], i);
            if (i > 0)
                assert_true(strcmp(photo_name(lists[l], i - 1), name) < 0);
            assert_int_equal(name[5] - '0', lists[l]->photos[i].class);
            if (l == 1)
                out[lists[l]->photos[i].class][atoi(name + 7)] = true;
        }
    }
    size_t chosen = val.count;
    photo_list_free(&all);
    photo_list_free(&val);
    return chosen;
}

static size_t count_in(const bool *chosen)
{
    size_t count = 0;
    for (size_t i = 0; i < MOST; i++)
        count += chosen[i];
    return count;
}

static bool one[10][MOST], other[10][MOST];

static void each_class_gives_its_share_to_the_photo(void **state)
{
    (void)state;
    static const size_t counts[] = {1, 2, 3, 4, 5, 7, 8, 100, 333, 1000};
    static const size_t fifths[] = {0, 0, 1, 1, 1, 1, 2, 20, 67, 200};
    for (uint64_t seed = 0; seed < 20; seed++) {
        split(one, counts, 10, &(struct split){.fraction = 0.2, .seed = seed});
        for (size_t class = 0; class < 10; class ++)
            assert_int_equal(count_in(one[class]), fifths[class]);
    }
    /* Halves up, also where binary fractions fall short of them; never all. */
    assert_int_equal(split_share(5, 0.1), 1);
    assert_int_equal(split_share(4, 0.1), 0);
    assert_int_equal(split_share(50, 0.29), 15);
    assert_int_equal(split_share(10, 0.35), 4);
    assert_int_equal(split_share(2, 0.25), 1);
    assert_int_equal(split_share(2, 0.9), 1);
    assert_int_equal(split_share(3, 0.9), 2);
    assert_int_equal(split_share(1, 0.9), 0);
    assert_int_equal(split_share(0, 0.5), 0);
}

/* What a seed means must not change from version to version. */
static void the_split_is_the_same_for_ever(void **state)
{
    (void)state;
    static const size_t counts[] = {32};
    char bits[33] = {0}, again[33] = {0};
    split(one, counts, 1, &(struct split){.fraction = 0.25, .seed = 42});
    split(other, counts, 1, &(struct split){.fraction = 0.25, .seed = 43});
    for (int i = 0; i < 32; i++) {
        bits[i] = one[0][i] ? '1' : '0';
        again[i] = other[0][i] ? '1' : '0';
    }
    assert_string_equal(bits, "00010001000100011110010000000000");
    assert_string_not_equal(bits, again);
}

/* Adding m photos to a class moves at most m of the others, mostly fewer, and none of another class. */
static void added_photos_move_only_those_at_the_border(void **state)
{
    (void)state;
    size_t moved_by_one = 0;
    for (size_t n = 2; n < 300; n++) {
        for (size_t more = 1; more <= 10; more += 9) {
            const size_t before[] = {n, 100}, after[] = {n + more, 100};
            const struct split how = {.fraction = 0.2, .seed = n};
            split(one, before, 2, &how);
            split(other, after, 2, &how);
            size_t moved = 0;
            for (size_t i = 0; i < n; i++)
                moved += one[0][i] == other[0][i] ? 0 : 1;
            assert_true(moved <= more);
            moved_by_one += more == 1 ? moved : 0;
            assert_memory_equal(one[1], other[1], MOST);
        }
    }
    /* With one more, the share grows in one case of five, and the photo falls among the chosen in one of five: one
     * moves when only one of these happens, in 32 % of the cases. */
    assert_in_range(moved_by_one, 60, 140);
}

static void folds_differ_by_one_photo_at_most_and_take_each_once(void **state)
{
    (void)state;
    static const size_t counts[] = {1, 2, 3, 4, 11, 12, 97, 3, 3, 400};
    static const unsigned folds[] = {2, 3, 5, 7, 10, 40};
    for (size_t f = 0; f < sizeof folds / sizeof *folds; f++) {
        size_t seen[10][MOST] = {0}, least = SIZE_MAX, most = 0;
        for (unsigned fold = 1; fold <= folds[f]; fold++) {
            size_t all = split(one, counts, 10, &(struct split){.folds = folds[f], .fold = fold, .seed = 7});
            least = all < least ? all : least;
            most = all > most ? all : most;
            for (size_t class = 0; class < 10; class ++) {
                size_t n = counts[class], chosen = count_in(one[class]);
                if (n == 1)
                    assert_int_equal(chosen, 0);
                else
                    assert_in_range(chosen, n / folds[f], n / folds[f] + (n % folds[f] > 0));
                assert_true(chosen < n); /* something is left to train on */
                for (size_t i = 0; i < n; i++)
                    seen[class][i] += one[class][i];
            }
        }
        assert_true(most - least <= 1);
        for (size_t class = 0; class < 10; class ++)
            for (size_t i = 0; i < counts[class]; i++)
                assert_int_equal(seen[class][i], counts[class] == 1 ? 0 : 1);
    }
}

static void added_photos_move_few_from_fold_to_fold(void **state)
{
    (void)state;
    enum { FOLDS = 5 };
    static const size_t before[] = {100, 100}, after[] = {101, 100};
    size_t moved = 0;
    for (unsigned fold = 1; fold <= FOLDS; fold++) {
        const struct split how = {.folds = FOLDS, .fold = fold, .seed = 3};
        split(one, before, 2, &how);
        split(other, after, 2, &how);
        for (size_t i = 0; i < 100; i++)
            moved += (size_t)(one[0][i] != other[0][i]) + (size_t)(one[1][i] != other[1][i]);
    }
    assert_true(moved <= 2 * 2 * (FOLDS - 1)); /* in each class one across each border, which two folds see */
}

static void touch(const char *name)
{
    test_write(test_path(folder, name), "", 0);
}

static void files_that_are_no_photos_do_not_count(void **state)
{
    (void)state;
    struct dataset data;
    struct error err = {0};
    char name[64];
    for (int i = 0; i < 20; i++) {
        for (int class = 0; class < 2; class ++) {
            snprintf(name, sizeof name, "%s/%02d.jpg", class ? "bees" : "ants", i);
            touch(name);
            snprintf(name, sizeof name, "%s/%02d.xml", class ? "bees" : "ants", i);
            touch(name);
        }
    }
    assert_int_equal(dataset_open(&data, folder, 0.25, 1, &err), OK);
    assert_int_equal(data.train.count, 30);
    assert_int_equal(data.val.count, 10);
    assert_int_equal(data.train.others, 40);
    assert_string_equal(data.train.other, "ants/00.xml");
    dataset_close(&data);
}

static void splits_that_leave_nothing_say_what_helps(void **state)
{
    (void)state;
    struct dataset data;
    struct error err = {0};
    touch("a/1.jpg");
    touch("b/1.jpg");
    assert_int_equal(dataset_open(&data, folder, 0.5, 1, &err), ERR_DATA);
    assert_non_null(strstr(err.text, "each class has a single photo"));
    assert_int_equal(dataset_open_fold(&data, folder, 2, 1, 1, &err), ERR_DATA);
    assert_non_null(strstr(err.text, "each class has a single photo"));
    touch("b/2.jpg");
    assert_int_equal(dataset_open(&data, folder, 0.2, 1, &err), ERR_DATA);
    assert_non_null(strstr(err.text, "use --val-split 0.25 or more"));
    assert_int_equal(dataset_open(&data, folder, 0.25, 1, &err), OK);
    assert_int_equal(data.val.count, 1);
    assert_int_equal(data.val.photos[0].class, 1);
    dataset_close(&data);
    assert_int_equal(dataset_open_fold(&data, folder, 3, 1, 1, &err), ERR_DATA);
    assert_non_null(strstr(err.text, "2 photos can validate, too few for 3 folds: use --folds 2 or fewer"));
    for (unsigned fold = 1; fold <= 2; fold++) {
        assert_int_equal(dataset_open_fold(&data, folder, 2, fold, 1, &err), OK);
        assert_int_equal(data.val.count, 1);
        dataset_close(&data);
    }
    touch("train/a/1.jpg");
    touch("val/a/1.jpg");
    assert_int_equal(dataset_open_fold(&data, folder, 5, 1, 1, &err), ERR_USAGE);
    assert_non_null(strstr(err.text, "/train"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_class_gives_its_share_to_the_photo),
        cmocka_unit_test(the_split_is_the_same_for_ever),
        cmocka_unit_test(added_photos_move_only_those_at_the_border),
        cmocka_unit_test(folds_differ_by_one_photo_at_most_and_take_each_once),
        cmocka_unit_test(added_photos_move_few_from_fold_to_fold),
        cmocka_unit_test_setup_teardown(files_that_are_no_photos_do_not_count, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(splits_that_leave_nothing_say_what_helps, folder_setup, folder_teardown),
    };
    return cmocka_run_group_tests_name("split", tests, NULL, NULL);
}
