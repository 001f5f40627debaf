/* Products of panels of bfloat16 against plain loops, with every instruction set that this processor has. A product of
 * two such numbers is exact as a float, so that multiply-add, multiplication and addition, and VDPBF16PS all round the
 * same sum: they agree with a loop of floats to the bit, and so do tiles with one that adds in their order. */
#include "tests/support/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/ops/panel.h"
#include "tests/support/guarded.h"
#include "tests/support/maps.h"
#include "tests/support/panel_sets.h"

#define BF16 PRECISION_BF16

/* The sum of pairs as the instruction adds them: of a pair the second first. The products are exact. */
static float sum_of_pairs(const float *a, size_t a_step, const float *b, size_t b_step, size_t k)
{
    float sum = 0;
    for (size_t j = 0; j < k; j += 2) {
        float odd = j + 1 < k ? a[(j + 1) * a_step] * b[(j + 1) * b_step] : 0;
        sum += odd;
        sum += a[j * a_step] * b[j * b_step];
    }
    return sum;
}

/* The sum as tiles add it: even and odd values of a step apart, steps of up to 32 values that begin again with each
 * chunk. */
static float sum_of_steps(const float *a, size_t a_step, const float *b, size_t b_step, size_t k, size_t chunk)
{
    float sum = 0;
    for (size_t j = 0, count; j < k; j += count) {
        size_t in_chunk = chunk - j % chunk;
        count = in_chunk < 32 ? in_chunk : 32;
        count = k - j < count ? k - j : count;
        float parts[2] = {0};
        for (size_t i = j; i < j + count; i++)
            parts[(i - j) % 2] += a[i * a_step] * b[i * b_step];
        sum += parts[0] + parts[1];
    }
    return sum;
}

static float sum_of(const struct panel_set *set, const float *a, size_t a_step, const float *b, size_t b_step, size_t k,
                    size_t chunk)
{
    return set->tiles ? sum_of_steps(a, a_step, b, b_step, k, chunk) : sum_of_pairs(a, a_step, b, b_step, k);
}

/* A left operand as rows where they lie (of `ld` values), as panels of 32 columns, or as windows over two lines. */
enum left_kind { IN_PLACE, PACKED, WINDOWS, LEFT_KINDS };

struct left_sample {
    struct panel_left left;
    float *values; /* [m, k] */
    void *map;
};

static struct left_sample left_of(enum left_kind kind, size_t m, size_t k, struct rng *rng)
{
    struct left_sample sample = {0};
    size_t row = kind == IN_PLACE ? k + 3 : kind == PACKED ? PANEL : 5; /* windows overlap and begin at odd places */
    size_t chunk = kind == IN_PLACE ? k : kind == PACKED ? PANEL : k / 2;
    size_t block = kind == PACKED ? m * PANEL : (m - 1) * row + chunk + 1;
    size_t whole = (k - 1) / chunk;
    size_t count = whole * block + (m - 1) * row + (kind == PACKED ? PANEL : (k - 1) % chunk + 1);
    float *values = random_floats(rng, count, 1, 0.2);
    round_values(values, count, BF16);
    sample.map = map_of(values, count, BF16);
    sample.left = (struct panel_left){sample.map, row, chunk, block};
    sample.values = malloc(m * k * sizeof(float));
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < k; j++)
            sample.values[i * k + j] = values[j / chunk * block + i * row + j % chunk];
    free(values);
    return sample;
}

struct product_case {
    size_t m, n, k;
    enum left_kind kind;
    bool add;
    unsigned finish; /* bits: 0 there is one, 1 affine, 2 residual, 3 relu */
};

/* The result of one set: [m, n] in rows of n + 3, guarded. */
static uint16_t *run_product(const struct panel_set *set, const struct product_case *one, struct panel_left left,
                             const void *panel, const void *before, const struct panel_finish *finish)
{
    size_t ldc = one->n + 3, count = (one->m - 1) * ldc + one->n;
    uint16_t *c = guarded_map(count, BF16);
    if (one->add)
        memcpy(c, before, count * sizeof *c);
    set->lanes->product(c, ldc, left, panel, one->m, one->n, one->k, one->add, finish);
    assert_true(guarded_map_intact(c));
    return c;
}

/* The same sums as floats. */
static void check_sums(const struct panel_set *set, const struct product_case *one, const struct left_sample *left,
                       const void *panel, const float *b)
{
    size_t m = one->m, n = one->n, k = one->k, ldc = n + 3, count = (m - 1) * ldc + n;
    float *c = guarded_alloc(count);
    set->lanes->sums(c, ldc, left->left, panel, m, n, k);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < ldc && i * ldc + j < count; j++) {
            float want = j < n ? sum_of(set, left->values + i * k, 1, b + j, n, k, left->left.chunk) : NAN;
            if (j < n ? c[i * ldc + j] != want : !isnan(c[i * ldc + j]))
                fail_msg("%s, left %d: sum (%zu, %zu) of %zux%zux%zu is %a, not %a", set->name, one->kind, i, j, m, n,
                         k, (double)c[i * ldc + j], (double)want);
        }
    assert_true(guarded_intact(c));
    guarded_free(c);
}

static void check_product(const struct product_case *one)
{
    struct rng rng = rng_stream(53, RNG_TEST, 0, one->m * 1000 + one->n * 10 + one->k);
    size_t m = one->m, n = one->n, k = one->k, ldc = n + 3, count = (m - 1) * ldc + n;
    struct left_sample left = left_of(one->kind, m, k, &rng);
    float *b = random_floats(&rng, k * n, 0.2, 0), *scale = random_floats(&rng, n, 0.3, 1);
    float *shift = random_floats(&rng, n, 0.5, 0), *before = random_floats(&rng, count, 1, 0);
    float *residual = random_floats(&rng, count, 1, 0);
    round_values(b, k * n, BF16);
    round_values(before, count, BF16);
    round_values(residual, count, BF16);
    void *before_map = map_of(before, count, BF16), *residual_map = map_of(residual, count, BF16);
    uint16_t *panel = guarded_map(k * PANEL, BF16);
    const struct panel_finish finish = {.scale = one->finish & 2 ? scale : NULL,
                                        .shift = one->finish & 2 ? shift : NULL,
                                        .residual = one->finish & 4 ? residual_map : NULL,
                                        .relu = one->finish & 8};
    for (size_t s = 0; s < panel_sets_count; s++) {
        panel_sets[s].lanes->weights(panel, k * PANEL, b, n, k, n);
        if (!one->finish && !one->add)
            check_sums(&panel_sets[s], one, &left, panel, b);
        uint16_t *c = run_product(&panel_sets[s], one, left.left, panel, before_map, one->finish & 1 ? &finish : NULL);
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j < n; j++) {
                float sum = sum_of(&panel_sets[s], left.values + i * k, 1, b + j, n, k, left.left.chunk);
                uint16_t want[2];
                sum += one->add ? before[i * ldc + j] : 0;
                for (int fused = 0; fused < 2; fused++) {
                    float v = sum;
                    if (one->finish & 2)
                        v = fused ? fmaf(v, scale[j], shift[j]) : v * scale[j];
                    if (one->finish & 2 && !fused)
                        v += shift[j];
                    v += one->finish & 4 ? residual[i * ldc + j] : 0;
                    want[fused] = stored_bits((double)(one->finish & 8 && v < 0 ? 0 : v));
                }
                if (c[i * ldc + j] != want[panel_sets[s].fused])
                    fail_msg("%s, left %d, add %d, finish %#x: (%zu, %zu) of %zux%zux%zu is %#x, not %#x",
                             panel_sets[s].name, one->kind, one->add, one->finish, i, j, m, n, k, c[i * ldc + j],
                             want[panel_sets[s].fused]);
            }
        for (size_t i = 0; i + 1 < m && !one->add; i++) /* what lies between two rows is somebody else's */
            for (size_t j = n; j < ldc; j++)
                assert_int_equal(c[i * ldc + j], 0xffff);
        guarded_map_free(c);
    }
    guarded_map_free(panel);
    free(before_map);
    free(residual_map);
    free(left.map);
    free(left.values);
    free(b);
    free(scale);
    free(shift);
    free(before);
    free(residual);
}

static void products_are_the_plain_sums_to_the_bit(void **state)
{
    (void)state;
    static const size_t rows[] = {1, 2, 5, 12, 13, 29, 33, 75}, columns[] = {1, 7, 16, 17, 31, 32};
    static const size_t sums[] = {4, 12, 60, 132};
    for (size_t s = 0; s < panel_sets_count; s++) /* no rows: nothing is read or written */
        panel_sets[s].lanes->product(NULL, 1, (struct panel_left){NULL, 4, 4, 4}, NULL, 0, 1, 4, false, NULL);
    for (size_t i = 0; i < 8 * 6 * 4; i++)
        for (int kind = 0; kind < LEFT_KINDS; kind++) {
            struct product_case one = {rows[i % 8], columns[i / 8 % 6], sums[i / 48], (enum left_kind)kind, false, 0};
            check_product(&one);
            one.add = true;
            check_product(&one);
            one.add = false;
            one.finish = 1 | (unsigned)(i % 8) << 1;
            check_product(&one);
        }
}

/* Lines of a padded map, at once and one by one: the same bytes, and none beside them. */
static void check_lines(size_t m, size_t count, size_t gap, size_t n, unsigned form)
{
    enum { C = 40, K = 3 * C };
    struct rng rng = rng_stream(55, RNG_TEST, 0, m * 100 + count);
    size_t line = (m + gap) * C, values = count * line + K, rows = m * count, ldc = n + 3, out = (rows - 1) * ldc + n;
    float *x = random_floats(&rng, values, 1, 0.2), *b = random_floats(&rng, K * n, 0.2, 0);
    float *scale = random_floats(&rng, n, 0.3, 1), *shift = random_floats(&rng, n, 0.5, 0);
    float *residual = random_floats(&rng, out, 1, 0);
    round_values(x, values, BF16);
    round_values(residual, out, BF16);
    void *x_map = map_of(x, values, BF16), *residual_map = map_of(residual, out, BF16);
    uint16_t *panel = guarded_map(K * PANEL, BF16), *all = guarded_map(out, BF16), *each = guarded_map(out, BF16);
    const struct panel_lanes *lanes = panel_lanes(BF16);
    const struct panel_left left = {x_map, C, K, 0};
    bool add = form & 1;
    struct panel_finish finish = {.scale = scale, .shift = shift, .residual = form & 2 ? residual_map : NULL};
    lanes->weights(panel, K * PANEL, b, n, K, n);
    if (add) {
        memcpy(all, residual_map, out * sizeof *all);
        memcpy(each, residual_map, out * sizeof *each);
    }
    panel_product_lines(BF16, all, ldc, left, &(struct panel_lines){count, line, m}, panel, n, K, add,
                        form & 4 ? &finish : NULL);
    for (size_t i = 0; i < count; i++) {
        struct panel_left one = left;
        struct panel_finish own = finish;
        one.a = map_from(x_map, i * line, BF16);
        own.residual = finish.residual ? map_from(finish.residual, i * m * ldc, BF16) : NULL;
        lanes->product(each + i * m * ldc, ldc, one, panel, m, n, K, add, form & 4 ? &own : NULL);
    }
    assert_memory_equal(all, each, out * sizeof *all);
    assert_true(guarded_map_intact(all) && guarded_map_intact(panel));
    guarded_map_free(all);
    guarded_map_free(each);
    guarded_map_free(panel);
    free(x_map);
    free(residual_map);
    free(x);
    free(b);
    free(scale);
    free(shift);
    free(residual);
}

static void lines_are_products_of_their_own(void **state)
{
    (void)state;
    static const size_t widths[] = {1, 3, 7, 14, 28, 40}, counts[] = {1, 2, 7, 9}, columns[] = {5, 32};
    for (size_t i = 0; i < 6 * 4 * 2; i++)
        for (unsigned form = 0; form < 8; form++)
            for (size_t gap = 0; gap < 4; gap++)
                check_lines(widths[i % 6], counts[i / 6 % 4], gap, columns[i / 24], form);
}

static void check_outer(size_t m, size_t n, size_t k, bool add)
{
    struct rng rng = rng_stream(54, RNG_TEST, 0, m * 1000 + n * 10 + k);
    size_t ldc = n + 2, count = (m - 1) * ldc + n, packed = (k + k % 2) * PANEL;
    float *a = random_floats(&rng, k * m, 1, 0.2), *b = random_floats(&rng, k * n, 1, 0.1);
    float *before = random_floats(&rng, count, 1, 0);
    round_values(a, k * m, BF16);
    round_values(b, k * n, BF16);
    void *a_map = map_of(a, k * m, BF16), *b_map = map_of(b, k * n, BF16);
    for (size_t s = 0; s < panel_sets_count; s++) {
        uint16_t *left = guarded_map(packed, BF16), *right = guarded_map(packed, BF16);
        float *c = guarded_alloc(count);
        panel_sets[s].lanes->pack_summed(left, packed, a_map, m, k, m, NULL, NULL, false);
        panel_sets[s].lanes->pack_summed(right, packed, b_map, n, k, n, NULL, NULL, false);
        if (add)
            memcpy(c, before, count * sizeof *c);
        if (panel_sets[s].lanes->turn)
            panel_sets[s].lanes->turn(left, k);
        panel_sets[s].lanes->outer(c, ldc, left, right, m, n, k, add);
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j < n; j++) {
                float want = sum_of(&panel_sets[s], a + i, m, b + j, n, k, k) + (add ? before[i * ldc + j] : 0);
                if (c[i * ldc + j] != want)
                    fail_msg("%s, add %d: (%zu, %zu) of %zux%zux%zu is %a, not %a", panel_sets[s].name, add, i, j, m, n,
                             k, (double)c[i * ldc + j], (double)want);
            }
        for (size_t i = 0; i + 1 < m && !add; i++)
            for (size_t j = n; j < ldc; j++)
                assert_true(isnan(c[i * ldc + j]));
        assert_true(guarded_intact(c) && guarded_map_intact(left) && guarded_map_intact(right));
        guarded_free(c);
        guarded_map_free(left);
        guarded_map_free(right);
    }
    free(a_map);
    free(b_map);
    free(a);
    free(b);
    free(before);
}

static void outer_products_are_the_plain_sums_to_the_bit(void **state)
{
    (void)state;
    static const size_t sides[] = {1, 3, 16, 17, 31, 32}, sums[] = {1, 2, 7, 49, 131};
    for (size_t i = 0; i < 6 * 6 * 5; i++)
        for (int add = 0; add < 2; add++)
            check_outer(sides[i % 6], sides[i / 6 % 6], sums[i / 36], add);
}

/* NaN and infinity reach their own row alone, and a ReLU keeps NaN. What is a denormal as bfloat16 is a number for
 * multiply-adds and zero for VDPBF16PS, and so is a result: there the sets do not agree. */
static void numbers_at_the_ends(void **state)
{
    (void)state;
    enum { M = 5, K = 2 };
    const float a[M * K] = {NAN, 1, INFINITY, 1, 1, 1, 0x1p-130f, 0, 0, 0x1p-130f};
    const float b[K] = {0x1p100f, 1};
    void *left = map_of(a, M * K, BF16);
    for (size_t s = 0; s < panel_sets_count; s++) {
        uint16_t panel[K * PANEL], c[M];
        panel_sets[s].lanes->weights(panel, K * PANEL, b, 1, K, 1);
        panel_sets[s].lanes->product(c, 1, (struct panel_left){left, K, K, K}, panel, M, 1, K, false,
                                     &(struct panel_finish){.relu = true});
        float *got = values_of(c, M, BF16);
        assert_true(isnan(got[0]) && isinf(got[1]) && got[1] > 0 && got[2] == 0x1p100f);
        assert_true(got[3] == (panel_sets[s].flushes ? 0 : 0x1p-30f) &&
                    got[4] == (panel_sets[s].flushes ? 0 : 0x1p-130f));
        free(got);
    }
    free(left);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_are_the_plain_sums_to_the_bit),
        cmocka_unit_test(lines_are_products_of_their_own),
        cmocka_unit_test(outer_products_are_the_plain_sums_to_the_bit),
        cmocka_unit_test(numbers_at_the_ends),
    };
    return cmocka_run_group_tests_name("products of panels of bfloat16", tests, panel_sets_find, panel_sets_report);
}
