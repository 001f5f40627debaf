#include "tests/support/test.h"

#include <math.h>
#include <stdlib.h>

#include "core/train/confusion.h"
#include "core/train/metrics.h"

static void close_to(double found, double expected)
{
    if (!(fabs(found - expected) <= 1e-7))
        fail_msg("found %.12g, expected %.12g", found, expected);
}

/* Ten answers for three classes. Expected values by hand (and as scikit-learn 1.5 gives them for these lists):
 *   label      0 0 0 0 1 1 1 2 2 2
 *   predicted  0 0 1 0 1 1 2 0 2 1 */
static const int32_t labels[] = {0, 0, 0, 0, 1, 1, 1, 2, 2, 2};
static const int32_t predicted[] = {0, 0, 1, 0, 1, 1, 2, 0, 2, 1};

/* The larger the number, the surer the answer. */
static void fill_logits(float logits[30], uint32_t photos[10])
{
    for (size_t i = 0; i < 10; i++) {
        for (size_t k = 0; k < 3; k++)
            logits[3 * i + k] = (int32_t)k == predicted[i] ? 1.0f + (float)i : 0.0f;
        photos[i] = (uint32_t)(100 + i);
    }
}

static struct metrics make(size_t classes, size_t room)
{
    struct metrics metrics;
    struct error err;
    assert_int_equal(metrics_init(&metrics, classes, room, &err), OK);
    return metrics;
}

static void counts_and_scores(void **state)
{
    (void)state;
    float logits[30];
    uint32_t photos[10];
    struct metrics metrics = make(3, 10);
    fill_logits(logits, photos);
    metrics_add(&metrics, logits, labels, photos, 4);
    metrics_add(&metrics, logits + 12, labels + 4, photos + 4, 6);
    assert_int_equal(metrics.count, 10);
    close_to(metrics_accuracy(&metrics), 0.6);
    close_to(metrics_top5(&metrics), 1.0);
    struct class_score zero = metrics_class(&metrics, 0), two = metrics_class(&metrics, 2);
    assert_int_equal(zero.right, 3);
    assert_int_equal(zero.labelled, 4);
    assert_int_equal(zero.predicted, 4);
    close_to(zero.f1, 0.75);
    close_to(two.precision, 0.5);
    close_to(two.recall, 1.0 / 3);
    close_to(two.f1, 0.4);
    close_to(metrics_macro_f1(&metrics), (0.75 + 4.0 / 7 + 0.4) / 3);
    metrics_free(&metrics);
}

/* The mean is over the classes that are labelled or predicted, as scikit-learn takes it: a class that was only
 * predicted counts with 0, one that is nowhere does not count. */
static void macro_f1_counts_a_class_that_is_only_predicted(void **state)
{
    (void)state;
    static const float logits[] = {1, 0, 0, 0, 0, 0, 1, 0};
    static const int32_t right[] = {0, 0};
    struct metrics metrics = make(4, 2);
    metrics_add(&metrics, logits, right, NULL, 2);
    assert_int_equal(metrics_class(&metrics, 2).predicted, 1);
    assert_int_equal(metrics_class(&metrics, 2).labelled, 0);
    close_to(metrics_class(&metrics, 0).f1, 2.0 / 3);
    close_to(metrics_macro_f1(&metrics), (2.0 / 3 + 0) / 2);
    metrics_free(&metrics);
}

static void the_confusion_matrix_is_that_of_the_predictions(void **state)
{
    (void)state;
    static const uint64_t matrix[3][3] = {{3, 1, 0}, {0, 2, 1}, {1, 1, 1}};
    float logits[30];
    uint32_t photos[10];
    struct metrics metrics = make(3, 10);
    struct confusion confusion;
    uint64_t row[3];
    size_t at = 0;
    assert_int_equal(confusion_make(&confusion, &metrics, NULL), OK);
    assert_int_equal(confusion.count, 0);
    confusion_free(&confusion);
    fill_logits(logits, photos);
    metrics_add(&metrics, logits, labels, photos, 10);
    assert_int_equal(confusion_make(&confusion, &metrics, NULL), OK);
    assert_int_equal(confusion.count, 7); /* nothing that is 0 */
    for (uint32_t label = 0; label < 3; label++) {
        confusion_row(row, 3, &confusion, label, &at);
        assert_memory_equal(row, matrix[label], sizeof row);
    }
    assert_int_equal(confusion_sort_mistakes(&confusion), 4);
    assert_int_equal(confusion.cells[0].label, 0);
    assert_int_equal(confusion.cells[0].predicted, 1);
    assert_int_equal(confusion.cells[4].count, 3); /* then the right ones */
    confusion_free(&confusion);
    metrics_free(&metrics);
}

/* The square of a million classes is 8 TB. */
static void many_classes_take_no_square(void **state)
{
    (void)state;
    enum { MANY = 1000000 };
    struct metrics metrics = make(MANY, 1);
    struct confusion confusion;
    float *logits = calloc(MANY, sizeof *logits);
    const int32_t label = MANY - 1;
    const uint32_t photo = 0;
    assert_non_null(logits);
    logits[7] = 1;
    metrics_add(&metrics, logits, &label, &photo, 1);
    assert_int_equal(metrics_bytes(MANY, 1), 24000000 + sizeof(struct prediction));
    assert_int_equal(metrics_class(&metrics, 7).predicted, 1);
    close_to(metrics_macro_f1(&metrics), 0);
    assert_int_equal(confusion_make(&confusion, &metrics, NULL), OK);
    assert_int_equal(confusion.count, 1);
    assert_int_equal(confusion.cells[0].label, MANY - 1);
    assert_int_equal(confusion.cells[0].predicted, 7);
    confusion_free(&confusion);
    metrics_free(&metrics);
    free(logits);
}

static void loss_is_the_mean_cross_entropy(void **state)
{
    (void)state;
    const float logits[] = {1, 2, 3, 1000, 1000, 1000};
    const int32_t right[] = {2, 0};
    struct metrics metrics = make(3, 0);
    metrics_add(&metrics, logits, right, NULL, 2);
    /* -log softmax([1,2,3])[2] = 0.40760596444438 (PyTorch), log 3 for three equal ones. */
    close_to(metrics_loss(&metrics), (0.40760596444438 + log(3)) / 2);
    assert_int_equal(metrics.predictions_count, 0);
    metrics_reset(&metrics);
    close_to(metrics_loss(&metrics), 0);
    close_to(metrics_accuracy(&metrics), 0);
    close_to(metrics_macro_f1(&metrics), 0);
    metrics_free(&metrics);
}

static void ties_go_to_the_smaller_class(void **state)
{
    (void)state;
    const float equal[] = {0, 0, 0, 0, 0, 0, 0, 0};
    struct metrics metrics = make(8, 8);
    for (int32_t label = 0; label < 8; label++) {
        metrics_add(&metrics, equal, &label, NULL, 1);
        assert_int_equal(metrics.top1, 1); /* the first alone */
        assert_int_equal(metrics.top5, label < 5 ? label + 1 : 5);
    }
    assert_int_equal(metrics_class(&metrics, 0).predicted, 8);
    assert_int_equal(argmax(equal, 8), 0);
    metrics_free(&metrics);
}

static void a_nan_is_never_right(void **state)
{
    (void)state;
    const float logits[] = {NAN, NAN, NAN, NAN, NAN, NAN};
    const int32_t label = 0;
    struct metrics metrics = make(6, 1);
    metrics_add(&metrics, logits, &label, NULL, 1);
    assert_int_equal(metrics.top1, 0);
    assert_int_equal(metrics.top5, 0);
    assert_true(isnan(metrics_loss(&metrics)));
    assert_int_equal(metrics.infinite, 1);
    metrics_free(&metrics);
}

/* Where it is the logit of another class, the loss is a number, and yet this is no answer. */
static void an_infinite_logit_is_counted_and_named(void **state)
{
    (void)state;
    const float logits[] = {1, 2, 1, -INFINITY, 1, INFINITY};
    const int32_t right[] = {0, 0, 0};
    const uint32_t photos[] = {7, 8, 9};
    struct metrics metrics = make(2, 3);
    metrics_add(&metrics, logits, right, photos, 1);
    assert_int_equal(metrics.infinite, 0);
    metrics_add(&metrics, logits + 2, right, photos + 1, 2);
    assert_int_equal(metrics.infinite, 2);
    assert_int_equal(metrics.infinite_photo, 8);
    metrics_reset(&metrics);
    assert_int_equal(metrics.infinite, 0);
    metrics_free(&metrics);
}

static void worst_mistakes_come_surest_first(void **state)
{
    (void)state;
    float logits[30];
    uint32_t photos[10];
    struct prediction worst[4];
    struct metrics metrics = make(3, 10);
    fill_logits(logits, photos);
    metrics_add(&metrics, logits, labels, photos, 10);
    /* Wrong are 2, 6, 7 and 9; surer with the number. */
    assert_int_equal(metrics_worst(worst, 3, &metrics), 3);
    assert_int_equal(worst[0].photo, 109);
    assert_int_equal(worst[1].photo, 107);
    assert_int_equal(worst[2].photo, 106);
    assert_int_equal(worst[0].label, 2);
    assert_int_equal(worst[0].predicted, 1);
    assert_true(worst[0].probability > 0.999f && worst[0].label_probability < 0.001f);
    assert_int_equal(metrics_worst(worst, 4, &metrics), 4);
    assert_int_equal(worst[3].photo, 102);
    assert_int_equal(metrics_worst(worst, 0, &metrics), 0);
    metrics_free(&metrics);
}

/* Whatever the order that they come in; of equally sure ones the photo with the smaller number. */
static void the_order_of_mistakes_does_not_matter(void **state)
{
    (void)state;
    const float logits[] = {0, 9, 0, 1, 0, 9, 0, 5};
    const int32_t wrong[] = {0, 0, 0, 0};
    const uint32_t photos[] = {9, 3, 4, 6}, expected[] = {4, 9, 6, 3};
    struct prediction worst[4];
    struct metrics metrics = make(2, 4);
    metrics_add(&metrics, logits, wrong, photos, 4);
    for (size_t most = 1; most <= 4; most++) {
        assert_int_equal(metrics_worst(worst, most, &metrics), most);
        for (size_t i = 0; i < most; i++)
            assert_int_equal(worst[i].photo, expected[i]);
    }
    metrics_free(&metrics);
}

static void a_reset_forgets_everything(void **state)
{
    (void)state;
    const float logits[] = {1, 2, NAN, 1};
    const int32_t label[] = {0, 0};
    const uint32_t photos[] = {5, 6};
    struct metrics metrics = make(2, 3);
    metrics_add(&metrics, logits, label, photos, 1);
    double loss = metrics_loss(&metrics);
    metrics_add(&metrics, logits + 2, label, photos + 1, 1);
    metrics_reset(&metrics);
    metrics_add(&metrics, logits, label, photos, 1);
    close_to(metrics_loss(&metrics), loss);
    assert_int_equal(metrics.count, 1);
    assert_int_equal(metrics.infinite, 0);
    assert_int_equal(metrics.predictions_count, 1);
    assert_int_equal(metrics_class(&metrics, 0).labelled, 1);
    assert_int_equal(metrics_class(&metrics, 1).predicted, 1);
    metrics_free(&metrics);
}

static void room_for_predictions_is_kept_to(void **state)
{
    (void)state;
    float logits[30];
    uint32_t photos[10];
    struct metrics metrics = make(3, 4);
    fill_logits(logits, photos);
    metrics_add(&metrics, logits, labels, photos, 10);
    assert_int_equal(metrics.count, 10);
    assert_int_equal(metrics.predictions_count, 4);
    assert_int_equal(metrics.predictions[3].photo, 103);
    metrics_free(&metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_and_scores),
        cmocka_unit_test(macro_f1_counts_a_class_that_is_only_predicted),
        cmocka_unit_test(the_confusion_matrix_is_that_of_the_predictions),
        cmocka_unit_test(many_classes_take_no_square),
        cmocka_unit_test(loss_is_the_mean_cross_entropy),
        cmocka_unit_test(ties_go_to_the_smaller_class),
        cmocka_unit_test(a_nan_is_never_right),
        cmocka_unit_test(an_infinite_logit_is_counted_and_named),
        cmocka_unit_test(worst_mistakes_come_surest_first),
        cmocka_unit_test(the_order_of_mistakes_does_not_matter),
        cmocka_unit_test(a_reset_forgets_everything),
        cmocka_unit_test(room_for_predictions_is_kept_to),
    };
    return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
