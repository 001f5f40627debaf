/* The products of panel_bf16.simd.c in vectors: pairs of what is summed are multiplied and added to a float,
 *
 *   c += a[2j+1] b[2j+1],  c += a[2j] b[2j]      each rounded once, as VDPBF16PS does
 *
 * by that instruction where there is one (it takes denormals for zeros), else by two multiply-adds on floats made of
 * the pairs. A block of rows times two vectors of columns stays in registers down the whole sum, whatever its length:
 * sums of products are floats, and rounding them before the end would cost more than it costs to read a long panel once
 * more. */
#ifndef FREEZETUNE_PANEL_PAIRS_H
#define FREEZETUNE_PANEL_PAIRS_H

#include "core/ops/panel_ending.h"

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
        store_row(out, residual, low[i], high[i], ending, sums);
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

#endif
