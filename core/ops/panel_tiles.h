/* The products of panel_bf16.simd.c by AMX. A block of c is two tiles of up to 16 rows, one above the other, by two of
 * 16 columns; at a step both pairs grow by products of up to 32 summed values. Within a step
 *
 *   even += a[2j] b[2j],  odd += a[2j+1] b[2j+1]     each rounded once;  then c += even + odd
 *
 * and denormals are zeros (Intel's manual of instructions, TDPBF16PS). A value does not depend on the rows beside it.
 * A product cuts its rows into blocks of one height, because tiles of another shape must be told to the processor. */
#ifndef FREEZETUNE_PANEL_TILES_H
#define FREEZETUNE_PANEL_TILES_H

#include <immintrin.h>

#include "core/ops/panel_ending.h"
#include "core/ops/tiles.h"

enum { BLOCK_ROWS = 2 * TILE };

/* ---- a block ----------------------------------------------------------------------------------------------------- */
/* Element (i, j) of the left operand is at a[j/chunk * block + i*row + j%chunk]; in a last chunk that is shorter than
 * the others its rows may be nearer, at i*last_row. */
struct left {
    const uint16_t *a;
    size_t row, chunk, block, last_row;
};

ALWAYS_INLINE void add_step(const uint16_t *a, size_t row, const uint16_t *b, size_t top, const bool two)
{
    TILE_LOAD(4, a, row * sizeof *a);
    TILE_LOAD(6, b, 2 * PANEL * sizeof *b);
    TILE_ADD(0, 4, 6);
    TILE_LOAD(7, b + 2 * TILE, 2 * PANEL * sizeof *b);
    TILE_ADD(1, 4, 7);
    if (two) {
        TILE_LOAD(5, a + top * row, row * sizeof *a);
        TILE_ADD(2, 5, 6);
        TILE_ADD(3, 5, 7);
    }
}

/* Fewer values than a step has: through operands that are filled up with zeros. */
static void add_rest(const uint16_t *a, size_t row, const uint16_t *b, size_t values, size_t rows, size_t top, bool two)
{
    _Alignas(64) uint16_t left[BLOCK_ROWS][TILE_VALUES] = {0}, right[TILE][2 * PANEL] = {0};
    for (size_t i = 0; i < rows; i++)
        memcpy(left[i], a + i * row, values * sizeof *a);
    memcpy(right, b, values * PANEL * sizeof *b);
    if (two)
        add_step(*left, TILE_VALUES, *right, top, true);
    else
        add_step(*left, TILE_VALUES, *right, top, false);
}

/* sums[rows, 32] = left[rows, k] b[k, 32]; rows as tiles_shape has them. `two`: there are lower tiles. */
ALWAYS_INLINE void sum_tiles(float *sums, struct left left, const uint16_t *b, size_t k, struct tile_shape shape,
                             const bool two)
{
    size_t rows = shape.top + shape.bottom;
    TILE_ZERO(0);
    TILE_ZERO(1);
    if (two) {
        TILE_ZERO(2);
        TILE_ZERO(3);
    }
    for (const uint16_t *chunk = left.a; k > 0; chunk += left.block) {
        size_t count = left.chunk < k ? left.chunk : k, j = 0;
        for (; j + shape.values <= count; j += shape.values, b += shape.values * PANEL)
            add_step(chunk + j, left.row, b, shape.top, two);
        if (j < count)
            add_rest(chunk + j, count < left.chunk ? left.last_row : left.row, b, count - j, rows, shape.top, two);
        b += (count - j) * PANEL;
        k -= count;
    }
    TILE_STORE(sums, PANEL * sizeof *sums, 0);
    TILE_STORE(sums + TILE, PANEL * sizeof *sums, 1);
    if (two) {
        TILE_STORE(sums + shape.top * PANEL, PANEL * sizeof *sums, 2);
        TILE_STORE(sums + shape.top * PANEL + TILE, PANEL * sizeof *sums, 3);
    }
}

/* Rows of c are the first `stored` of each `run` rows of the left operand, one after another. */
struct stored_rows {
    size_t stored, run;
};

/* How many rows of c the first i left rows give. */
ALWAYS_INLINE size_t rows_given(struct stored_rows rows, size_t i)
{
    size_t column = i % rows.run;
    return i / rows.run * rows.stored + (column < rows.stored ? column : rows.stored);
}

/* Rows begin..end of a block that begins with row `first`. */
ALWAYS_INLINE void store_block(char *c, size_t ldc, const float *block, size_t first, size_t begin, size_t end,
                               struct stored_rows rows, const struct ending *ending, const bool sums)
{
    size_t size = sums ? sizeof(float) : sizeof(uint16_t), at = rows_given(rows, begin), column = begin % rows.run;
    for (size_t i = begin; i < end; i++) {
        const float *row = block + (i - first) * PANEL;
        if (column < rows.stored) {
            store_row(c + at * ldc * size, ending->residual ? ending->residual + at * ldc : NULL, load(row, WIDTH),
                      load(row + WIDTH, WIDTH), ending, sums);
            at++;
        }
        column = column + 1 == rows.run ? 0 : column + 1;
    }
}

/* What is wanted when the sums are finished: it may come from far meanwhile. */
ALWAYS_INLINE void prefetch_block(const char *c, size_t ldc, size_t begin, size_t end, struct stored_rows rows,
                                  const struct ending *ending, const bool sums)
{
    size_t size = sums ? sizeof(float) : sizeof(uint16_t);
    for (size_t i = rows_given(rows, begin); i < rows_given(rows, end); i++) {
        __builtin_prefetch(c + i * ldc * size, 1);
        if (ending->residual)
            __builtin_prefetch(ending->residual + i * ldc);
    }
}

/* c = left[m, k] b[k, 32] and its ending, in blocks of the same height: the last one may begin with rows that the one
 * before has made already, which are not stored again. */
ALWAYS_INLINE void blocks_of_tiles(void *c, size_t ldc, struct stored_rows rows, struct left left, const uint16_t *b,
                                   size_t m, size_t k, const struct ending *ending, const bool sums)
{
    if (m == 0)
        return;
    size_t blocks = (m + BLOCK_ROWS - 1) / BLOCK_ROWS, height = (m + blocks - 1) / blocks;
    size_t top = height > TILE ? (height + 1) / 2 : height;
    struct tile_shape shape = {top, height - top, left.chunk < TILE_VALUES ? left.chunk : TILE_VALUES};
    _Alignas(64) float block[BLOCK_ROWS * PANEL];
    tiles_shape(shape);
    for (size_t done = 0; done < m; done += height) {
        size_t first = done + height <= m ? done : m - height;
        struct left from = left;
        from.a += first * left.row;
        prefetch_block(c, ldc, done, first + height, rows, ending, sums);
        if (shape.bottom)
            sum_tiles(block, from, b, k, shape, true);
        else
            sum_tiles(block, from, b, k, shape, false);
        store_block(c, ldc, block, first, done, first + height, rows, ending, sums);
    }
}

static struct left left_of(struct panel_left a)
{
    return (struct left){a.a, a.row, a.chunk, a.block, a.row};
}

static void run(void *c, size_t ldc, struct panel_left a, size_t stored, size_t run_rows, const void *panel, size_t m,
                size_t n, size_t k, bool add, const struct panel_finish *finish)
{
    struct ending ending = {.n = n, .add = add, .finish = columns_finish_of(finish, 0, n)};
    if (finish)
        ending.residual = finish->residual;
    blocks_of_tiles(c, ldc, (struct stored_rows){stored, run_rows}, left_of(a), panel, m, k, &ending, false);
}

static void product(void *c, size_t ldc, struct panel_left a, const void *panel, size_t m, size_t n, size_t k, bool add,
                    const struct panel_finish *finish)
{
    run(c, ldc, a, m, m, panel, m, n, k, add, finish);
}

static void sums(float *c, size_t ldc, struct panel_left a, const void *panel, size_t m, size_t n, size_t k)
{
    struct ending ending = {.n = n, .sums = true};
    blocks_of_tiles(c, ldc, (struct stored_rows){m, m}, left_of(a), panel, m, k, &ending, true);
}

/* ---- outer products ---------------------------------------------------------------------------------------------- */
/* `a` as turn has left it: [k / 32][32 columns][32 rows], and [32 columns][k % 32] at the end. */
static void outer(float *c, size_t ldc, const void *a, const void *b, size_t m, size_t n, size_t k, bool add)
{
    struct ending ending = {.n = n, .sums = true, .add = add};
    k += k % 2;
    struct left left = {a, TILE_VALUES, TILE_VALUES, PANEL * TILE_VALUES, k % TILE_VALUES};
    blocks_of_tiles(c, ldc, (struct stored_rows){m, m}, left, b, m, k, &ending, true);
}

ALWAYS_INLINE void turn_square(__m512i rows[TILE])
{
    __m512i pairs[TILE];
    for (size_t i = 0; i < TILE; i += 4)
        for (size_t j = 0; j < 2; j++) {
            __m512i a = rows[i + 2 * j], d = rows[i + 2 * j + 1];
            pairs[i + 2 * j] = _mm512_unpacklo_epi32(a, d);
            pairs[i + 2 * j + 1] = _mm512_unpackhi_epi32(a, d);
        }
    for (size_t i = 0; i < TILE; i += 4) {
        rows[i] = _mm512_unpacklo_epi64(pairs[i], pairs[i + 2]);
        rows[i + 1] = _mm512_unpackhi_epi64(pairs[i], pairs[i + 2]);
        rows[i + 2] = _mm512_unpacklo_epi64(pairs[i + 1], pairs[i + 3]);
        rows[i + 3] = _mm512_unpackhi_epi64(pairs[i + 1], pairs[i + 3]);
    }
    for (size_t i = 0; i < 4; i++) { /* quarters of rows i, i + 4, i + 8, i + 12 */
        __m512i low = _mm512_shuffle_i32x4(rows[i], rows[i + 4], 0x44);
        __m512i low_high = _mm512_shuffle_i32x4(rows[i], rows[i + 4], 0xee);
        __m512i high = _mm512_shuffle_i32x4(rows[i + 8], rows[i + 12], 0x44);
        __m512i high_high = _mm512_shuffle_i32x4(rows[i + 8], rows[i + 12], 0xee);
        pairs[i] = _mm512_shuffle_i32x4(low, high, 0x88);
        pairs[i + 4] = _mm512_shuffle_i32x4(low, high, 0xdd);
        pairs[i + 8] = _mm512_shuffle_i32x4(low_high, high_high, 0x88);
        pairs[i + 12] = _mm512_shuffle_i32x4(low_high, high_high, 0xdd);
    }
    for (size_t i = 0; i < TILE; i++)
        rows[i] = pairs[i];
}

/* Pairs of 32 columns, 16 to a column after it. */
static void turn_group(uint16_t *group)
{
    __m512i left[TILE], right[TILE];
    for (size_t i = 0; i < TILE; i++) {
        left[i] = _mm512_loadu_si512(group + i * 2 * PANEL);
        right[i] = _mm512_loadu_si512(group + i * 2 * PANEL + PANEL);
    }
    turn_square(left);
    turn_square(right);
    for (size_t i = 0; i < TILE; i++) {
        _mm512_storeu_si512(group + i * TILE_VALUES, left[i]);
        _mm512_storeu_si512(group + (i + TILE) * TILE_VALUES, right[i]);
    }
}

static void turn_rest(uint16_t *group, size_t rows)
{
    uint16_t copy[TILE_VALUES * PANEL];
    memcpy(copy, group, rows * PANEL * sizeof *copy);
    for (size_t i = 0; i < PANEL; i++)
        for (size_t j = 0; j < rows; j++)
            group[i * rows + j] = copy[j / 2 * 2 * PANEL + 2 * i + j % 2];
}

static void turn(void *panel, size_t rows)
{
    uint16_t *group = panel;
    rows += rows % 2;
    for (; rows >= TILE_VALUES; rows -= TILE_VALUES, group += TILE_VALUES * PANEL)
        turn_group(group);
    if (rows > 0)
        turn_rest(group, rows);
}

#endif
