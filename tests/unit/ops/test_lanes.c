/* The loops over channels against their definitions in double, in both precisions. */
#include "tests/support/test.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/ops/cpu.h"
#include "core/ops/map_lanes.h"
#include "tests/support/guarded.h"
#include "tests/support/maps.h"
#include "tests/support/naive.h"
#include "tests/support/narrow.h"

/* Relative error (norms); at most 1.5e-7 was measured for one rounding or a few. Of maps of bfloat16 the last rounding
 * is no error (map_error). */
static const double rounding = 4e-7;

static const size_t sizes[][2] = {{1, 1}, {3, 7}, {5, 8}, {2, 17}, {33, 64}, {700, 3}, {129, 33}}; /* rows, channels */
enum { SIZES = sizeof sizes / sizeof *sizes };

/* Values of maps, and the maps. */
struct arrays {
    enum precision precision;
    const struct map_lanes *lanes;
    size_t rows, channels, count, bytes;
    float *x, *residual, *g, *scale, *shift, *other_scale, *other_shift;
    void *x_map, *residual_map, *g_map;
};

static float *stored(void **map, struct rng *rng, const struct arrays *a, double shift)
{
    float *values = random_floats(rng, a->count, 1, shift);
    round_values(values, a->count, a->precision);
    *map = map_of(values, a->count, a->precision);
    return values;
}

/* `index` counts sizes in one precision after the other. */
static void arrays_init(struct arrays *a, size_t index)
{
    struct rng rng = rng_stream(21, RNG_TEST, 0, index % SIZES);
    enum precision precision = (enum precision)(index / SIZES);
    *a = (struct arrays){.precision = precision,
                         .lanes = map_lanes(precision),
                         .rows = sizes[index % SIZES][0],
                         .channels = sizes[index % SIZES][1]};
    a->count = a->rows * a->channels;
    a->bytes = a->count * precision_size(precision);
    a->x = stored(&a->x_map, &rng, a, 0.3);
    a->residual = stored(&a->residual_map, &rng, a, 0);
    a->g = stored(&a->g_map, &rng, a, 0.1);
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
    free(a->x_map);
    free(a->residual_map);
    free(a->g_map);
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
        void *y = guarded_map(a->count, a->precision);
        if (in_place == 2 && !residual) {
            guarded_map_free(y);
            continue;
        }
        if (in_place)
            memcpy(y, in_place == 1 ? a->x_map : a->residual_map, a->bytes);
        a->lanes->affine(y, in_place == 1 ? y : a->x_map, a->rows, a->channels, scale, shift,
                         in_place == 2 ? y
                         : residual    ? a->residual_map
                                       : NULL,
                         other_scale, other_shift, form & 16);
        assert_true(guarded_map_intact(y));
        float *values = values_of(y, a->count, a->precision);
        off = norm = 0;
        for (size_t i = 0; i < a->count; i++) {
            double got = (double)values[i], step = half_step(fmax(fabs(got), fabs(want[i])), a->precision);
            off += fmax(fabs(got - want[i]) - step, 0);
            norm += fabs(want[i]) + fabs((double)a->x[i]);
        }
        assert_true(off <= rounding * norm);
        free(values);
        guarded_map_free(y);
    }
    free(want);
}

static void affine_in_all_its_forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIZES * PRECISIONS; i++) {
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
    for (size_t i = 0; i < SIZES * PRECISIONS; i++) {
        struct arrays a;
        arrays_init(&a, i);
        a.x[0] = (float)nearest(-(double)a.shift[0] / (double)a.scale[0], a.precision); /* at or next to the kink */
        void *x = map_of(a.x, a.count, a.precision), *y = guarded_map(a.count, a.precision);
        a.lanes->affine(y, x, a.rows, a.channels, a.scale, a.shift, NULL, NULL, NULL, true);
        float *positive = values_of(y, a.count, a.precision);
        for (int form = 0; form < 3; form++) {
            void *g = guarded_map(a.count, a.precision);
            memcpy(g, a.g_map, a.bytes);
            if (form == 0)
                a.lanes->mask_affine(g, x, a.rows, a.channels, a.scale, a.shift);
            else if (form == 1)
                a.lanes->mask(g, y, a.rows, a.channels);
            else
                a.lanes->mask_affine(g, x, a.rows, a.channels, NULL, NULL);
            float *got = values_of(g, a.count, a.precision);
            for (size_t j = 0; j < a.count; j++)
                assert_true(got[j] == ((form == 2 ? a.x : positive)[j] > 0 ? a.g[j] : 0));
            assert_true(guarded_map_intact(y) && guarded_map_intact(g));
            free(got);
            guarded_map_free(g);
        }
        free(positive);
        free(x);
        guarded_map_free(y);
        arrays_free(&a);
    }
}

/* In float32 sums are double from the first row on. Of bfloat16, four rows are added as floats first: three additions
 * and what a product loses, each 2^-24 of the terms at most. */
static double sum_tolerance(enum precision precision, double want, double terms, size_t rows)
{
    return precision == PRECISION_BF16 ? 5 * ldexp(1, -24) * terms : 1e-13 * (fabs(want) + (double)rows);
}

static void sums_are_in_double_and_add(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIZES * PRECISIONS; i++) {
        struct arrays a;
        arrays_init(&a, i);
        double *sums = malloc(4 * a.channels * sizeof *sums), *want = malloc(8 * a.channels * sizeof *want);
        double *terms = want + 4 * a.channels;
        for (size_t c = 0; c < 4 * a.channels; c++)
            sums[c] = want[c] = terms[c] = 0.5 * (double)c; /* what was there stays */
        for (size_t j = 0; j < a.count; j++) {
            size_t c = j % a.channels;
            double x = (double)a.x[j], g = (double)a.g[j];
            const double new[] = {x, x * x, g, g * (double)(a.x[j] - a.shift[c])};
            for (size_t k = 0; k < 4; k++) {
                want[k * a.channels + c] += new[k];
                terms[k * a.channels + c] += fabs(new[k]);
            }
        }
        a.lanes->moments(sums, sums + a.channels, a.x_map, a.rows, a.channels);
        a.lanes->gradient_sums(sums + 2 * a.channels, sums + 3 * a.channels, a.g_map, a.x_map, a.shift, a.rows,
                               a.channels);
        for (size_t c = 0; c < 4 * a.channels; c++)
            assert_true(fabs(sums[c] - want[c]) <= sum_tolerance(a.precision, want[c], terms[c], a.rows));
        free(sums);
        free(want);
        arrays_free(&a);
    }
}

static void the_other_loops(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIZES * PRECISIONS; i++) {
        struct arrays a;
        arrays_init(&a, i);
        void *full = guarded_map(a.count, a.precision), *eval = guarded_map(a.count, a.precision);
        void *sum = guarded_map(a.count, a.precision);
        double *want = malloc(3 * a.count * sizeof *want);
        for (size_t j = 0; j < a.count; j++) {
            size_t c = j % a.channels;
            want[a.count + j] = (double)a.g[j] * (double)a.scale[c];
            want[j] = want[a.count + j] + (double)a.x[j] * (double)a.other_scale[c] + (double)a.shift[c];
            want[2 * a.count + j] = (double)a.g[j] + (double)a.x[j];
        }
        a.lanes->gradient_apply(full, a.g_map, a.x_map, a.scale, a.other_scale, a.shift, a.rows, a.channels);
        memcpy(eval, a.g_map, a.bytes);
        a.lanes->gradient_apply(eval, eval, a.x_map, a.scale, NULL, NULL, a.rows, a.channels);
        memcpy(sum, a.g_map, a.bytes);
        a.lanes->add(sum, a.x_map, a.count);
        assert_true(map_error(full, want, a.count, a.precision) <= rounding);
        assert_true(map_error(eval, want + a.count, a.count, a.precision) <= rounding);
        assert_true(map_error(sum, want + 2 * a.count, a.count, a.precision) <= rounding);
        assert_true(guarded_map_intact(full) && guarded_map_intact(eval) && guarded_map_intact(sum));
        guarded_map_free(full);
        guarded_map_free(eval);
        guarded_map_free(sum);
        free(want);
        arrays_free(&a);
    }
}

static void pixels_go_through_the_table(void **state)
{
    (void)state;
    float table[3 * 256];
    for (int i = 0; i < 3 * 256; i++)
        table[i] = (float)i;
    for (int i = 0; i < PRECISIONS; i++) {
        enum precision precision = (enum precision)i;
        void *map = guarded_map(6, precision);
        map_lanes(precision)->pixels(map, (const uint8_t[]){0, 255, 7, 9, 0, 255}, 2, table);
        float *pixels = values_of(map, 6, precision), want[] = {0, 511, 519, 9, 256, 767};
        round_values(want, 6, precision);
        assert_memory_equal(pixels, want, sizeof want);
        assert_true(guarded_map_intact(map));
        free(pixels);
        guarded_map_free(map);
    }
}

/* VCVTNEPS2BF16 takes denormals for zeros, as the products of pairs do. */
static double narrowed(float value)
{
    bool denormal = value != 0 && fabsf(value) < FLT_MIN;
    return denormal && cpu_multiplies_bf16() ? copysign(0, (double)value) : nearest((double)value, PRECISION_BF16);
}

/* Both ways of a loop's end: whole vectors and the rest. */
static void assert_narrowed(const float *values, size_t count)
{
    uint16_t *map = guarded_map(count, PRECISION_BF16);
    map_lanes(PRECISION_BF16)->narrow(map, values, count);
    assert_true(guarded_map_intact(map));
    float *got = values_of(map, count, PRECISION_BF16);
    for (size_t i = 0; i < count; i++) {
        float want = (float)narrowed(values[i]);
        if (isnan(values[i]) ? !isnan(got[i]) : memcmp(&want, &got[i], sizeof want) != 0)
            fail_msg("%a of %zu values is %a, not %a", (double)values[i], count, (double)got[i], (double)want);
    }
    free(got);
    guarded_map_free(map);
}

static float of_bits(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* Each number of bfloat16 itself, the numbers that lie halfway to the next one and next to those: ties go to the even
 * one, the halfway beyond the largest to infinity, NaN stays NaN though its mark be in the lower half, denormals stay
 * where the processor's own instruction does not round. */
static void every_number_is_rounded_to_the_nearest(void **state)
{
    (void)state;
    static const uint32_t lower[] = {0, 1, 0x7fff, 0x8000, 0x8001, 0xffff};
    enum { LOWER = sizeof lower / sizeof *lower, ALL = 1 << 16 };
    float *values = malloc(ALL * LOWER * sizeof *values);
    for (uint32_t upper = 0; upper < ALL; upper++)
        for (uint32_t i = 0; i < LOWER; i++)
            values[upper * LOWER + i] = of_bits(upper << 16 | lower[i]);
    assert_narrowed(values, (size_t)ALL * LOWER);
    for (size_t i = 0; i < (size_t)ALL * LOWER; i++)
        assert_narrowed(values + i, 1);
    free(values);
}

static void every_number_is_widened_as_it_is(void **state)
{
    (void)state;
    enum { ALL = 1 << 16 };
    uint16_t *map = malloc(ALL * sizeof *map);
    float *values = malloc(ALL * sizeof *values);
    for (uint32_t i = 0; i < ALL; i++)
        map[i] = (uint16_t)i;
    map_lanes(PRECISION_BF16)->widen(values, map, ALL);
    for (uint32_t i = 0; i < ALL; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        assert_int_equal(bits, i << 16);
    }
    free(map);
    free(values);
}

/* -0 > 0 is false, and so is NaN > 0. */
static void relu_and_masks_keep_nan_apart(void **state)
{
    (void)state;
    enum { COUNT = 19 }; /* a vector and a rest */
    for (int i = 0; i < PRECISIONS; i++) {
        enum precision precision = (enum precision)i;
        float values[COUNT], one[COUNT];
        for (size_t j = 0; j < COUNT; j++) {
            values[j] = (const float[]){NAN, -0.0f, INFINITY, -INFINITY, 1}[j % 5];
            one[j] = 1;
        }
        void *x = map_of(values, COUNT, precision), *y = guarded_map(COUNT, precision);
        void *g = map_of(one, COUNT, precision);
        map_lanes(precision)->affine(y, x, 1, COUNT, NULL, NULL, NULL, NULL, NULL, true);
        map_lanes(precision)->mask(g, x, 1, COUNT);
        float *got = values_of(y, COUNT, precision), *left = values_of(g, COUNT, precision);
        for (size_t j = 0; j < COUNT; j++) {
            assert_true(isnan(values[j]) ? isnan(got[j]) : got[j] == fmaxf(values[j], 0));
            assert_true(left[j] == (values[j] > 0 ? 1 : 0));
        }
        free(got);
        free(left);
        free(x);
        free(g);
        guarded_map_free(y);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(affine_in_all_its_forms),
        cmocka_unit_test(a_mask_is_where_the_relu_was_positive),
        cmocka_unit_test(sums_are_in_double_and_add),
        cmocka_unit_test(the_other_loops),
        cmocka_unit_test(pixels_go_through_the_table),
        cmocka_unit_test(every_number_is_rounded_to_the_nearest),
        cmocka_unit_test(every_number_is_widened_as_it_is),
        cmocka_unit_test(relu_and_masks_keep_nan_apart),
        cmocka_unit_test(narrow_test),
    };
    return cmocka_run_group_tests_name("lanes", tests, NULL, NULL);
}
