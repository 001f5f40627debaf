/* --group-by: photos that belong together lie on one side of every split, whatever the tree. */
#define _GNU_SOURCE
#include "tests/support/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/rng.h"
#include "core/data/dataset.h"
#include "core/data/split_groups.h"
#include "core/data/walk.h"
#include "tests/support/own_folder.h"
#include "tests/support/test_files.h"

enum { TREES = 1000, PHOTOS = 240, CLASSES = 6, GROUPS = 40 };

/* A random tree: classes have from none to many photos in each group; some photos are alone (group -1). Photos are
 * named after their number, so that a list can be read back. */
struct tree {
    size_t count, classes, groups;
    uint32_t class[PHOTOS];
    int group[PHOTOS];
};

static int by_class(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static struct tree grow(uint32_t seed)
{
    struct tree tree = {0};
    struct rng rng = rng_stream(seed, RNG_TEST, 0, 0);
    tree.classes = 2 + rng_below(&rng, CLASSES - 1);
    tree.groups = 1 + rng_below(&rng, GROUPS);
    tree.count = tree.classes + rng_below(&rng, PHOTOS - CLASSES);
    uint32_t crowded = rng_below(&rng, 3), alone = rng_below(&rng, 2) * 10;
    for (size_t i = 0; i < tree.count; i++)
        tree.class[i] = i < tree.classes ? (uint32_t)i : rng_below(&rng, (uint32_t)tree.classes);
    qsort(tree.class, tree.count, sizeof *tree.class, by_class);
    for (size_t i = 0; i < tree.count; i++) {
        uint32_t group = rng_below(&rng, (uint32_t)tree.groups);
        for (uint32_t c = 0; c < crowded; c++) /* few large groups and many small ones */
            group = rng_below(&rng, group + 1);
        tree.group[i] = alone && rng_below(&rng, 100) < alone ? -1 : (int)group;
    }
    return tree;
}

/* Which photos validate. False: no such split (ERR_DATA). */
static bool divide(bool validates[PHOTOS], const struct tree *tree, const struct split *how)
{
    struct photo_list all = {0}, val = {0};
    struct photo_groups groups = {0};
    struct error err = {0};
    assert_int_equal(memory_strdup(&all.root, "root", &err), OK);
    for (size_t i = 0; i < tree->count; i++) {
        char name[16], key[16] = "";
        snprintf(name, sizeof name, "%zu", i);
        if (tree->group[i] >= 0)
            snprintf(key, sizeof key, "g%d", tree->group[i]);
        assert_int_equal(photo_list_push(&all, name, NULL, tree->class[i], &err), OK);
        assert_int_equal(photo_groups_add(&groups, key, strlen(key), &err), OK);
    }
    enum status status = split_groups(&all, &val, &groups, how, tree->classes, &err);
    assert_true(status == OK || status == ERR_DATA);
    assert_int_equal(all.count + val.count, tree->count);
    memset(validates, 0, PHOTOS);
    for (size_t i = 0; i < val.count; i++) {
        size_t photo = (size_t)atoi(photo_name(&val, i));
        assert_int_equal(val.photos[i].class, tree->class[photo]);
        validates[photo] = true;
    }
    for (size_t i = 0; i < all.count; i++)
        assert_false(validates[atoi(photo_name(&all, i))]);
    if (status == OK)
        assert_true(val.count > 0 && all.count > 0);
    photo_groups_free(&groups);
    photo_list_free(&all);
    photo_list_free(&val);
    return status == OK;
}

static void assert_whole(const struct tree *tree, const bool *validates)
{
    int side[GROUPS];
    bool trains[CLASSES] = {false};
    memset(side, -1, sizeof side);
    for (size_t i = 0; i < tree->count; i++) {
        trains[tree->class[i]] |= !validates[i];
        if (tree->group[i] < 0)
            continue;
        if (side[tree->group[i]] >= 0 && side[tree->group[i]] != (int)validates[i])
            fail_msg("group %d lies on both sides", tree->group[i]);
        side[tree->group[i]] = validates[i];
    }
    for (size_t class = 0; class < tree->classes; class ++)
        assert_true(trains[class]);
}

/* No further group would bring the shares nearer to F. */
static void assert_no_nearer(const struct tree *tree, const bool *validates, double fraction)
{
    double n[CLASSES] = {0}, v[CLASSES] = {0};
    for (size_t i = 0; i < tree->count; i++) {
        n[tree->class[i]]++;
        v[tree->class[i]] += validates[i];
    }
    for (int group = 0; group < GROUPS; group++) {
        double g[CLASSES] = {0}, change = 0;
        bool trains = false, empties = false;
        for (size_t i = 0; i < tree->count; i++) {
            g[tree->class[i]] += tree->group[i] == group;
            trains |= tree->group[i] == group && !validates[i];
        }
        for (size_t class = 0; class < tree->classes; class ++) {
            double before = v[class] - fraction * n[class], after = before + g[class];
            change += (after * after - before * before) / n[class];
            empties |= g[class] > 0 && v[class] + g[class] == n[class];
        }
        assert_true(!trains || empties || change > -1e-9);
    }
}

static void a_group_never_straddles(void **state)
{
    (void)state;
    static const double fractions[] = {0.1, 0.2, 0.5};
    static const unsigned folds[] = {2, 3, 5};
    size_t made[2] = {0, 0}, moved = 0;
    for (uint32_t t = 0; t < TREES; t++) {
        const struct tree tree = grow(t);
        bool validates[PHOTOS], again[PHOTOS];
        for (size_t f = 0; f < 3; f++) {
            struct split how = {.fraction = fractions[f], .seed = t};
            if (!divide(validates, &tree, &how))
                continue;
            made[0]++;
            assert_whole(&tree, validates);
            assert_no_nearer(&tree, validates, fractions[f]);
            assert_true(divide(again, &tree, &how));
            assert_memory_equal(validates, again, tree.count);
            how.seed++;
            moved += divide(again, &tree, &how) && memcmp(validates, again, tree.count) != 0;
        }
        for (size_t f = 0; f < 3; f++) {
            unsigned times[PHOTOS] = {0};
            bool good = true;
            for (unsigned fold = 1; good && fold <= folds[f]; fold++) {
                good = divide(validates, &tree, &(struct split){.folds = folds[f], .fold = fold, .seed = t});
                assert_true(good || fold == 1); /* it is all of them or none */
                if (good)
                    assert_whole(&tree, validates);
                for (size_t i = 0; good && i < tree.count; i++)
                    times[i] += validates[i];
            }
            made[1] += good;
            for (size_t i = 0; i < tree.count; i++)
                assert_true(times[i] <= 1);
        }
    }
    /* Most trees can be split, and the seed decides how. */
    assert_true(made[0] > TREES * 3 * 8 / 10 && made[1] > TREES * 3 * 7 / 10 && moved > made[0] * 7 / 10);
}

/* Each photo alone: shares to the photo, and folds that differ by one in each class. */
static void shares_are_kept_where_groups_allow(void **state)
{
    (void)state;
    struct tree tree = {.count = 200, .classes = 3, .groups = 1};
    bool validates[PHOTOS];
    for (size_t i = 0; i < tree.count; i++) {
        tree.class[i] = i < 100 ? 0 : i < 163 ? 1 : 2;
        tree.group[i] = -1;
    }
    static const size_t n[] = {100, 63, 37};
    assert_true(divide(validates, &tree, &(struct split){.fraction = 0.2, .seed = 3}));
    size_t counts[3] = {0};
    for (size_t i = 0; i < tree.count; i++)
        counts[tree.class[i]] += validates[i];
    for (size_t class = 0; class < 3; class ++)
        assert_int_equal(counts[class], (size_t)lround(0.2 * (double)n[class]));
    size_t all = 0;
    for (unsigned fold = 1; fold <= 4; fold++) {
        memset(counts, 0, sizeof counts);
        assert_true(divide(validates, &tree, &(struct split){.folds = 4, .fold = fold, .seed = 3}));
        for (size_t i = 0; i < tree.count; i++)
            counts[tree.class[i]] += validates[i];
        for (size_t class = 0; class < 3; class ++) {
            assert_true(counts[class] == n[class] / 4 || counts[class] == n[class] / 4 + 1);
            all += counts[class];
        }
    }
    assert_int_equal(all, tree.count);
}

static void what_no_split_can_do_is_refused(void **state)
{
    (void)state;
    bool validates[PHOTOS];
    struct tree tree = {
        .count = 6, .classes = 2, .groups = 3, .class = {0, 0, 0, 1, 1, 1}, .group = {0, 0, 0, 1, 1, 1}};
    assert_false(divide(validates, &tree, &(struct split){.fraction = 0.5})); /* each is all of a class */
    tree.group[5] = 2;
    assert_true(divide(validates, &tree, &(struct split){.fraction = 0.001})); /* one group, where shares allow none */
    assert_false(divide(validates, &tree, &(struct split){.folds = 3, .fold = 1}));
    assert_true(divide(validates, &tree, &(struct split){.folds = 2, .fold = 1}));
}

/* ---- what the groups are ----------------------------------------------------------------------------------------- */

static void touch(const char *name)
{
    test_write(test_path(folder, name), "", 0);
}

static void assert_groups(const struct photo_list *list, const struct class_names *classes, const char *expected)
{
    struct photo_groups groups = {0};
    char text[400] = "";
    assert_int_equal(photo_groups_add_folders(&groups, list, classes, NULL), OK);
    for (size_t i = 0; i < list->count; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s=%s ", photo_name(list, i),
                 photo_groups_get(&groups, i));
    assert_string_equal(text, expected);
    photo_groups_free(&groups);
}

static void folders_are_groups_over_all_classes(void **state)
{
    (void)state;
    struct photo_list list = {0};
    char cats[] = "cats", dogs[] = "dogs";
    char *names[] = {cats, dogs};
    static const char *const photos[] = {"cats/1", "cats/p7/1", "dogs/p7/2/3", "dogs/p7/4",
                                         "p7/5",   "6",         "cat/7",       "../cats/8"};
    for (size_t i = 0; i < sizeof photos / sizeof *photos; i++)
        assert_int_equal(photo_list_push(&list, photos[i], NULL, 0, NULL), OK);
    assert_groups(&list, &(struct class_names){names, 2},
                  "cats/1= cats/p7/1=p7 dogs/p7/2/3=p7/2 dogs/p7/4=p7 p7/5=p7 6= cat/7=cat ../cats/8=../cats ");
    photo_list_free(&list);
}

static void datasets_keep_groups_together(void **state)
{
    (void)state;
    struct dataset data;
    struct error err = {0};
    for (int class = 0; class < 2; class ++)
        for (int group = 0; group < 5; group++)
            for (int photo = 0; photo < 4; photo++) {
                char name[64];
                snprintf(name, sizeof name, "all/class%d/p%d/%d.jpg", class, group, photo);
                touch(name);
                snprintf(name, sizeof name, "%s/class%d/p%d/%d.jpg", photo ? "two/train" : "two/val", class, group,
                         photo);
                touch(name);
            }
    const char *all = test_path(folder, "all"), *two = test_path(folder, "two");
    assert_int_equal(
        dataset_open_source(&data, &(struct dataset_source){.data = all, .val_split = 0.2, .group_by = GROUP_FOLDER},
                            &err),
        OK);
    assert_non_null(strstr(data.train.note, "like class0/p0, are groups of photos"));
    assert_int_equal(data.val.count, 8); /* one of five, of both classes */
    for (size_t i = 1; i < data.val.count; i++)
        assert_memory_equal(strchr(photo_name(&data.val, i), 'p'), strchr(photo_name(&data.val, 0), 'p'), 3);
    dataset_close(&data);
    assert_int_equal(dataset_open_source(&data, &(struct dataset_source){.data = two, .group_by = GROUP_FOLDER}, &err),
                     ERR_DATA);
    assert_non_null(strstr(err.text, "the group 'p0' has photos that train and photos that validate"));
    assert_int_equal(dataset_open_source(&data, &(struct dataset_source){.data = two}, &err), OK);
    dataset_close(&data);
    assert_int_equal(dataset_open_source(&data, &(struct dataset_source){.data = two, .group_by = GROUP_COLUMN}, &err),
                     ERR_USAGE);
}

static enum status open_list(struct dataset *data, const char *text, double val_split, enum group_by by,
                             struct error *err)
{
    char path[512];
    snprintf(path, sizeof path, "%s", test_path(folder, "list.csv"));
    test_write(path, text, strlen(text));
    return dataset_open_source(data, &(struct dataset_source){.labels = path, .val_split = val_split, .group_by = by},
                               err);
}

static void a_column_names_groups(void **state)
{
    (void)state;
    struct dataset data;
    struct error err = {0};
    for (const char *name = "abcdefgh"; *name; name++)
        touch((char[]){*name, '\0'});
    static const char rows[] = "file,label,group\na,x,1\nb,x,2\nc,x,2\nd,x,1\ne,y,2\nf,y,1\ng,y,1\nh,y,2\n";
    assert_int_equal(open_list(&data, rows, 0.5, GROUP_COLUMN, &err), OK);
    assert_int_equal(data.val.count, 4);
    bool first = photo_name(&data.val, 0)[0] == 'a';
    const char *expected = first ? "adfg" : "bceh";
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(photo_name(&data.val, i)[0], expected[i]);
    dataset_close(&data);
    assert_int_equal(open_list(&data, "file,label\na,x\nb,y\n", 0.5, GROUP_COLUMN, &err), ERR_DATA);
    assert_non_null(strstr(err.text, "has no column 'group'"));
    assert_int_equal(open_list(&data,
                               "file,label,group,split\na,x,1,train\nb,y,,train\nc,x,2,val\nd,x,,val\ne,y,1,val\n", 0,
                               GROUP_COLUMN, &err),
                     ERR_DATA);
    assert_non_null(strstr(err.text, "the group '1' has photos that train"));
    assert_int_equal(open_list(&data, "file,label,group,split\na,x,1,train\nb,y,,train\nc,x,2,val\nd,x,,val\n", 0,
                               GROUP_COLUMN, &err),
                     OK);
    dataset_close(&data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_group_never_straddles),
        cmocka_unit_test(shares_are_kept_where_groups_allow),
        cmocka_unit_test(what_no_split_can_do_is_refused),
        cmocka_unit_test(folders_are_groups_over_all_classes),
        cmocka_unit_test_setup_teardown(datasets_keep_groups_together, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(a_column_names_groups, folder_setup, folder_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
