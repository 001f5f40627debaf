/* The products of panel_bf16.simd.c in vectors: pairs of what is summed are multiplied and added to a float,
 *
 *   c += a[2j+1] b[2j+1],  c += a[2j] b[2j]      each rounded once, as VDPBF16PS does
 *
 * by that instruction where there is one (it takes denormals for zeros), else by two multiply-adds on floats made of
 * the pairs: those of the left operand some pairs ahead, for all rows of a block, since a multiply-add can read the
 * float that it wants of memory, but not half of a pair.
 *
 * A block of rows times two vectors of columns stays in registers down the whole sum, whatever its length: sums of
 * products are floats, and rounding them before the end would cost more than it costs to read a long panel once more.
 */
#ifndef FREEZETUNE_PANEL_PAIRS_H
#define FREEZETUNE_PANEL_PAIRS_H

#include "core/ops/panel_ending.h"

/* As in panel.simd.c. On aarch64 more than 6 rows are slower (docs/decisions/aarch64.md). */
#if defined(__AVX512F__)
enum { ROWS = 12 };
#elif defined(__aarch64__) || defined(__AVX2__)
enum { ROWS = 6 };
#else
enum { ROWS = 4 };
#endif
enum { PAIRS = PANEL };

/* The left operand: pair j of row i is at a[j/chunk * block + i*row + j%chunk * column]. */
struct left {
    const uint16_t *a;
    size_t row, column, chunk, block;
    size_t first; /* where a panel's rows are summed: row 0 is this column of it */
};

/* ---- pairs that are multiplied as they are ----------------------------------------------------------------------- */
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

#elif defined(__aarch64__)

struct right {
    vec odd, even;
};

ALWAYS_INLINE struct right right_of(const uint16_t *b)
{
    vec_bits pairs;
    memcpy(&pairs, b, sizeof pairs);
    return (struct right){.odd = (vec)(pairs & 0xffff0000u), .even = (vec)(pairs << 16)};
}

/* gcc would shift in a vector register, which takes a turn of the units that multiply. */
ALWAYS_INLINE float float_of(uint32_t bits)
{
    float f;
    __asm__("" : "+r"(bits));
    memcpy(&f, &bits, sizeof f);
    return f;
}

ALWAYS_INLINE vec add_pair(vec sum, uint32_t a, struct right b)
{
    sum += float_of(a & 0xffff0000u) * b.odd;
    return sum + float_of(a << 16) * b.even;
}

#endif

#if defined(__AVX512BF16__) || defined(__aarch64__)

ALWAYS_INLINE uint32_t pair_at(const uint16_t *a)
{
    uint32_t pair;
    memcpy(&pair, a, sizeof pair);
    return pair;
}

/* Adds the products of `pairs` pairs of one chunk. */
ALWAYS_INLINE void add_pairs(vec *low, vec *high, struct left left, const uint16_t *a, const uint16_t *b, size_t pairs,
                             const size_t rows)
{
    for (size_t j = 0; j < pairs; j++, a += left.column, b += 2 * PAIRS) {
        struct right b_low = right_of(b), b_high = right_of(b + 2 * WIDTH);
        UNROLL
        for (size_t i = 0; i < rows; i++) {
            uint32_t pair = pair_at(a + i * left.row);
            low[i] = add_pair(low[i], pair, b_low);
            high[i] = add_pair(high[i], pair, b_high);
        }
    }
}

/* ---- pairs that become floats ------------------------------------------------------------------------------------ */
#else

enum { AHEAD = 64, ROOM = 2 * ROWS * AHEAD }; /* pairs of each row that are floats at a time: 6 KB of the first cache */

/* Where the floats of a left operand are: of pair j of row i, odd at f[i*row + j*column], even `even` behind it. */
struct floats {
    const float *f;
    size_t row, column, even;
};

ALWAYS_INLINE vec odd_of(vec_bits pairs)
{
    return (vec)(pairs & 0xffff0000u);
}

ALWAYS_INLINE vec even_of(vec_bits pairs)
{
    return (vec)(pairs << 16);
}

ALWAYS_INLINE vec_bits pairs_at(const uint16_t *a, size_t n)
{
    vec_bits pairs = {0};
    memcpy(&pairs, a, n * sizeof(uint32_t));
    return pairs;
}

/* Of rows of pairs, AHEAD of them at most: those of a row side by side. */
ALWAYS_INLINE struct floats widen_rows(float *to, const uint16_t *a, size_t row, size_t pairs, const size_t rows)
{
    UNROLL
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < pairs; j += WIDTH) {
            const uint16_t *from = a + i * row + 2 * j;
            vec_bits bits = pairs - j < WIDTH ? pairs_at(from, pairs - j) : pairs_at(from, WIDTH);
            store(to + 2 * i * AHEAD + j, odd_of(bits), WIDTH);
            store(to + (2 * i + 1) * AHEAD + j, even_of(bits), WIDTH);
        }
    return (struct floats){.f = to, .row = 2 * AHEAD, .column = 1, .even = AHEAD};
}

/* Of a panel whose rows are summed: those of all rows of the block side by side, in a vector that ends with the panel
 * at the latest. */
ALWAYS_INLINE struct floats widen_panel(float *to, const uint16_t *a, size_t first, size_t pairs)
{
    size_t back = first + WIDTH > PAIRS ? first + WIDTH - PAIRS : 0;
    for (size_t j = 0; j < pairs; j++) {
        vec_bits bits = pairs_at(a + j * 2 * PAIRS - 2 * back, WIDTH);
        store(to + 2 * j * WIDTH, odd_of(bits), WIDTH);
        store(to + (2 * j + 1) * WIDTH, even_of(bits), WIDTH);
    }
    return (struct floats){.f = to + back, .row = 1, .column = 2 * WIDTH, .even = WIDTH};
}

ALWAYS_INLINE void add_halves(vec *low, vec *high, const float *a, size_t row, vec b_low, vec b_high, const size_t rows)
{
    UNROLL
    for (size_t i = 0; i < rows; i++) {
        low[i] += a[i * row] * b_low;
        high[i] += a[i * row] * b_high;
    }
}

/* Adds the products of `pairs` pairs of one chunk. */
ALWAYS_INLINE void add_pairs(vec *low, vec *high, struct left left, const uint16_t *a, const uint16_t *b, size_t pairs,
                             const size_t rows)
{
    float room[ROOM] __attribute__((aligned(64)));
    const size_t most = left.column == 2 ? AHEAD : ROOM / (2 * WIDTH);
    for (size_t n; pairs > 0; pairs -= n, a += n * left.column) {
        n = pairs < most ? pairs : most;
        struct floats floats =
            left.column == 2 ? widen_rows(room, a, left.row, n, rows) : widen_panel(room, a, left.first, n);
        for (size_t j = 0; j < n; j++, b += 2 * PAIRS) {
            const float *odd = floats.f + j * floats.column;
            vec_bits b_low = pairs_at(b, WIDTH), b_high = pairs_at(b + 2 * WIDTH, WIDTH);
            add_halves(low, high, odd, floats.row, odd_of(b_low), odd_of(b_high), rows);
            add_halves(low, high, odd + floats.even, floats.row, even_of(b_low), even_of(b_high), rows);
        }
    }
}

#endif

/* ---- blocks ------------------------------------------------------------------------------------------------------ */
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
        end = left.chunk < pairs ? left.chunk : pairs;
        add_pairs(low, high, left, chunk, b, end, rows);
        b += end * 2 * PAIRS;
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
#if defined(__aarch64__) || defined(__AVX2__)
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
            struct left left = {.a = (const uint16_t *)a + 2 * begin,
                                .row = 2,
                                .column = 2 * PAIRS,
                                .chunk = pairs ? pairs : 1,
                                .first = begin};
            block_of(c + begin * ldc + column, ldc, left, (const uint16_t *)b + 2 * column, pairs, &ending, end - begin,
                     true);
        }
}

#endif
