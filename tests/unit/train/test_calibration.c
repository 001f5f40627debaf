/* Temperature, NLL, Brier's score, ECE, bounds and AUROC against SciPy and NumPy (tests/fixtures/calibration.tsv, made
 * by scripts/parity/calibration_fixture.py), and what must hold for any outputs. */
#include "tests/support/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/rng.h"
#include "core/train/auroc.h"
#include "core/train/calibration.h"
#include "core/train/class_means.h"
#include "core/train/coverage.h"

enum { PHOTOS = 400, CLASSES = 6 };

static float logits[PHOTOS * CLASSES];
static int32_t labels[PHOTOS];
static struct photo_score scores[PHOTOS];

static void near(double found, double expected, double relative)
{
    if (!(fabs(found - expected) <= relative * fabs(expected)))
        fail_msg("%.17g, not %.17g", found, expected);
}

static void score_all(double temperature, size_t photos, size_t classes)
{
    double p[CLASSES];
    for (size_t i = 0; i < photos; i++) {
        temperature_softmax(p, logits + i * classes, classes, temperature);
        scores[i] = photo_score_of(p, classes, (size_t)labels[i]);
    }
}

static void read_case(FILE *file, size_t photos, size_t classes)
{
    for (size_t i = 0; i < photos; i++) {
        assert_int_equal(fscanf(file, "%d", &labels[i]), 1);
        for (size_t k = 0; k < classes; k++)
            assert_int_equal(fscanf(file, "%f", &logits[i * classes + k]), 1);
    }
}

static void check_case(FILE *file)
{
    size_t photos, classes;
    double expected[7], found;
    struct calibration_scores measured;
    struct error err;
    assert_int_equal(fscanf(file, "%zu %zu", &photos, &classes), 2);
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(fscanf(file, "%lf", &expected[i]), 1);
    read_case(file, photos, classes);
    assert_true(temperature_fit(&found, logits, labels, photos, classes));
    near(found, expected[0], 1e-6);
    for (int after = 0; after < 2; after++) {
        score_all(after ? found : 1, photos, classes);
        assert_int_equal(calibration_measure(&measured, scores, photos, &err), OK);
        near(measured.nll.value, expected[1 + 3 * after], 1e-9);
        near(measured.brier.value, expected[2 + 3 * after], 1e-6); /* of the temperature's last digits */
        near(measured.ece.value, expected[3 + 3 * after], 1e-6);
        assert_true(measured.nll.low < measured.nll.value && measured.nll.value < measured.nll.high);
        assert_true(measured.ece_honest > 0 && measured.ece_honest < 0.2);
    }
}

static void check_auroc(FILE *file)
{
    size_t count[2];
    double expected[3], values[2][64];
    assert_int_equal(
        fscanf(file, "%zu %zu %lf %lf %lf", &count[0], &count[1], &expected[0], &expected[1], &expected[2]), 5);
    for (size_t side = 0; side < 2; side++)
        for (size_t i = 0; i < count[side]; i++)
            assert_int_equal(fscanf(file, "%lf", &values[side][i]), 1);
    struct auroc found = auroc_measure(values[0], count[0], values[1], count[1]);
    near(found.area, expected[0], 1e-12);
    near(found.low, expected[1], 1e-9);
    near(found.high, expected[2], 1e-9);
}

static void figures_are_those_of_scipy(void **state)
{
    (void)state;
    FILE *file = fopen("tests/fixtures/calibration.tsv", "r");
    char what[16];
    size_t cases = 0, bounds = 0, aurocs = 0, wrong, count;
    double expected;
    assert_non_null(file);
    while (fscanf(file, "%15s", what) == 1) {
        if (strcmp(what, "case") == 0) {
            check_case(file);
            cases++;
        } else if (strcmp(what, "bound") == 0) {
            assert_int_equal(fscanf(file, "%zu %zu %lf", &wrong, &count, &expected), 3);
            near(share_at_most(wrong, count, 0.95), expected, 1e-9);
            bounds++;
        } else {
            assert_string_equal(what, "auroc");
            check_auroc(file);
            aurocs++;
        }
    }
    fclose(file);
    assert_true(cases == 3 && bounds == 5 && aurocs == 2);
}

/* Labels from softmax(logits / 2): honest at temperature 2. */
static void draw(uint64_t seed)
{
    struct rng rng = rng_stream(seed, RNG_TEST, 0, 0);
    double p[CLASSES];
    for (size_t i = 0; i < PHOTOS; i++) {
        for (size_t k = 0; k < CLASSES; k++)
            logits[i * CLASSES + k] = (float)(4 * rng_normal(&rng));
        temperature_softmax(p, logits + i * CLASSES, CLASSES, 2);
        double at = rng_double(&rng), sum = 0;
        labels[i] = CLASSES - 1;
        for (size_t k = 0; k + 1 < CLASSES; k++) {
            sum += p[k];
            if (at < sum) {
                labels[i] = (int32_t)k;
                break;
            }
        }
    }
}

static void three_times_the_logits_give_three_times_the_temperature(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        double once, thrice;
        draw(seed);
        assert_true(temperature_fit(&once, logits, labels, PHOTOS, CLASSES));
        assert_true(once > 1.6 && once < 2.5); /* 2 but for chance */
        for (size_t i = 0; i < PHOTOS * CLASSES; i++)
            logits[i] *= 3;
        assert_true(temperature_fit(&thrice, logits, labels, PHOTOS, CLASSES));
        near(thrice, 3 * once, 1e-6); /* the products are rounded to float */
    }
}

static void without_a_minimum_the_temperature_stays_one(void **state)
{
    (void)state;
    double found;
    draw(0);
    for (size_t i = 0; i < PHOTOS; i++) /* all right */
        for (size_t k = 0; k < CLASSES; k++)
            labels[i] = logits[i * CLASSES + k] > logits[i * CLASSES + (size_t)labels[i]] ? (int32_t)k : labels[i];
    assert_false(temperature_fit(&found, logits, labels, PHOTOS, CLASSES));
    assert_true(found == 1);
    for (size_t i = 0; i < PHOTOS; i++) /* as wrong as can be */
        for (size_t k = 0; k < CLASSES; k++)
            labels[i] = logits[i * CLASSES + k] < logits[i * CLASSES + (size_t)labels[i]] ? (int32_t)k : labels[i];
    assert_false(temperature_fit(&found, logits, labels, PHOTOS, CLASSES));
    assert_true(found == 1);
    assert_false(temperature_fit(&found, logits, labels, 0, CLASSES));
}

static void a_temperature_applies_to_probabilities_as_to_logits(void **state)
{
    (void)state;
    double p[CLASSES], expected[CLASSES];
    draw(3);
    for (size_t i = 0; i < PHOTOS; i++) {
        temperature_softmax(p, logits + i * CLASSES, CLASSES, 1);
        temperature_softmax(expected, logits + i * CLASSES, CLASSES, 2.5);
        temperature_apply(p, p, CLASSES, 2.5);
        for (size_t k = 0; k < CLASSES; k++)
            near(p[k], expected[k], 1e-12);
    }
}

static void the_same_scores_give_the_same_intervals_and_honest_ones_hold_the_truth(void **state)
{
    (void)state;
    struct calibration_scores first, second;
    struct error err;
    draw(4);
    score_all(2, PHOTOS, CLASSES);
    assert_int_equal(calibration_measure(&first, scores, PHOTOS, &err), OK);
    assert_int_equal(calibration_measure(&second, scores, PHOTOS, &err), OK);
    assert_memory_equal(&first, &second, sizeof first);
    assert_true(fabs(first.ece.value - first.ece_honest) < 0.05); /* the bias is all there is */
    score_all(0.5, PHOTOS, CLASSES);
    assert_int_equal(calibration_measure(&second, scores, PHOTOS, &err), OK);
    assert_true(second.ece.value > second.ece_honest + 0.1 && second.ece.low > first.ece.high);
}

static void bins_hold_their_right_border(void **state)
{
    (void)state;
    struct reliability reliability = {0};
    assert_true(reliability_ece(&reliability) == 0);
    reliability_add(&reliability, 1.0 / 15, true);
    reliability_add(&reliability, 1.0 / 15 + 1e-9, false);
    reliability_add(&reliability, 1, true);
    reliability_add(&reliability, 0, false);
    assert_int_equal(reliability.bins[0].count, 2);
    assert_int_equal(reliability.bins[1].count, 1);
    assert_int_equal(reliability.bins[14].count, 1);
    near(reliability_ece(&reliability), (fabs(1 - 1.0 / 15) + 1.0 / 15 + 1e-9 + 0) / 4, 1e-12);
}

/* ---- coverage ---------------------------------------------------------------------------------------------------- */

static void thresholds_answer_what_they_say(void **state)
{
    (void)state;
    struct coverage_point points[50];
    for (size_t most = 1; most <= 50; most += 7) {
        draw(most);
        score_all(2, PHOTOS, CLASSES);
        for (size_t i = 0; i < PHOTOS; i += 9)
            scores[i].confidence = 0.7; /* ties */
        size_t count = coverage_curve(points, most, scores, PHOTOS);
        assert_true(count >= 1 && count <= most && points[count - 1].threshold == 0);
        assert_int_equal(points[count - 1].answered, PHOTOS);
        for (size_t i = 0; i < count; i++) {
            size_t answered = 0, wrong = 0;
            for (size_t k = 0; k < PHOTOS; k++) {
                answered += scores[k].confidence >= points[i].threshold;
                wrong += scores[k].confidence >= points[i].threshold && !scores[k].right;
            }
            assert_true(answered == points[i].answered && wrong == points[i].wrong);
            assert_true(i == 0 || (points[i].threshold < points[i - 1].threshold && answered > points[i - 1].answered));
        }
    }
}

static void the_point_for_a_share_and_for_an_error(void **state)
{
    (void)state;
    static const struct coverage_point points[] = {{0.9, 59, 0}, {0.7, 80, 1}, {0.5, 90, 5}, {0, 100, 9}};
    assert_ptr_equal(coverage_of_share(points, 4, 0.59), &points[0]);
    assert_ptr_equal(coverage_of_share(points, 4, 0.591), &points[1]);
    assert_ptr_equal(coverage_of_share(points, 4, 1), &points[3]);
    assert_ptr_equal(coverage_of_error(points, 4, 0.05), &points[0]); /* 1 of 80: up to 5.8 % */
    assert_ptr_equal(coverage_of_error(points, 4, 0.06), &points[1]);
    assert_ptr_equal(coverage_of_error(points, 4, 0.16), &points[3]); /* 9 of 100: up to 15.2 % */
    assert_null(coverage_of_error(points, 4, 0.04));
    assert_null(coverage_of_error(points, 4, 0));
    assert_ptr_equal(coverage_of_error(points, 4, 1), &points[3]);
    assert_int_equal(coverage_least(0.05), 59);
    assert_int_equal(coverage_least(0.01), 299);
    for (double error = 0.01; error < 1; error += 0.01) /* the same rule as share_at_most */
        for (size_t i = 0; i < 4; i++)
            assert_int_equal(coverage_of_error(points + i, 1, error) != NULL,
                             share_at_most(points[i].wrong, points[i].answered, 0.95) <= error);
}

static void groups_that_are_apart_and_alike(void **state)
{
    (void)state;
    double high[] = {3, 4, 5}, low[] = {0, 1, 2}, same[] = {1, 1, 1}, others[] = {1, 1};
    struct auroc apart = auroc_measure(high, 3, low, 3), alike = auroc_measure(same, 3, others, 2);
    assert_true(apart.area == 1 && apart.high == 1 && apart.low > 0.3 && apart.low < 0.5); /* Wilson: 3 of 3 */
    assert_true(alike.area == 0.5 && alike.low <= 0.5 && alike.high >= 0.5);
    assert_true(auroc_measure(low, 3, high, 3).area == 0);
}

static void a_known_photo_is_left_out_of_its_own_mean(void **state)
{
    (void)state;
    static const float photos[4][2] = {{0, 0}, {2, 0}, {0, 10}, {0, 14}};
    static const int32_t class_of[4] = {0, 0, 1, 1};
    const float single[2] = {6, 8};
    struct class_means means;
    struct error err;
    assert_int_equal(class_means_init(&means, 3, 2, &err), OK);
    assert_true(isinf(class_means_distance(&means, photos[0], -1))); /* no mean at all */
    for (size_t i = 0; i < 4; i++)
        class_means_add(&means, photos[i], (size_t)class_of[i]);
    near(class_means_distance(&means, photos[0], 0), 2, 1e-12); /* from (2, 0) alone */
    near(class_means_distance(&means, photos[0], -1), 1, 1e-12);
    near(class_means_distance(&means, photos[2], 1), 4, 1e-12);
    class_means_add(&means, single, 2);
    assert_true(class_means_distance(&means, single, -1) == 0);
    near(class_means_distance(&means, single, 2), sqrt(6 * 6 + 4 * 4), 1e-12); /* its class has no other photo */
    class_means_free(&means);
    near(logits_energy((const float[]){1000, 1000}, 2), 1000 + log(2), 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_are_those_of_scipy),
        cmocka_unit_test(three_times_the_logits_give_three_times_the_temperature),
        cmocka_unit_test(without_a_minimum_the_temperature_stays_one),
        cmocka_unit_test(a_temperature_applies_to_probabilities_as_to_logits),
        cmocka_unit_test(the_same_scores_give_the_same_intervals_and_honest_ones_hold_the_truth),
        cmocka_unit_test(bins_hold_their_right_border),
        cmocka_unit_test(thresholds_answer_what_they_say),
        cmocka_unit_test(the_point_for_a_share_and_for_an_error),
        cmocka_unit_test(groups_that_are_apart_and_alike),
        cmocka_unit_test(a_known_photo_is_left_out_of_its_own_mean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
