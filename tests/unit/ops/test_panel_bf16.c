/* Panels of bfloat16 against plain loops, with every instruction set that this processor has. A product of two such
 * numbers is exact as a float, so that multiply-add, multiplication and addition, and VDPBF16PS all round the same sum:
 * they agree with a loop of floats to the bit, and so do tiles with one that adds in their order. */
#include "tests/support/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/ops/cpu.h"
#include "core/ops/panel.h"
#include "tests/support/guarded.h"
#include "tests/support/maps.h"

#define BF16 PRECISION_BF16

CPU_DISPATCH_BF16(const struct panel_lanes, panel_lanes_bf16)

struct set {
    const char *name;
    const struct panel_lanes *lanes;
    bool fused;   /* c * scale + shift is rounded once */
    bool flushes; /* denormals are zeros */
    bool tiles;   /* pairs are added up within a step */
};
enum { SETS_MOST = 5 };

static struct set sets[SETS_MOST];
static size_t sets_count;

static int find_sets(void **state)
{
    (void)state;
#if defined(__x86_64__)
    const struct set all[] = {{"plain", &panel_lanes_bf16_plain, false, false, false},
                              {"avx2", &panel_lanes_bf16_avx2, true, false, false},
                              {"avx512", &panel_lanes_bf16_avx512, true, false, false}};
    for (int i = 0; i <= (int)cpu_set_get(); i++)
        sets[sets_count++] = all[i];
    if (cpu_has_bf16())
        sets[sets_count++] = (struct set){"avx512bf16", &panel_lanes_bf16_avx512bf16, true, true, false};
    if (cpu_bf16() == CPU_BF16_TILES)
        sets[sets_count++] = (struct set){"amx", CPU_AMX(panel_lanes_bf16), true, true, true};
#elif defined(__aarch64__)
    const struct set all[] = {{"plain", &panel_lanes_bf16_plain, true, false, false},
                              {"neon", &panel_lanes_bf16_neon, true, false, false}};
    for (int i = 0; i <= (int)cpu_set_get(); i++)
        sets[sets_count++] = all[i];
#else
    sets[sets_count++] = (struct set){"plain", &panel_lanes_bf16_plain, false, false, false};
#endif
    return sets[sets_count - 1].lanes == panel_lanes_bf16_of_cpu() ? 0 : -1;
}

static float bits_float(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static uint16_t stored_bits(double v)
{
    uint16_t bits;
    void *map = map_of((float[]){(float)nearest(v, BF16)}, 1, BF16);
    memcpy(&bits, map, sizeof bits);
    free(map);
    return bits;
}

/* ---- packing ----------------------------------------------------------------------------------------------------- */
/* Rows, columns, and how much longer a row of x is; rows and columns are odd, a panel is full or nearly so. */
static const size_t sizes[][3] = {{1, 1, 0},  {2, 2, 0},  {3, 7, 2},  {5, 31, 1}, {4, 32, 0},
                                  {7, 33, 5}, {9, 45, 0}, {2, 64, 3}, {1, 79, 0}, {13, 97, 1}};
enum { SIZES = sizeof sizes / sizeof *sizes };

static size_t panels_of(size_t columns)
{
    return (columns + PANEL - 1) / PANEL;
}

/* Where (i, j) is in panels that are summed over rows, or not. */
static size_t place(size_t i, size_t j, size_t block, bool summed)
{
    size_t in_panel = summed ? i / 2 * 2 * PANEL + j % PANEL * 2 + i % 2 : i * PANEL + j % PANEL;
    return j / PANEL * block + in_panel;
}

/* Both ways to round the conv_input: fused or not. */
static bool is_input(uint16_t got, float x, const float *scale, const float *shift, size_t j, bool relu)
{
    float fused = x, twice = x;
    if (scale) {
        fused = fmaf(x, scale[j], shift[j]);
        twice = x * scale[j];
        twice += shift[j];
    }
    double values[] = {(double)fused, (double)twice};
    for (size_t i = 0; i < 2; i++)
        if (got == stored_bits(relu && values[i] < 0 ? 0 : values[i]))
            return true;
    return false;
}

static void check_packed(const struct set *set, const size_t *size, bool summed, unsigned form)
{
    struct rng rng = rng_stream(51, RNG_TEST, 0, form);
    size_t rows = size[0], columns = size[1], ld = columns + size[2], block = (rows + 3) * PANEL;
    size_t x_count = (rows - 1) * ld + columns, count = (panels_of(columns) - 1) * block + (rows + 1) / 2 * 2 * PANEL;
    if (!summed)
        count -= rows % 2 * PANEL;
    float *x = random_floats(&rng, x_count, 1, 0), *scale = random_floats(&rng, columns, 0.5, 1);
    float *shift = random_floats(&rng, columns, 0.5, 0);
    round_values(x, x_count, BF16);
    void *map = map_of(x, x_count, BF16);
    uint16_t *panels = guarded_map(count, BF16);
    bool affine = form & 1, relu = form & 2;
    (summed ? set->lanes->pack_summed : set->lanes->pack)(panels, block, map, ld, rows, columns, affine ? scale : NULL,
                                                          affine ? shift : NULL, relu);
    size_t all_rows = summed ? rows + rows % 2 : rows;
    for (size_t i = 0; i < all_rows; i++)
        for (size_t j = 0; j < panels_of(columns) * PANEL; j++) {
            uint16_t got = panels[place(i, j, block, summed)];
            bool there = i < rows && j < columns;
            if (there ? !is_input(got, x[i * ld + j], affine ? scale : NULL, shift, j, relu) : got != 0)
                fail_msg("%s, form %u, summed %d: (%zu, %zu) of %zux%zu is %#x", set->name, form, summed, i, j, rows,
                         columns, got);
        }
    for (size_t panel = 0; panel + 1 < panels_of(columns); panel++) /* between two panels nothing is written */
        for (size_t i = all_rows * PANEL; i < block; i++)
            assert_int_equal(panels[panel * block + i], 0xffff);
    assert_true(guarded_map_intact(panels));
    guarded_map_free(panels);
    free(map);
    free(x);
    free(scale);
    free(shift);
}

static void rows_are_packed_through_the_input(void **state)
{
    (void)state;
    for (size_t s = 0; s < sets_count; s++)
        for (size_t i = 0; i < SIZES; i++)
            for (unsigned form = 0; form < 8; form++)
                check_packed(&sets[s], sizes[i], form & 4, form & 3);
}

/* What a ReLU leaves of numbers that are none, and a row without one leaves as they are. */
static void packing_keeps_nan_and_infinity(void **state)
{
    (void)state;
    const uint16_t values[] = {0x7fc1, 0xffc1, 0x7f80, 0xff80, 0x8000, 0x0001, 0x8001, 0x3f80};
    const uint16_t positive[] = {0x7fc1, 0xffc1, 0x7f80, 0, 0x8000, 0x0001, 0, 0x3f80};
    enum { COUNT = sizeof values / sizeof *values };
    for (size_t s = 0; s < sets_count; s++) {
        uint16_t panel[2 * PANEL];
        sets[s].lanes->pack(panel, PANEL, values, COUNT, 1, COUNT, NULL, NULL, false);
        assert_memory_equal(panel, values, sizeof values);
        sets[s].lanes->pack(panel, PANEL, values, COUNT, 1, COUNT, NULL, NULL, true);
        assert_memory_equal(panel, positive, sizeof positive);
        sets[s].lanes->pack_summed(panel, 2 * PANEL, values, COUNT, 1, COUNT, NULL, NULL, true);
        for (size_t j = 0; j < COUNT; j++)
            assert_int_equal(panel[2 * j], positive[j]);
    }
}

/* Random weights, and among them what is rounded in a way of its own. */
static float *some_weights(size_t count, uint64_t seed)
{
    static const uint32_t odd[] = {0x3f808000, 0x3f818000, 0xbf808001, 0x7f7fffff, 0xff7f8000, 0x7f800000,
                                   0x7f800001, 0xffffffff, 0x00000001, 0x00018000, 0x80000000, 0x007fffff};
    struct rng rng = rng_stream(52, RNG_TEST, 0, seed);
    float *w = random_floats(&rng, count, 1, 0);
    for (size_t i = seed % 3; i < count; i += 5)
        w[i] = bits_float(odd[i % (sizeof odd / sizeof *odd)]);
    return w;
}

/* `flushed`: by an instruction that takes denormals for zeros, as the products then do. */
static void assert_rounded(const struct set *set, uint16_t got, float w, bool flushed)
{
    float value = bits_float((uint32_t)got << 16);
    bool denormal = flushed && fabsf(w) < 0x1p-126f;
    if (isnan(w) ? !isnan(value) : denormal ? value != 0 : got != stored_bits((double)w))
        fail_msg("%s: %a became %a", set->name, (double)w, (double)value);
}

static void weights_are_rounded_and_summed_over_rows(void **state)
{
    (void)state;
    for (size_t s = 0; s < sets_count; s++)
        for (size_t i = 0; i < SIZES; i++) {
            size_t rows = sizes[i][0], columns = sizes[i][1], ld = columns + sizes[i][2], block = (rows + 3) * PANEL;
            size_t even = rows + rows % 2, count = (panels_of(columns) - 1) * block + even * PANEL;
            float *w = some_weights((rows - 1) * ld + columns, i);
            uint16_t *panels = guarded_map(count, BF16);
            sets[s].lanes->weights(panels, block, w, ld, rows, columns);
            for (size_t r = 0; r < even; r++)
                for (size_t j = 0; j < panels_of(columns) * PANEL; j++) {
                    uint16_t got = panels[place(r, j, block, true)];
                    if (r < rows && j < columns)
                        assert_rounded(&sets[s], got, w[r * ld + j], sets[s].flushes);
                    else
                        assert_int_equal(got, 0);
                }
            assert_true(guarded_map_intact(panels));
            guarded_map_free(panels);
            free(w);
        }
}

static void weights_are_transposed(void **state)
{
    (void)state;
    static const size_t outputs[] = {1, 2, 3, 19, 31, 32};
    for (size_t s = 0; s < sets_count; s++)
        for (size_t i = 0; i < SIZES; i++)
            for (size_t o = 0; o < sizeof outputs / sizeof *outputs; o++) {
                size_t n = outputs[o], columns = sizes[i][1], ld = columns + sizes[i][2], even = columns + columns % 2;
                float *w = some_weights((n - 1) * ld + columns, i);
                uint16_t *panel = guarded_map(even * PANEL, BF16);
                sets[s].lanes->transpose(panel, w, ld, n, columns);
                for (size_t j = 0; j < even; j++)
                    for (size_t k = 0; k < PANEL; k++) {
                        uint16_t got = panel[place(j, k, 0, true)];
                        if (k < n && j < columns)
                            assert_rounded(&sets[s], got, w[k * ld + j], false);
                        else
                            assert_int_equal(got, 0);
                    }
                assert_true(guarded_map_intact(panel));
                guarded_map_free(panel);
                free(w);
            }
}

/* ---- products ---------------------------------------------------------------------------------------------------- */
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

static float sum_of(const struct set *set, const float *a, size_t a_step, const float *b, size_t b_step, size_t k,
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
static uint16_t *run_product(const struct set *set, const struct product_case *one, struct panel_left left,
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
static void check_sums(const struct set *set, const struct product_case *one, const struct left_sample *left,
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
    for (size_t s = 0; s < sets_count; s++) {
        sets[s].lanes->weights(panel, k * PANEL, b, n, k, n);
        if (!one->finish && !one->add)
            check_sums(&sets[s], one, &left, panel, b);
        uint16_t *c = run_product(&sets[s], one, left.left, panel, before_map, one->finish & 1 ? &finish : NULL);
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j < n; j++) {
                float sum = sum_of(&sets[s], left.values + i * k, 1, b + j, n, k, left.left.chunk);
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
                if (c[i * ldc + j] != want[sets[s].fused])
                    fail_msg("%s, left %d, add %d, finish %#x: (%zu, %zu) of %zux%zux%zu is %#x, not %#x", sets[s].name,
                             one->kind, one->add, one->finish, i, j, m, n, k, c[i * ldc + j], want[sets[s].fused]);
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
    for (size_t s = 0; s < sets_count; s++) /* no rows: nothing is read or written */
        sets[s].lanes->product(NULL, 1, (struct panel_left){NULL, 4, 4, 4}, NULL, 0, 1, 4, false, NULL);
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
    for (size_t s = 0; s < sets_count; s++) {
        uint16_t *left = guarded_map(packed, BF16), *right = guarded_map(packed, BF16);
        float *c = guarded_alloc(count);
        sets[s].lanes->pack_summed(left, packed, a_map, m, k, m, NULL, NULL, false);
        sets[s].lanes->pack_summed(right, packed, b_map, n, k, n, NULL, NULL, false);
        if (add)
            memcpy(c, before, count * sizeof *c);
        if (sets[s].lanes->turn)
            sets[s].lanes->turn(left, k);
        sets[s].lanes->outer(c, ldc, left, right, m, n, k, add);
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j < n; j++) {
                float want = sum_of(&sets[s], a + i, m, b + j, n, k, k) + (add ? before[i * ldc + j] : 0);
                if (c[i * ldc + j] != want)
                    fail_msg("%s, add %d: (%zu, %zu) of %zux%zux%zu is %a, not %a", sets[s].name, add, i, j, m, n, k,
                             (double)c[i * ldc + j], (double)want);
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
    for (size_t s = 0; s < sets_count; s++) {
        uint16_t panel[K * PANEL], c[M];
        sets[s].lanes->weights(panel, K * PANEL, b, 1, K, 1);
        sets[s].lanes->product(c, 1, (struct panel_left){left, K, K, K}, panel, M, 1, K, false,
                               &(struct panel_finish){.relu = true});
        float *got = values_of(c, M, BF16);
        assert_true(isnan(got[0]) && isinf(got[1]) && got[1] > 0 && got[2] == 0x1p100f);
        assert_true(got[3] == (sets[s].flushes ? 0 : 0x1p-30f) && got[4] == (sets[s].flushes ? 0 : 0x1p-130f));
        free(got);
    }
    free(left);
}

static int report(void **state)
{
    (void)state;
    for (size_t s = 0; s < sets_count; s++)
        print_message("# instruction set %s\n", sets[s].name);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_packed_through_the_input),
        cmocka_unit_test(packing_keeps_nan_and_infinity),
        cmocka_unit_test(weights_are_rounded_and_summed_over_rows),
        cmocka_unit_test(weights_are_transposed),
        cmocka_unit_test(products_are_the_plain_sums_to_the_bit),
        cmocka_unit_test(lines_are_products_of_their_own),
        cmocka_unit_test(outer_products_are_the_plain_sums_to_the_bit),
        cmocka_unit_test(numbers_at_the_ends),
    };
    return cmocka_run_group_tests_name("panels of bfloat16", tests, find_sets, report);
}
