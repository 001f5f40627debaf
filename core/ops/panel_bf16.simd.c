/* Panels of panel.h with values of bfloat16: how they are packed, and their products, by tiles where the processor has
 * them, else by vectors. */
#include <string.h>

#if defined(SIMD_TILES)
#include "core/ops/panel_tiles.h"
#else
#include "core/ops/panel_pairs.h"
#endif

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
        memcpy(out + i * 2 * PANEL, &columns[i], sizeof columns[i]);
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
#if defined(SIMD_TILES)
    .run = run,
    .turn = turn,
#endif
    .outer = outer,
    .pack = pack,
    .pack_summed = pack_summed,
    .weights = weights,
    .transpose = transpose,
};
