/* Kernel "winograd": F(4x4,3x3) for 3x3 convolutions of stride 1 and pad 1, with 36 multiplications where the
 * definition has 144 (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015).
 *
 * A map is cut into tiles of 4x4 outputs, each made from 6x6 inputs d with the 3x3 weights g:
 *
 *   y = A^T [ (G g G^T) . (B^T d B) ] A         . element by element, summed over the input channels
 *
 * so that each of the 36 frequencies is one matrix product over tiles and channels: V[T,C] U[K,C]^T. The weight
 * gradient is the transposed algorithm, summed over tiles before the one transformation back:
 *
 *   dg = G^T [ sum over tiles (A dy A^T) . (B^T d B) ] G
 *
 * Points: 0, +-a, +-b and infinity with a about 2/3 and b = 1/a, which have about half the rounding error of the
 * usual 0, +-1, +-2 (Alam et al., "Winograd Convolution for Deep Neural Networks: Efficient Point Selection", 2022).
 * The ten numbers below must be floats, and what they lose by that is the same error in every tile: it does not average
 * out in a sum over pixels, as a bias's gradient is. a = 0.67457462 is the point whose ten numbers lie nearest to
 * floats: they make that error an eighth of what it is with 2/3 (scripts/parity/winograd_points.py). With
 * c = 1 / (2 (b^2 - a^2)) and s = a^2 + b^2:
 *
 *        0    a    -a   b    -b   inf             B^T                                     G
 *       [1    1    1    1    1    0]        [1   0   -s   0    1   0]             [1    0    0 ]
 * A^T = [0    a    -a   b    -b   0]        [0   bb   bbb -1   -b  0]             [bc   c    ac]
 *       [0    aa   aa   bb   bb   0]        [0  -bb   bbb  1   -b  0]             [bc  -c    ac]
 *       [0    aaa -aaa  bbb -bbb  1]        [0  -aa  -aaa  1    a  0]             [ac   c    bc]
 *                                           [0   aa  -aaa -1    a  0]             [ac  -c    bc]
 *                                           [0   1    0   -s    0  1]             [0    0    1 ]
 *
 * The last column of B^T is 0 but for infinity's row, and infinity's m goes into the fourth output alone: without it
 * the other five points give three outputs from five inputs, with the same G. So a map whose side is no multiple of
 * four has tiles of three as well (14 is 4 + 4 + 3 + 3), which have no frequencies of infinity in that direction: 22^2
 * products instead of 24^2 for 14x14, 11^2 instead of 12^2 for 7x7. Of maps too small for that the last tile goes over
 * the edge.
 *
 * The points come in pairs p, 1/p (0 pairs with infinity) and G's rows are scaled so that turning the weights by 180
 * degrees, as the data gradient wants them, only renames the frequencies: its product takes the same U.
 */
#ifndef FREEZETUNE_WINOGRAD_H
#define FREEZETUNE_WINOGRAD_H

#include "core/ops/winograd_cut.h"

enum { WINOGRAD_TILE = 4, WINOGRAD_SIDE = 6, WINOGRAD_FREQUENCIES = 36 };

/* What the kernel is made of, compiled once per precision of the maps and instruction set (winograd.simd.c); all
 * between the transformations is float32. Operands of products lie in panels of 32 channels (panel.h), frequency after
 * frequency:
 *
 *   v[f][C/32][tiles][32]    m[f][tiles][32] (one panel)    u[f][rows][32] (one panel)
 */
struct winograd_lanes {
    /* v = B^T d B for a row of tiles of the image in->x[H,W,C]. OVERWRITES its tiles, the frequencies that they have,
     * all channels up to whole panels (zeros at the end). */
    void (*input)(void *v, struct winograd_steps steps, const struct conv_input *in, struct winograd_map map,
                  struct winograd_row row);

    /* d = A dy A^T, in the same way, of dy[H,W,C]. */
    void (*gradient)(float *d, struct winograd_steps steps, const void *dy, struct winograd_map map,
                     struct winograd_row row);

    /* y = A^T m A for a row of tiles of y[H,W,C] and its n (1..32) channels from `c` on. OVERWRITES, or ADDS when
     * `add`; then does what `finish` says (its pointers are those of channel 0 and of the image's first pixel), which
     * may be NULL. */
    void (*output)(void *y, const float *m, size_t frequency, struct winograd_map map, struct winograd_row row,
                   size_t c, size_t n, bool add, const struct panel_finish *finish);

    /* u[f][i] = G g G^T of the weights g[9][i], i < n, and zeros up to `width`; g's nine rows are `ld` floats apart.
     * OVERWRITES. */
    void (*weights)(float *u, size_t frequency, const float *g, size_t ld, size_t n, size_t width);

    /* dg[9][i] = G^T u G for i < n; dg's nine rows are `ld` floats apart. OVERWRITES. */
    void (*weight_gradient)(float *dg, size_t ld, const float *u, size_t frequency, size_t n);
};

/* The same for kernel "winograd_pairs", F(2x2,3x3), which multiplies bfloat16: operands are rounded after their
 * transformation.
 *
 *        0   1  -1  inf            B^T                G
 * A^T = [1   1   1   0]      [1   0  -1   0]     [1    0    0 ]
 *       [0   1  -1  -1]      [0   1   1   0]     [1/2  1/2 1/2]
 *                            [0  -1   1   0]     [1/2 -1/2 1/2]
 *                            [0   1   0  -1]     [0    0    1 ]
 *
 * Infinity goes into the second output alone here as well, so that a tile of one is a tile of two without it. What the
 * weight gradient sums over, tiles, comes in pairs: the same tile of two images.
 *
 *   v[f][C/32][tiles][32] values    v[f][C/32][tiles of two images][32][2] for the weight gradient
 */
struct winograd_pairs_lanes {
    /* As in winograd_lanes, rounded. */
    void (*input)(void *v, struct winograd_steps steps, const struct conv_input *in, struct winograd_map map,
                  struct winograd_row row);
    /* The same of the images in->x and other, which may be NULL for zeros; steps count pairs. */
    void (*input_pairs)(void *v, struct winograd_steps steps, const struct conv_input *in, const void *other,
                        struct winograd_map map, struct winograd_row row);
    void (*gradient_pairs)(void *d, struct winograd_steps steps, const void *dy, const void *other,
                           struct winograd_map map, struct winograd_row row);
    /* As in winograd_lanes. */
    void (*output)(void *y, const float *m, size_t frequency, struct winograd_map map, struct winograd_row row,
                   size_t c, size_t n, bool add, const struct panel_finish *finish);
    void (*weights)(float *u, size_t frequency, const float *g, size_t ld, size_t n, size_t width);
    void (*weight_gradient)(float *dg, size_t ld, const float *u, size_t frequency, size_t n);
};

#endif
