/* The loops over channels against their definitions in double. */
#include "tests/support/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/ops/map_lanes.h"
#include "tests/support/guarded.h"
#include "tests/support/naive.h"
#include "tests/support/narrow.h"

/* Relative error (norms); at most 1.5e-7 was measured for one rounding or a few. */
static const double rounding = 4e-7;

static const size_t sizes[][2] = {{1, 1}, {3, 7}, {5, 8}, {2, 17}, {33, 64}, {700, 3}, {129, 33}}; /* rows, channels */
enum { SIZES = sizeof sizes / sizeof *sizes };

struct arrays {
    size_t rows, channels, count;
    float *x, *residual, *g, *scale, *shift, *other_scale, *other_shift;
};

static void arrays_init(struct arrays *a, size_t index)
{
    struct rng rng = rng_stream(21, RNG_TEST, 0, index);
    *a = (struct arrays){.rows = sizes[index][0], .channels = sizes[index][1]};
    a->count = a->rows * a->channels;
    a->x = random_floats(&rng, a->count, 1, 0.3);
    a->residual = random_floats(&rng, a->count, 1, 0);
    a->g = random_floats(&rng, a->count, 1, 0.1);
    a->scale = random_floats(&rng, a->channels, 0.4, 1);
    a->shift = random_floats(&rng, a->channels, 0.5, 0.7);
    a->other_scale = random_floats(&rng, a->channels, 0.4, 1);
    a->other_shift = random_floats(&rng, a->channels, 0.5, 0);
}

static void arrays_free(struct arrays *a)
{
    free(a->x);
    free(a->residual);
    free(a->g);
    free(a->scale);
    free(a->shift);
    free(a->other_scale);
    free(a->other_shift);
}

static double at(const float *values, size_t index, double otherwise)
{
    return values ? (double)values[index] : otherwise;
}

/* One combination of what affine may be given: bits 0 scale, 1 shift, 2 residual, 3 its scale and shift, 4 relu. */
static void check_affine(const struct arrays *a, unsigned form)
{
    const float *scale = form & 1 ? a->scale : NULL, *shift = form & 2 ? a->shift : NULL;
    const float *residual = form & 4 ? a->residual : NULL;
    const float *other_scale = form & 8 ? a->other_scale : NULL, *other_shift = form & 8 ? a->other_shift : NULL;
    double *want = calloc(a->count, sizeof *want), off = 0, norm = 0;
    for (size_t i = 0; i < a->count; i++) {
        size_t c = i % a->channels;
        want[i] = (double)a->x[i] * at(scale, c, 1) + at(shift, c, 0);
        if (residual)
            want[i] += (double)residual[i] * at(other_scale, c, 1) + at(other_shift, c, 0);
        if (form & 16 && want[i] < 0)
            want[i] = 0;
    }
    for (int in_place = 0; in_place < 3; in_place++) {
        float *y = guarded_alloc(a->count);
        if (in_place == 2 && !residual) {
            guarded_free(y);
            continue;
        }
        if (in_place)
            memcpy(y, in_place == 1 ? a->x : a->residual, a->count * sizeof *y);
        map_lanes(PRECISION_F32)
            ->affine(y, in_place == 1 ? y : a->x, a->rows, a->channels, scale, shift, in_place == 2 ? y : residual,
                     other_scale, other_shift, form & 16);
        assert_true(guarded_intact(y));
        off = norm = 0;
        for (size_t i = 0; i < a->count; i++) {
            off += fabs((double)y[i] - want[i]);
            norm += fabs(want[i]) + fabs((double)a->x[i]);
        }
        assert_true(off <= rounding * norm);
        guarded_free(y);
    }
    free(want);
}

static void affine_in_all_its_forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIZES; i++) {
        struct arrays a;
        arrays_init(&a, i);
        for (unsigned form = 0; form < 32; form++)
            if (!((form & 1) && !(form & 2)) && !((form & 8) && !(form & 4)))
                check_affine(&a, form);
        arrays_free(&a);
    }
}

static void a_mask_is_where_the_relu_was_positive(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIZES; i++) {
        struct arrays a;
        arrays_init(&a, i);
        a.x[0] = -a.shift[0] / a.scale[0]; /* at or next to the kink */
        float *y = guarded_alloc(a.count), *g = guarded_alloc(a.count);
        map_lanes(PRECISION_F32)->affine(y, a.x, a.rows, a.channels, a.scale, a.shift, NULL, NULL, NULL, true);
        memcpy(g, a.g, a.count * sizeof *g);
        map_lanes(PRECISION_F32)->mask_affine(g, a.x, a.rows, a.channels, a.scale, a.shift);
        for (size_t j = 0; j < a.count; j++)
            assert_true(g[j] == (y[j] > 0 ? a.g[j] : 0));
        memcpy(g, a.g, a.count * sizeof *g);
        map_lanes(PRECISION_F32)->mask(g, y, a.rows, a.channels);
        for (size_t j = 0; j < a.count; j++)
            assert_true(g[j] == (y[j] > 0 ? a.g[j] : 0));
        memcpy(g, a.g, a.count * sizeof *g);
        map_lanes(PRECISION_F32)->mask_affine(g, a.x, a.rows, a.channels, NULL, NULL);
        for (size_t j = 0; j < a.count; j++)
            assert_true(g[j] == (a.x[j] > 0 ? a.g[j] : 0));
        assert_true(guarded_intact(y) && guarded_intact(g));
        guarded_free(y);
        guarded_free(g);
        arrays_free(&a);
    }
}

static void sums_are_in_double_and_add(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIZES; i++) {
        struct arrays a;
        arrays_init(&a, i);
        double *sums = malloc(4 * a.channels * sizeof *sums), *want = malloc(4 * a.channels * sizeof *want);
        for (size_t c = 0; c < 4 * a.channels; c++)
            sums[c] = want[c] = 0.5 * (double)c; /* what was there stays */
        for (size_t j = 0; j < a.count; j++) {
            size_t c = j % a.channels;
            double x = (double)a.x[j], g = (double)a.g[j];
            want[c] += x;
            want[a.channels + c] += x * x;
            want[2 * a.channels + c] += g;
            want[3 * a.channels + c] += g * (double)(a.x[j] - a.shift[c]);
        }
        map_lanes(PRECISION_F32)->moments(sums, sums + a.channels, a.x, a.rows, a.channels);
        map_lanes(PRECISION_F32)
            ->gradient_sums(sums + 2 * a.channels, sums + 3 * a.channels, a.g, a.x, a.shift, a.rows, a.channels);
        for (size_t c = 0; c < 4 * a.channels; c++)
            assert_true(fabs(sums[c] - want[c]) <= 1e-13 * (fabs(want[c]) + (double)a.rows));
        free(sums);
        free(want);
        arrays_free(&a);
    }
}

static void the_other_loops(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIZES; i++) {
        struct arrays a;
        arrays_init(&a, i);
        float *full = guarded_alloc(a.count), *eval = guarded_alloc(a.count), *sum = guarded_alloc(a.count);
        double *want = malloc(3 * a.count * sizeof *want);
        for (size_t j = 0; j < a.count; j++) {
            size_t c = j % a.channels;
            want[a.count + j] = (double)a.g[j] * (double)a.scale[c];
            want[j] = want[a.count + j] + (double)a.x[j] * (double)a.other_scale[c] + (double)a.shift[c];
            want[2 * a.count + j] = (double)a.g[j] + (double)a.x[j];
        }
        map_lanes(PRECISION_F32)->gradient_apply(full, a.g, a.x, a.scale, a.other_scale, a.shift, a.rows, a.channels);
        memcpy(eval, a.g, a.count * sizeof *eval);
        map_lanes(PRECISION_F32)->gradient_apply(eval, eval, a.x, a.scale, NULL, NULL, a.rows, a.channels);
        memcpy(sum, a.g, a.count * sizeof *sum);
        map_lanes(PRECISION_F32)->add(sum, a.x, a.count);
        assert_true(naive_error(full, want, a.count) <= rounding);
        assert_true(naive_error(eval, want + a.count, a.count) <= rounding);
        assert_true(naive_error(sum, want + 2 * a.count, a.count) <= rounding);
        assert_true(guarded_intact(full) && guarded_intact(eval) && guarded_intact(sum));
        guarded_free(full);
        guarded_free(eval);
        guarded_free(sum);
        free(want);
        arrays_free(&a);
    }
    float table[3 * 256], pixels[6];
    for (int i = 0; i < 3 * 256; i++)
        table[i] = (float)i;
    map_lanes(PRECISION_F32)->pixels(pixels, (const uint8_t[]){0, 255, 7, 9, 0, 255}, 2, table);
    assert_memory_equal(pixels, ((float[]){0, 511, 519, 9, 256, 767}), sizeof pixels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(affine_in_all_its_forms),
        cmocka_unit_test(a_mask_is_where_the_relu_was_positive),
        cmocka_unit_test(sums_are_in_double_and_add),
        cmocka_unit_test(the_other_loops),
        cmocka_unit_test(narrow_test),
    };
    return cmocka_run_group_tests_name("lanes", tests, NULL, NULL);
}
