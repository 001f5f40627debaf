/* Likely wrong labels: by hand, and as cleanlab finds them in made probabilities
 * (scripts/make_confident_fixture.py wrote the table). */
#include "tests/support/test.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/train/confident.h"

enum { CLASSES_MOST = 16, PHOTOS_MOST = 128 };

struct row {
    size_t label;
    int rank, doubted;
    double score, p[CLASSES_MOST];
};

struct found {
    size_t photo;
    double score;
};

static void assert_close(double a, double b)
{
    assert_true(fabs(a - b) < 1e-12);
}

static int by_score(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    return x->score < y->score ? -1 : x->score > y->score;
}

static void learn_for(struct confident *confident, size_t classes, double doubtful, const struct row *rows,
                      size_t count)
{
    struct error err = {0};
    if (confident_init(confident, classes, doubtful, &err) != OK)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < count; i++)
        confident_learn(confident, rows[i].label, rows[i].p);
    confident_settle(confident);
}

static void learn(struct confident *confident, size_t classes, const struct row *rows, size_t count)
{
    learn_for(confident, classes, CONFIDENT_DOUBTFUL, rows, count);
}

/* Thresholds are (0.9 + 0.7 + 0.2) / 3 = 0.6 and (0.9 + 0.8 + 0.35) / 3 = 0.6833. */
static void a_table_by_hand(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {.label = 0, .p = {0.9, 0.1}}, {.label = 0, .p = {0.7, 0.3}},   {.label = 0, .p = {0.2, 0.8}},
        {.label = 1, .p = {0.1, 0.9}}, {.label = 1, .p = {0.65, 0.35}}, {.label = 1, .p = {0.2, 0.8}},
    };
    static const enum confidence wrong[] = {CONFIDENCE_RIGHT, CONFIDENCE_RIGHT, CONFIDENCE_WRONG,
                                            CONFIDENCE_RIGHT, CONFIDENCE_WRONG, CONFIDENCE_RIGHT};
    struct confident confident;
    learn(&confident, 2, rows, 6);
    assert_close(confident.thresholds[0], 0.6);
    assert_close(confident.thresholds[1], 2.05 / 3);
    for (size_t i = 0; i < 6; i++) {
        double score = -1;
        size_t class = 9;
        assert_int_equal(confident_judge(&score, &class, &confident, rows[i].label, rows[i].p), wrong[i]);
        if (!wrong[i])
            continue;
        assert_int_equal(class, 1 - rows[i].label);
        assert_close(score, i == 2 ? 0.2 : 0.35);
    }
    confident_free(&confident);
}

/* A class that no photo has is never confident, only doubtful. */
static void a_class_without_photos_is_not_confident(void **state)
{
    (void)state;
    static const struct row rows[] = {{.label = 0, .p = {0.3, 0.2, 0.5}}, {.label = 1, .p = {0.1, 0.8, 0.1}}};
    struct confident confident;
    double score;
    size_t class;
    learn(&confident, 3, rows, 2);
    assert_int_equal(confident_judge(&score, &class, &confident, 0, rows[0].p), CONFIDENCE_RIGHT);
    assert_int_equal(confident_judge(&score, &class, &confident, 1, rows[1].p), CONFIDENCE_RIGHT);
    static const double p[] = {0.05, 0.05, 0.9};
    assert_int_equal(confident_judge(&score, &class, &confident, 0, p), CONFIDENCE_DOUBTFUL);
    assert_int_equal(class, 2);
    assert_close(score, 0.075);
    static const double near[] = {0.24, 0.01, 0.75}; /* by 0.51, and by 0.49 */
    assert_int_equal(confident_judge(&score, &class, &confident, 0, near), CONFIDENCE_DOUBTFUL);
    static const double nearer[] = {0.25, 0.01, 0.74};
    assert_int_equal(confident_judge(&score, &class, &confident, 0, nearer), CONFIDENCE_RIGHT);
    confident_free(&confident);
    learn_for(&confident, 3, CONFIDENT_DOUBTFUL_MEAN, rows, 2); /* by 0.49, by 0.41, and by 0.39 */
    assert_int_equal(confident_judge(&score, &class, &confident, 0, nearer), CONFIDENCE_DOUBTFUL);
    static const double means[][3] = {{0.29, 0.01, 0.7}, {0.3, 0.01, 0.69}};
    assert_int_equal(confident_judge(&score, &class, &confident, 0, means[0]), CONFIDENCE_DOUBTFUL);
    assert_int_equal(confident_judge(&score, &class, &confident, 0, means[1]), CONFIDENCE_RIGHT);
    confident_free(&confident);
}

/* Thresholds 0.3, 0.9, 0.5 and, of a class whose own photos have nothing of it, the least one. */
static void one_class_that_is_reached_wins_over_a_more_probable_one(void **state)
{
    (void)state;
    static const struct row rows[] = {{.label = 0, .p = {0.3, 0.7, 0, 0}},
                                      {.label = 1, .p = {0.1, 0.9, 0, 0}},
                                      {.label = 2, .p = {0.2, 0.3, 0.5, 0}},
                                      {.label = 3, .p = {1, 0, 0, 0}}};
    struct confident confident;
    double score;
    size_t class;
    learn(&confident, 4, rows, 4);
    assert_true(confident.thresholds[3] > 0);
    static const double one[] = {0.35, 0.45, 0.2, 0}; /* class 0 is reached, class 1 is not */
    assert_int_equal(confident_judge(&score, &class, &confident, 2, one), CONFIDENCE_WRONG);
    assert_int_equal(class, 0);
    static const double two[] = {0.3, 0.5, 0.15, 0.05}; /* 0 and 3: so the most probable one */
    assert_int_equal(confident_judge(&score, &class, &confident, 2, two), CONFIDENCE_WRONG);
    assert_int_equal(class, 1);
    confident_free(&confident);
}

static void read_row(struct row *row, FILE *table, size_t classes)
{
    assert_int_equal(fscanf(table, "%zu %d %d %lf", &row->label, &row->rank, &row->doubted, &row->score), 4);
    assert_true(row->label < classes);
    for (size_t k = 0; k < classes; k++)
        assert_int_equal(fscanf(table, "%lf", &row->p[k]), 1);
}

/* The same photos, in the same order, with the same scores. */
static size_t compare(const struct row *rows, size_t count, size_t classes)
{
    struct confident confident;
    struct found found[PHOTOS_MOST];
    size_t wrong = 0;
    learn(&confident, classes, rows, count);
    for (size_t i = 0; i < count; i++) {
        size_t class = rows[i].label;
        enum confidence is = confident_judge(&found[wrong].score, &class, &confident, rows[i].label, rows[i].p);
        bool is_wrong = is == CONFIDENCE_WRONG;
        assert_int_equal(is_wrong, rows[i].rank >= 0);
        bool doubtful = rows[i].doubted && rows[i].score <= CONFIDENT_DOUBTFUL;
        assert_int_equal(is != CONFIDENCE_RIGHT, is_wrong || doubtful);
        assert_int_equal(is != CONFIDENCE_RIGHT, class != rows[i].label);
        if (is_wrong) {
            assert_close(found[wrong].score, rows[i].score);
            found[wrong++].photo = i;
        }
    }
    qsort(found, wrong, sizeof *found, by_score);
    for (size_t i = 0; i < wrong; i++)
        assert_int_equal(rows[found[i].photo].rank, (int)i);
    confident_free(&confident);
    return wrong;
}

static void photos_and_order_equal_cleanlab(void **state)
{
    (void)state;
    static struct row rows[PHOTOS_MOST];
    char title[256];
    size_t classes, photos, wrong = 0, matrices = 0;
    FILE *table = fopen("tests/fixtures/confident.tsv", "r");
    assert_non_null(table);
    assert_non_null(fgets(title, sizeof title, table));
    while (fscanf(table, " matrix %zu %zu", &classes, &photos) == 2) {
        assert_true(classes <= CLASSES_MOST && photos <= PHOTOS_MOST);
        for (size_t i = 0; i < photos; i++)
            read_row(&rows[i], table, classes);
        wrong += compare(rows, photos, classes);
        matrices++;
    }
    fclose(table);
    assert_int_equal(matrices, 4);
    assert_true(wrong > 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_by_hand),
        cmocka_unit_test(a_class_without_photos_is_not_confident),
        cmocka_unit_test(one_class_that_is_reached_wins_over_a_more_probable_one),
        cmocka_unit_test(photos_and_order_equal_cleanlab),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
