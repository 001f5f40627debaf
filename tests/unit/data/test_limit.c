/* --limit: photos of a class for a trial. */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/data/dataset.h"
#include "core/data/limit.h"
#include "core/data/walk.h"
#include "tests/support/own_folder.h"
#include "tests/support/test_files.h"

enum { CLASSES = 3 };
static const size_t counts[CLASSES] = {40, 7, 1};

static struct photo_list make_list(void)
{
    struct photo_list list = {0};
    char class[24], name[24];
    for (uint32_t c = 0; c < CLASSES; c++)
        for (size_t i = 0; i < counts[c]; i++) {
            snprintf(class, sizeof class, "c%u", (unsigned)c);
            snprintf(name, sizeof name, "%02zu", i);
            assert_int_equal(photo_list_push(&list, class, name, c, NULL), OK);
        }
    return list;
}

static bool holds(const struct photo_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(photo_name(list, i), name) == 0)
            return true;
    return false;
}

static void a_limit_is_part_of_a_larger_one(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct photo_list before = {0};
        for (size_t limit = 1; limit <= 64; limit *= 2) {
            struct photo_list list = make_list();
            size_t found[CLASSES] = {0};
            assert_int_equal(limit_list(&list, limit, seed, NULL), OK);
            for (size_t i = 0; i < list.count; i++) {
                found[list.photos[i].class]++;
                if (i > 0)
                    assert_true(strcmp(photo_name(&list, i - 1), photo_name(&list, i)) < 0);
            }
            for (size_t c = 0; c < CLASSES; c++)
                assert_int_equal(found[c], counts[c] < limit ? counts[c] : limit);
            for (size_t i = 0; i < before.count; i++)
                assert_true(holds(&list, photo_name(&before, i)));
            photo_list_free(&before);
            before = list;
        }
        photo_list_free(&before);
    }
}

static void the_seed_chooses(void **state)
{
    (void)state;
    struct photo_list a = make_list(), b = make_list(), c = make_list();
    assert_int_equal(limit_list(&a, 5, 1, NULL), OK);
    assert_int_equal(limit_list(&b, 5, 1, NULL), OK);
    assert_int_equal(limit_list(&c, 5, 2, NULL), OK);
    size_t moved = 0;
    for (size_t i = 0; i < a.count; i++) {
        assert_string_equal(photo_name(&a, i), photo_name(&b, i));
        moved += !holds(&c, photo_name(&a, i));
    }
    assert_true(moved > 3);
    photo_list_free(&a);
    photo_list_free(&b);
    photo_list_free(&c);
}

static void photos_that_validate_stay(void **state)
{
    (void)state;
    struct dataset all, few;
    struct error err = {0};
    for (size_t i = 0; i < 20; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s/%02zu.jpg", i % 2 ? "a" : "b", i);
        test_write(test_path(folder, name), "", 0);
    }
    struct dataset_source source = {.data = folder, .val_split = 0.3, .seed = 4};
    assert_int_equal(dataset_open_source(&all, &source, &err), OK);
    source.limit = 2;
    assert_int_equal(dataset_open_source(&few, &source, &err), OK);
    assert_int_equal(few.train.count, 4);
    assert_int_equal(few.val.count, all.val.count);
    for (size_t i = 0; i < few.val.count; i++)
        assert_string_equal(photo_name(&few.val, i), photo_name(&all.val, i));
    for (size_t i = 0; i < few.train.count; i++)
        assert_true(holds(&all.train, photo_name(&few.train, i)));
    dataset_close(&all);
    dataset_close(&few);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_limit_is_part_of_a_larger_one),
        cmocka_unit_test(the_seed_chooses),
        cmocka_unit_test_setup_teardown(photos_that_validate_stay, folder_setup, folder_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
