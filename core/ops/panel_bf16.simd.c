/* The products of panel.h on values of bfloat16: pairs of what is summed are multiplied and added to a float,
 *
 *   c += a[2j+1] b[2j+1],  c += a[2j] b[2j]      each rounded once, as VDPBF16PS does
 *
 * by that instruction where there is one (it takes denormals for zeros), else by two multiply-adds on floats made of
 * the pairs. A block of rows times two vectors of columns stays in registers down the whole sum, whatever its length:
 * sums of products are floats, and rounding them before the end would cost more than it costs to read a long panel once
 * more. */
#include "core/ops/panel_columns.h"

#include <string.h>

/* As in panel.simd.c; without the instruction, registers are needed for the halves of b. On aarch64 more than 6 rows
 * are slower (docs/decisions/aarch64.md). */
#if defined(__AVX512F__)
enum { ROWS = 12 };
#elif defined(__aarch64__)
enum { ROWS = 6 };
#else
enum { ROWS = 4 };
#endif
enum { PAIRS = PANEL };

/* ---- one pair ---------------------------------------------------------------------------------------------------- */
#if defined(__AVX512BF16__)

struct right {
    __m512bh pairs;
};

ALWAYS_INLINE struct right right_of(const uint16_t *b)
{
    struct right right;
    memcpy(&right.pairs, b, sizeof right.pairs);
    return right;
}

ALWAYS_INLINE vec add_pair(vec sum, uint32_t a, struct right b)
{
    return (vec)_mm512_dpbf16_ps((__m512)sum, (__m512bh)_mm512_set1_epi32((int)a), b.pairs);
}

#else

struct right {
    vec odd, even;
};

ALWAYS_INLINE struct right right_of(const uint16_t *b)
{
    vec_bits pairs;
    memcpy(&pairs, b, sizeof pairs);
    return (struct right){.odd = (vec)(pairs & 0xffff0000u), .even = (vec)(pairs << 16)};
}

/* On aarch64 gcc would shift in a vector register, which takes a turn of the units that multiply. */
ALWAYS_INLINE float float_of(uint32_t bits)
{
    float f;
#if defined(__aarch64__)
    __asm__("" : "+r"(bits));
#endif
    memcpy(&f, &bits, sizeof f);
    return f;
}

ALWAYS_INLINE vec add_pair(vec sum, uint32_t a, struct right b)
{
    sum += float_of(a & 0xffff0000u) * b.odd;
    return sum + float_of(a << 16) * b.even;
}

#endif

/* ---- endings ----------------------------------------------------------------------------------------------------- */
/* What becomes of a block's sums: floats for a weight gradient (`sums`), else values of a map. */
struct ending {
    size_t n; /* columns, COLUMNS or fewer */
    bool sums, add;
    const uint16_t *residual; /* rows as far apart as those of c */
    struct columns_finish finish;
};

ALWAYS_INLINE void store_values(uint16_t *c, const uint16_t *residual, vec low, vec high, const struct ending *ending)
{
    if (ending->add) {
        low += vec_of_bf16(c);
        high += vec_of_bf16(c + WIDTH);
    }
    if (ending->finish.any && residual)
        finish_columns(&low, &high, (const vec[]){vec_of_bf16(residual), vec_of_bf16(residual + WIDTH)},
                       &ending->finish);
    else if (ending->finish.any)
        finish_columns(&low, &high, NULL, &ending->finish);
    bf16_of_vec(c, low);
    bf16_of_vec(c + WIDTH, high);
}

ALWAYS_INLINE void store_sums(float *c, vec low, vec high, bool add)
{
    store(c, add ? load(c, WIDTH) + low : low, WIDTH);
    store(c + WIDTH, add ? load(c + WIDTH, WIDTH) + high : high, WIDTH);
}

/* Fewer columns than a block has: through a row that has them all. */
static void store_some(void *c, const uint16_t *residual, vec low, vec high, const struct ending *ending)
{
    size_t n = ending->n;
    float sums[COLUMNS] = {0};
    uint16_t values[COLUMNS] = {0}, row_residual[COLUMNS] = {0};
    if (ending->sums) {
        memcpy(sums, c, ending->add ? n * sizeof *sums : 0);
        store_sums(sums, low, high, ending->add);
        memcpy(c, sums, n * sizeof *sums);
        return;
    }
    memcpy(values, c, ending->add ? n * sizeof *values : 0);
    if (residual)
        memcpy(row_residual, residual, n * sizeof *residual);
    store_values(values, residual ? row_residual : NULL, low, high, ending);
    memcpy(c, values, n * sizeof *values);
}

/* ---- blocks ------------------------------------------------------------------------------------------------------ */
/* The left operand: pair j of row i is at a[j/chunk * block + i*row + j%chunk * column]. */
struct left {
    const uint16_t *a;
    size_t row, column, chunk, block;
};

ALWAYS_INLINE uint32_t pair_at(const uint16_t *a)
{
    uint32_t pair;
    memcpy(&pair, a, sizeof pair);
    return pair;
}

/* c[rows, n] = left[rows, pairs] b, and its ending; `rows` and `sums` are constants after inlining. */
ALWAYS_INLINE void block(void *c, size_t ldc, struct left left, const uint16_t *b, size_t pairs,
                         const struct ending *ending, const size_t rows, const bool sums)
{
    const size_t size = sums ? sizeof(float) : sizeof(uint16_t);
    vec low[ROWS], high[ROWS];
    UNROLL
    for (size_t i = 0; i < rows; i++)
        low[i] = high[i] = (vec){0};
    UNROLL
    for (size_t i = 0; i < rows; i++) /* c is wanted at the end: it may come from far meanwhile */
        __builtin_prefetch((char *)c + i * ldc * size, 1);
    const uint16_t *chunk = left.a;
    for (size_t end; pairs > 0; pairs -= end, chunk += left.block) {
        const uint16_t *a = chunk;
        end = left.chunk < pairs ? left.chunk : pairs;
        for (size_t j = 0; j < end; j++, a += left.column, b += 2 * PAIRS) {
            struct right b_low = right_of(b), b_high = right_of(b + 2 * WIDTH);
            UNROLL
            for (size_t i = 0; i < rows; i++) {
                uint32_t pair = pair_at(a + i * left.row);
                low[i] = add_pair(low[i], pair, b_low);
                high[i] = add_pair(high[i], pair, b_high);
            }
        }
    }
    UNROLL
    for (size_t i = 0; i < rows; i++) {
        void *out = (char *)c + i * ldc * size;
        const uint16_t *residual = ending->residual ? ending->residual + i * ldc : NULL;
        if (ending->n < COLUMNS)
            store_some(out, residual, low[i], high[i], ending);
        else if (sums)
            store_sums(out, low[i], high[i], ending->add);
        else
            store_values(out, residual, low[i], high[i], ending);
    }
}

#define BLOCK_OF(count)                                                                                                \
    case count:                                                                                                        \
        block(c, ldc, left, b, pairs, ending, count, sums);                                                            \
        break;

ALWAYS_INLINE void block_of(void *c, size_t ldc, struct left left, const uint16_t *b, size_t pairs,
                            const struct ending *ending, size_t rows, const bool sums)
{
    switch (rows) {
        BLOCK_OF(1)
        BLOCK_OF(2)
        BLOCK_OF(3)
        BLOCK_OF(4)
#if VECTOR_REGISTERS == 32
        BLOCK_OF(5)
        BLOCK_OF(6)
#endif
#if defined(__AVX512F__)
        BLOCK_OF(7)
        BLOCK_OF(8)
        BLOCK_OF(9)
        BLOCK_OF(10)
        BLOCK_OF(11)
        BLOCK_OF(12)
#endif
    }
}

/* The rows begin.. of a left operand, in pairs. */
static struct left left_of(struct panel_left a, size_t begin)
{
    return (struct left){
        .a = (const uint16_t *)a.a + begin * a.row, .row = a.row, .column = 2, .chunk = a.chunk / 2, .block = a.block};
}

static void product(void *to, size_t ldc, struct panel_left a, const void *panel, size_t m, size_t n, size_t k,
                    bool add, const struct panel_finish *finish)
{
    uint16_t *c = to;
    size_t blocks = (m + ROWS - 1) / ROWS;
    for (size_t column = 0; column < n; column += COLUMNS) {
        const uint16_t *b = (const uint16_t *)panel + 2 * column;
        size_t count = n - column < COLUMNS ? n - column : COLUMNS;
        struct ending whole = {.n = count, .add = add, .finish = columns_finish_of(finish, column, count)};
        for (size_t i = 0; i < blocks; i++) {
            size_t begin = m * i / blocks, end = m * (i + 1) / blocks;
            struct ending ending = whole;
            if (finish && finish->residual)
                ending.residual = (const uint16_t *)finish->residual + begin * ldc + column;
            block_of(c + begin * ldc + column, ldc, left_of(a, begin), b, k / 2, &ending, end - begin, false);
        }
    }
}

static void sums(float *c, size_t ldc, struct panel_left a, const void *panel, size_t m, size_t n, size_t k)
{
    size_t blocks = (m + ROWS - 1) / ROWS;
    for (size_t column = 0; column < n; column += COLUMNS) {
        struct ending ending = {.n = n - column < COLUMNS ? n - column : COLUMNS, .sums = true};
        for (size_t i = 0; i < blocks; i++) {
            size_t begin = m * i / blocks, end = m * (i + 1) / blocks;
            block_of(c + begin * ldc + column, ldc, left_of(a, begin), (const uint16_t *)panel + 2 * column, k / 2,
                     &ending, end - begin, true);
        }
    }
}

static void outer(float *c, size_t ldc, const void *a, const void *b, size_t m, size_t n, size_t k, bool add)
{
    size_t blocks = (m + ROWS - 1) / ROWS, pairs = (k + 1) / 2;
    for (size_t column = 0; column < n; column += COLUMNS)
        for (size_t i = 0; i < blocks; i++) {
            size_t begin = m * i / blocks, end = m * (i + 1) / blocks;
            struct ending ending = {.n = n - column < COLUMNS ? n - column : COLUMNS, .sums = true, .add = add};
            struct left left = {
                .a = (const uint16_t *)a + 2 * begin, .row = 2, .column = 2 * PAIRS, .chunk = pairs ? pairs : 1};
            block_of(c + begin * ldc + column, ldc, left, (const uint16_t *)b + 2 * column, pairs, &ending, end - begin,
                     true);
        }
}

/* ---- packing ----------------------------------------------------------------------------------------------------- */
/* Columns j..j+WIDTH of a row through the conv_input, rounded, in the lower half of each lane; n of them are there. */
struct reader {
    const float *scale, *shift;
    bool relu;
};

ALWAYS_INLINE vec_bits read_values(const uint16_t *x, size_t j, size_t n, const struct reader *reader, bool affine,
                                   bool relu)
{
    vec_halves halves = {0};
    memcpy(&halves, x + j, n * sizeof *x);
    vec_bits bits = __builtin_convertvector(halves, vec_bits);
    if (affine) {
        vec scale = {0}, shift = {0};
        memcpy(&scale, reader->scale + j, n * sizeof(float));
        memcpy(&shift, reader->shift + j, n * sizeof(float));
        bits = bf16_bits_of_vec((vec)(bits << 16) * scale + shift);
    }
    if (relu) /* of what is negative and no NaN, nothing */
        bits &= ~(vec_bits)((vec)(bits << 16) < 0);
    return bits;
}

ALWAYS_INLINE void pack_values(uint16_t *to, size_t step, const uint16_t *x, size_t ld, size_t rows, size_t columns,
                               const struct reader *reader, bool affine, bool relu)
{
    size_t whole = columns / WIDTH * WIDTH, padded = (columns + PANEL - 1) / PANEL * PANEL;
    for (size_t i = 0; i < rows; i++, x += ld, to += PANEL)
        for (size_t j = 0; j < padded; j += WIDTH) {
            size_t n = j < whole ? WIDTH : j < columns ? columns - j : 0;
            vec_bits bits = n == WIDTH ? read_values(x, j, WIDTH, reader, affine, relu)
                                       : read_values(x, j, n, reader, affine, relu);
            vec_halves halves = __builtin_convertvector(bits, vec_halves);
            memcpy(to + j / PANEL * step + j % PANEL, &halves, sizeof halves);
        }
}

static void pack(void *to, size_t step, const void *x, size_t ld, size_t rows, size_t columns, const float *scale,
                 const float *shift, bool relu)
{
    struct reader reader = {scale, shift, relu};
    if (scale && relu)
        pack_values(to, step, x, ld, rows, columns, &reader, true, true);
    else if (scale)
        pack_values(to, step, x, ld, rows, columns, &reader, true, false);
    else if (relu)
        pack_values(to, step, x, ld, rows, columns, &reader, false, true);
    else
        pack_values(to, step, x, ld, rows, columns, &reader, false, false);
}

/* Rows i and i+1 side by side. */
ALWAYS_INLINE void pack_pairs(uint16_t *to, size_t step, const uint16_t *x, size_t ld, size_t rows, size_t columns,
                              const struct reader *reader, bool affine, bool relu)
{
    size_t padded = (columns + PANEL - 1) / PANEL * PANEL;
    for (size_t i = 0; i < rows; i += 2, x += 2 * ld, to += 2 * PANEL)
        for (size_t j = 0; j < padded; j += WIDTH) {
            size_t n = j >= columns ? 0 : columns - j < WIDTH ? columns - j : WIDTH;
            vec_bits even, odd = {0};
            if (n == WIDTH) {
                even = read_values(x, j, WIDTH, reader, affine, relu);
                if (i + 1 < rows)
                    odd = read_values(x + ld, j, WIDTH, reader, affine, relu);
            } else {
                even = read_values(x, j, n, reader, affine, relu);
                if (i + 1 < rows)
                    odd = read_values(x + ld, j, n, reader, affine, relu);
            }
            vec_bits pairs = even | odd << 16;
            memcpy(to + j / PANEL * step + j % PANEL * 2, &pairs, sizeof pairs);
        }
}

static void pack_summed(void *to, size_t step, const void *x, size_t ld, size_t rows, size_t columns,
                        const float *scale, const float *shift, bool relu)
{
    struct reader reader = {scale, shift, relu};
    if (scale && relu)
        pack_pairs(to, step, x, ld, rows, columns, &reader, true, true);
    else if (scale)
        pack_pairs(to, step, x, ld, rows, columns, &reader, true, false);
    else if (relu)
        pack_pairs(to, step, x, ld, rows, columns, &reader, false, true);
    else
        pack_pairs(to, step, x, ld, rows, columns, &reader, false, false);
}

static void weights(void *to, size_t step, const float *w, size_t ld, size_t rows, size_t columns)
{
    uint16_t *panels = to;
    size_t padded = (columns + PANEL - 1) / PANEL * PANEL;
    for (size_t i = 0; i < rows; i += 2, w += 2 * ld, panels += 2 * PANEL)
        for (size_t j = 0; j < padded; j += WIDTH) {
            size_t n = j >= columns ? 0 : columns - j < WIDTH ? columns - j : WIDTH;
            size_t n_odd = i + 1 < rows ? n : 0;
            vec even = n == WIDTH ? load(w + j, WIDTH) : load(w + j, n);
            vec odd = n_odd == WIDTH ? load(w + ld + j, WIDTH) : load(w + ld + j, n_odd);
            vec_bits pairs = bf16_pairs_of_vecs(even, odd);
            memcpy(panels + j / PANEL * step + j % PANEL * 2, &pairs, sizeof pairs);
        }
}

/* Pairs of neighbouring columns of one row of weights: a vector of them from twice as many floats. */
enum { FOUR = 4 };
typedef float eight __attribute__((vector_size(8 * sizeof(float))));
typedef uint32_t eight_bits __attribute__((vector_size(8 * sizeof(uint32_t))));
typedef uint32_t four_pairs __attribute__((vector_size(FOUR * sizeof(uint32_t))));

static uint32_t bf16_bits(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return (bits & 0x7fffffff) > 0x7f800000 ? bits >> 16 | 0x40 : (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

ALWAYS_INLINE four_pairs pairs_of(const float *w)
{
    eight_bits bits;
    memcpy(&bits, w, sizeof bits);
    eight_bits rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16, nan = bits >> 16 | 0x40;
    eight_bits is_nan = (eight_bits)((bits & 0x7fffffff) > 0x7f800000);
    rounded = (nan & is_nan) | (rounded & ~is_nan);
    four_pairs halves[2];
    memcpy(halves, &rounded, sizeof halves);
    return FOUR_OF(halves[0], halves[1], 0, 2, 4, 6) | FOUR_OF(halves[0], halves[1], 1, 3, 5, 7) << 16;
}

ALWAYS_INLINE void transpose_4x4(uint16_t *out, const float *w, size_t ld)
{
    four_pairs a = pairs_of(w), b = pairs_of(w + ld), c = pairs_of(w + 2 * ld), d = pairs_of(w + 3 * ld);
    four_pairs ab_low = FOUR_OF(a, b, 0, 4, 1, 5), ab_high = FOUR_OF(a, b, 2, 6, 3, 7);
    four_pairs cd_low = FOUR_OF(c, d, 0, 4, 1, 5), cd_high = FOUR_OF(c, d, 2, 6, 3, 7);
    four_pairs columns[FOUR] = {FOUR_OF(ab_low, cd_low, 0, 1, 4, 5), FOUR_OF(ab_low, cd_low, 2, 3, 6, 7),
                                FOUR_OF(ab_high, cd_high, 0, 1, 4, 5), FOUR_OF(ab_high, cd_high, 2, 3, 6, 7)};
    for (size_t i = 0; i < FOUR; i++)
        memcpy(out + i * 2 * PAIRS, &columns[i], sizeof columns[i]);
}

static void transpose(void *to, const float *w, size_t ld, size_t n, size_t columns)
{
    uint16_t *panel = to;
    size_t whole = n == PANEL ? columns / (2 * FOUR) * 2 * FOUR : 0;
    for (size_t j = 0; j < whole; j += 2 * FOUR)
        for (size_t i = 0; i < PANEL; i += FOUR)
            transpose_4x4(panel + j * PANEL + 2 * i, w + i * ld + j, ld);
    for (size_t j = whole; j < columns; j += 2)
        for (size_t i = 0; i < PANEL; i++) {
            uint16_t *pair = panel + j * PANEL + 2 * i;
            pair[0] = i < n ? (uint16_t)bf16_bits(w[i * ld + j]) : 0;
            pair[1] = i < n && j + 1 < columns ? (uint16_t)bf16_bits(w[i * ld + j + 1]) : 0;
        }
}

extern const struct panel_lanes SIMD_NAME(panel_lanes_bf16);
const struct panel_lanes SIMD_NAME(panel_lanes_bf16) = {
    .product = product,
    .sums = sums,
    .outer = outer,
    .pack = pack,
    .pack_summed = pack_summed,
    .weights = weights,
    .transpose = transpose,
};
