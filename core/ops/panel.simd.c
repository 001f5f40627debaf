/* The products of panel.h: a block of rows times two vectors of columns stays in registers down the whole sum. */
#include "core/ops/panel.h"

#include <string.h>

#include "core/ops/simd.h"

/* Rows of a block: with two vectors each they fill the registers, less what holds the row of b. */
#if defined(__AVX512F__)
enum { WIDTH = 16, ROWS = 12 };
#elif defined(__AVX2__)
enum { WIDTH = 8, ROWS = 6 };
#else
enum { WIDTH = 4, ROWS = 6 };
#endif
enum { COLUMNS = 2 * WIDTH };

/* Longer sums are added in pieces: less rounding, and a piece of b stays in the first cache. */
enum { SUM = 256 };

typedef float vec __attribute__((vector_size(WIDTH * sizeof(float))));
typedef int vec_mask __attribute__((vector_size(WIDTH * sizeof(int))));
typedef float vec_unaligned __attribute__((vector_size(WIDTH * sizeof(float)), aligned(4), may_alias));

#define UNROLL _Pragma("GCC unroll 16")

ALWAYS_INLINE vec load(const float *p)
{
    return *(const vec_unaligned *)p;
}

ALWAYS_INLINE void store(float *p, vec v)
{
    *(vec_unaligned *)p = v;
}

/* The first n columns of a row of c. */
ALWAYS_INLINE void store_row(float *c, vec low, vec high, size_t n, bool add)
{
    float row[COLUMNS] = {0}, *out = n >= COLUMNS ? c : row;
    if (add && n < COLUMNS)
        memcpy(row, c, n * sizeof *row);
    store(out, add ? load(out) + low : low);
    store(out + WIDTH, add ? load(out + WIDTH) + high : high);
    if (n < COLUMNS)
        memcpy(c, row, n * sizeof *row);
}

/* Where element (i, j) of the left operand is: a[j/chunk * block + i*row + j%chunk * column]. */
struct left {
    const float *a;
    size_t row, column, chunk, block;
};

/* c[rows, n] (+)= left[rows, K] b[K, COLUMNS]; `rows` is a constant after inlining. */
ALWAYS_INLINE void block(float *c, size_t ldc, struct left left, const float *b, size_t n, size_t k, bool add,
                         const size_t rows)
{
    vec low[ROWS], high[ROWS];
    UNROLL
    for (size_t i = 0; i < rows; i++)
        low[i] = high[i] = (vec){0};
    UNROLL
    for (size_t i = 0; i < rows; i++) { /* c is wanted at the end: it may come from far meanwhile */
        __builtin_prefetch(c + i * ldc, 1);
        __builtin_prefetch(c + i * ldc + COLUMNS - 1, 1);
    }
    for (size_t j0 = 0; j0 < k; j0 += left.chunk, left.a += left.block) {
        size_t end = k - j0 < left.chunk ? k - j0 : left.chunk;
        const float *a = left.a;
        for (size_t j = 0; j < end; j++, a += left.column, b += PANEL) {
            vec b_low = load(b), b_high = load(b + WIDTH);
            UNROLL
            for (size_t i = 0; i < rows; i++) {
                low[i] += a[i * left.row] * b_low;
                high[i] += a[i * left.row] * b_high;
            }
        }
    }
    UNROLL
    for (size_t i = 0; i < rows; i++)
        store_row(c + i * ldc, low[i], high[i], n, add);
}

#define BLOCK_OF(count)                                                                                                \
    case count:                                                                                                        \
        block(c, ldc, left, b, n, k, add, count);                                                                      \
        break;

ALWAYS_INLINE void block_of(float *c, size_t ldc, struct left left, const float *b, size_t n, size_t k, bool add,
                            size_t rows)
{
    switch (rows) {
        BLOCK_OF(1)
        BLOCK_OF(2)
        BLOCK_OF(3)
        BLOCK_OF(4)
        BLOCK_OF(5)
        BLOCK_OF(6)
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

static void product(float *c, size_t ldc, const float *a, size_t lda, size_t step, const float *b, size_t m, size_t n,
                    size_t k, bool add)
{
    size_t blocks = (m + ROWS - 1) / ROWS, sums = (k + SUM - 1) / SUM;
    for (size_t j = 0; j < sums; j++)
        for (size_t column = 0; column < n; column += COLUMNS)
            for (size_t i = 0; i < blocks; i++) {
                size_t begin = m * i / blocks, end = m * (i + 1) / blocks, last = j * SUM + SUM < k ? SUM : k - j * SUM;
                struct left left = {.a = a + j * (SUM / PANEL) * step + begin * lda,
                                    .row = lda,
                                    .column = 1,
                                    .chunk = PANEL,
                                    .block = step};
                block_of(c + begin * ldc + column, ldc, left, b + j * SUM * PANEL + column, n - column, last, add || j,
                         end - begin);
            }
}

static void outer(float *c, size_t ldc, const float *a, const float *b, size_t m, size_t n, size_t k, bool add)
{
    size_t blocks = (m + ROWS - 1) / ROWS;
    for (size_t column = 0; column < n; column += COLUMNS)
        for (size_t i = 0; i < blocks; i++) {
            size_t begin = m * i / blocks, end = m * (i + 1) / blocks;
            struct left left = {.a = a + begin, .row = 1, .column = PANEL, .chunk = k, .block = 0};
            block_of(c + begin * ldc + column, ldc, left, b + column, n - column, k, add, end - begin);
        }
}

/* Keeps NaN, as PyTorch does. */
ALWAYS_INLINE vec relu_vector(vec v)
{
    return (vec)((vec_mask)v & ~(v < 0.0f));
}

/* Columns j..j+32 of all rows, through the view. */
ALWAYS_INLINE void pack_panel(float *panel, const float *x, size_t ld, size_t rows, const float *scale,
                              const float *shift, bool affine, bool relu)
{
    vec by[PANEL / WIDTH], plus[PANEL / WIDTH];
    for (size_t v = 0; affine && v < PANEL / WIDTH; v++) {
        by[v] = load(scale + v * WIDTH);
        plus[v] = load(shift + v * WIDTH);
    }
    for (size_t i = 0; i < rows; i++, x += ld, panel += PANEL)
        for (size_t v = 0; v < PANEL / WIDTH; v++) {
            vec value = load(x + v * WIDTH);
            if (affine)
                value = value * by[v] + plus[v];
            store(panel + v * WIDTH, relu ? relu_vector(value) : value);
        }
}

/* The last panel, with fewer columns. */
static void pack_rest(float *panel, const float *x, size_t ld, size_t rows, size_t columns, const float *scale,
                      const float *shift, bool relu)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < PANEL; j++) {
            float value = j < columns ? x[i * ld + j] : 0.0f;
            if (scale && j < columns)
                value = value * scale[j] + shift[j];
            panel[i * PANEL + j] = relu && value < 0.0f ? 0.0f : value;
        }
}

static void pack(float *panels, size_t step, const float *x, size_t ld, size_t rows, size_t columns, const float *scale,
                 const float *shift, bool relu)
{
    size_t j = 0;
    for (; j + PANEL <= columns; j += PANEL, panels += step)
        if (scale && relu)
            pack_panel(panels, x + j, ld, rows, scale + j, shift + j, true, true);
        else if (scale)
            pack_panel(panels, x + j, ld, rows, scale + j, shift + j, true, false);
        else
            pack_panel(panels, x + j, ld, rows, NULL, NULL, false, relu);
    if (j < columns)
        pack_rest(panels, x + j, ld, rows, columns - j, scale ? scale + j : NULL, shift ? shift + j : NULL, relu);
}

/* Four by four values at a time. */
typedef float four __attribute__((vector_size(16)));
typedef float four_unaligned __attribute__((vector_size(16), aligned(4), may_alias));

ALWAYS_INLINE void transpose_4x4(float *out, const float *w, size_t ld)
{
    four a = *(const four_unaligned *)w, b = *(const four_unaligned *)(w + ld);
    four c = *(const four_unaligned *)(w + 2 * ld), d = *(const four_unaligned *)(w + 3 * ld);
    four ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    four cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5), cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    *(four_unaligned *)out = __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5);
    *(four_unaligned *)(out + PANEL) = __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7);
    *(four_unaligned *)(out + 2 * PANEL) = __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5);
    *(four_unaligned *)(out + 3 * PANEL) = __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7);
}

static void transpose(float *panel, const float *w, size_t ld, size_t n, size_t columns)
{
    size_t whole = n == PANEL ? columns / 4 * 4 : 0;
    for (size_t j = 0; j < whole; j += 4)
        for (size_t i = 0; i < PANEL; i += 4)
            transpose_4x4(panel + j * PANEL + i, w + i * ld + j, ld);
    for (size_t j = whole; j < columns; j++)
        for (size_t i = 0; i < PANEL; i++)
            panel[j * PANEL + i] = i < n ? w[i * ld + j] : 0.0f;
}

extern const struct panel_lanes SIMD_NAME(panel_lanes);
const struct panel_lanes SIMD_NAME(panel_lanes) = {
    .product = product, .outer = outer, .pack = pack, .transpose = transpose};
