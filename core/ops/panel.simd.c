/* The products of panel.h: a block of rows times two vectors of columns stays in registers down the whole sum. */
#include "core/ops/panel_columns.h"

#include <string.h>

/* Rows of a block: with two vectors each they fill the registers, less what holds the row of b (AVX-512 and NEON: 24 of
 * 32, AVX2: 12 of 16). 14 rows were not faster than 12, and slower with 512 channels (docs/decisions/aarch64.md has
 * NEON's). The bytes do not depend on it: each value is a sum of its own. */
#if VECTOR_REGISTERS == 32
enum { ROWS = 12 };
#else
enum { ROWS = 6 };
#endif

enum {
    SUM = 256, /* longer sums are added in pieces: less rounding, and a piece of b stays in the first cache */
    GROUP = 96 /* rows that a piece of b is used for, whose sums wait for the next: whole blocks */
};

/* What becomes of a block's sums. */
struct ending {
    size_t n;            /* columns, COLUMNS or fewer */
    const float *before; /* what is added to them, or NULL; its rows are before_ld apart */
    size_t before_ld;
    const float *residual; /* what is added when it is finished, or NULL; its rows are residual_ld apart */
    size_t residual_ld;
    struct columns_finish finish;
};

static void end_with(struct ending *ending, const struct panel_finish *finish, size_t ld, size_t row, size_t column)
{
    ending->finish = columns_finish_of(finish, column, ending->n);
    ending->residual = finish->residual ? (const float *)finish->residual + row * ld + column : NULL;
    ending->residual_ld = ld;
}

ALWAYS_INLINE void store_whole(float *c, const float *before, const float *residual, vec low, vec high,
                               const struct ending *ending)
{
    if (before) {
        low += load(before, WIDTH);
        high += load(before + WIDTH, WIDTH);
    }
    if (ending->finish.any && residual)
        finish_columns(&low, &high, (const vec[]){load(residual, WIDTH), load(residual + WIDTH, WIDTH)},
                       &ending->finish);
    else if (ending->finish.any)
        finish_columns(&low, &high, NULL, &ending->finish);
    store(c, low, WIDTH);
    store(c + WIDTH, high, WIDTH);
}

/* Row i of the block. */
ALWAYS_INLINE void store_row(float *c, size_t i, vec low, vec high, const struct ending *ending)
{
    const float *before = ending->before ? ending->before + i * ending->before_ld : NULL;
    const float *residual = ending->residual ? ending->residual + i * ending->residual_ld : NULL;
    size_t n = ending->n;
    if (n == COLUMNS) {
        store_whole(c, before, residual, low, high, ending);
        return;
    }
    float row[COLUMNS], row_before[COLUMNS] = {0}, row_residual[COLUMNS] = {0};
    if (before)
        memcpy(row_before, before, n * sizeof *before);
    if (residual)
        memcpy(row_residual, residual, n * sizeof *residual);
    store_whole(row, before ? row_before : NULL, residual ? row_residual : NULL, low, high, ending);
    memcpy(c, row, n * sizeof *row);
}

/* The left operand from element j on: element (i, j) is at a[(at+j)/chunk * block + i*row + (at+j)%chunk * column]. */
struct left {
    const float *a;
    size_t row, column, chunk, block, at;
};

/* c[rows, n] = left[rows, K] b[K, COLUMNS], and its ending; `rows` is a constant after inlining. */
ALWAYS_INLINE void block(float *c, size_t ldc, struct left left, const float *b, size_t k, const struct ending *ending,
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
    const float *chunk = left.a;
    for (size_t end; k > 0; k -= end, chunk += left.block, left.at = 0) {
        const float *a = chunk + left.at * left.column;
        end = left.chunk - left.at < k ? left.chunk - left.at : k;
        for (size_t j = 0; j < end; j++, a += left.column, b += PANEL) {
            vec b_low = load(b, WIDTH), b_high = load(b + WIDTH, WIDTH);
            UNROLL
            for (size_t i = 0; i < rows; i++) {
                low[i] += a[i * left.row] * b_low;
                high[i] += a[i * left.row] * b_high;
            }
        }
    }
    UNROLL
    for (size_t i = 0; i < rows; i++)
        store_row(c + i * ldc, i, low[i], high[i], ending);
}

#define BLOCK_OF(count)                                                                                                \
    case count:                                                                                                        \
        block(c, ldc, left, b, k, ending, count);                                                                      \
        break;

ALWAYS_INLINE void block_of(float *c, size_t ldc, struct left left, const float *b, size_t k,
                            const struct ending *ending, size_t rows)
{
    switch (rows) {
        BLOCK_OF(1)
        BLOCK_OF(2)
        BLOCK_OF(3)
        BLOCK_OF(4)
        BLOCK_OF(5)
        BLOCK_OF(6)
#if VECTOR_REGISTERS == 32
        BLOCK_OF(7)
        BLOCK_OF(8)
        BLOCK_OF(9)
        BLOCK_OF(10)
        BLOCK_OF(11)
        BLOCK_OF(12)
#endif
    }
}

/* Rows row..row+m, COLUMNS columns from `column` on. The pieces of a long sum are added up in `sums`, so that c is
 * written once, after its residual was read: the two may be the same. */
static void product_rows(float *c, size_t ldc, struct panel_left a, const float *b, size_t row, size_t m, size_t column,
                         size_t n, size_t k, bool add, const struct panel_finish *finish)
{
    float sums[GROUP * COLUMNS];
    size_t blocks = (m + ROWS - 1) / ROWS;
    for (size_t j = 0; j < k; j += SUM) {
        bool first = j == 0, last = k - j <= SUM;
        for (size_t i = 0; i < blocks; i++) {
            size_t begin = m * i / blocks, end = m * (i + 1) / blocks;
            float *out = c + (row + begin) * ldc + column, *sum = sums + begin * COLUMNS;
            struct ending ending = {.n = n - column < COLUMNS ? n - column : COLUMNS};
            if (!first || add) {
                ending.before = first ? out : sum;
                ending.before_ld = first ? ldc : COLUMNS;
            }
            if (last && finish)
                end_with(&ending, finish, ldc, row + begin, column);
            struct left left = {.a = (const float *)a.a + j / a.chunk * a.block + (row + begin) * a.row,
                                .row = a.row,
                                .column = 1,
                                .chunk = a.chunk,
                                .block = a.block,
                                .at = j % a.chunk};
            block_of(last ? out : sum, last ? ldc : COLUMNS, left, b + j * PANEL + column, last ? k - j : SUM, &ending,
                     end - begin);
        }
    }
}

static void product(void *c, size_t ldc, struct panel_left a, const void *b, size_t m, size_t n, size_t k, bool add,
                    const struct panel_finish *finish)
{
    for (size_t row = 0; row < m; row += GROUP)
        for (size_t column = 0; column < n; column += COLUMNS)
            product_rows(c, ldc, a, b, row, m - row < GROUP ? m - row : GROUP, column, n, k, add, finish);
}

static void outer(float *c, size_t ldc, const void *left_panel, const void *right_panel, size_t m, size_t n, size_t k,
                  bool add)
{
    const float *a = left_panel, *b = right_panel;
    size_t blocks = (m + ROWS - 1) / ROWS;
    for (size_t column = 0; column < n; column += COLUMNS)
        for (size_t i = 0; i < blocks; i++) {
            size_t begin = m * i / blocks, end = m * (i + 1) / blocks;
            float *out = c + begin * ldc + column;
            struct ending ending = {
                .n = n - column < COLUMNS ? n - column : COLUMNS, .before = add ? out : NULL, .before_ld = ldc};
            struct left left = {.a = a + begin, .row = 1, .column = PANEL, .chunk = k};
            block_of(out, ldc, left, b + column, k, &ending, end - begin);
        }
}

/* Whole panels of one row after another, through the conv_input: a row is read from end to end, as memory likes it. */
ALWAYS_INLINE void pack_rows(float *panels, size_t step, const float *x, size_t ld, size_t rows, size_t columns,
                             const float *scale, const float *shift, bool affine, bool relu)
{
    for (size_t i = 0; i < rows; i++, x += ld, panels += PANEL)
        for (size_t j = 0; j + PANEL <= columns; j += PANEL)
            for (size_t v = 0; v < PANEL; v += WIDTH) {
                vec value = load(x + j + v, WIDTH);
                if (affine)
                    value = value * load(scale + j + v, WIDTH) + load(shift + j + v, WIDTH);
                store(panels + j / PANEL * step + v, relu ? at_least(value, 0) : value, WIDTH);
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

static void pack(void *to, size_t step, const void *map, size_t ld, size_t rows, size_t columns, const float *scale,
                 const float *shift, bool relu)
{
    float *panels = to;
    const float *x = map;
    size_t j = columns / PANEL * PANEL;
    if (scale && relu)
        pack_rows(panels, step, x, ld, rows, columns, scale, shift, true, true);
    else if (scale)
        pack_rows(panels, step, x, ld, rows, columns, scale, shift, true, false);
    else
        pack_rows(panels, step, x, ld, rows, columns, NULL, NULL, false, relu);
    if (j < columns)
        pack_rest(panels + j / PANEL * step, x + j, ld, rows, columns - j, scale ? scale + j : NULL,
                  shift ? shift + j : NULL, relu);
}

/* Four by four values at a time. */
typedef float four __attribute__((vector_size(16)));
typedef float four_unaligned __attribute__((vector_size(16), aligned(4), may_alias));

ALWAYS_INLINE void transpose_4x4(float *out, const float *w, size_t ld)
{
    four a = *(const four_unaligned *)w, b = *(const four_unaligned *)(w + ld);
    four c = *(const four_unaligned *)(w + 2 * ld), d = *(const four_unaligned *)(w + 3 * ld);
    four ab_low = FOUR_OF(a, b, 0, 4, 1, 5), ab_high = FOUR_OF(a, b, 2, 6, 3, 7);
    four cd_low = FOUR_OF(c, d, 0, 4, 1, 5), cd_high = FOUR_OF(c, d, 2, 6, 3, 7);
    *(four_unaligned *)out = FOUR_OF(ab_low, cd_low, 0, 1, 4, 5);
    *(four_unaligned *)(out + PANEL) = FOUR_OF(ab_low, cd_low, 2, 3, 6, 7);
    *(four_unaligned *)(out + 2 * PANEL) = FOUR_OF(ab_high, cd_high, 0, 1, 4, 5);
    *(four_unaligned *)(out + 3 * PANEL) = FOUR_OF(ab_high, cd_high, 2, 3, 6, 7);
}

static void weights(void *panels, size_t step, const float *w, size_t ld, size_t rows, size_t columns)
{
    pack(panels, step, w, ld, rows, columns, NULL, NULL, false);
}

static void transpose(void *to, const float *w, size_t ld, size_t n, size_t columns)
{
    float *panel = to;
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
    .product = product,
    .outer = outer,
    .pack = pack,
    .pack_summed = pack,
    .weights = weights,
    .transpose = transpose,
};
