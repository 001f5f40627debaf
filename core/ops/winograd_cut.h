/* How the work of kernels "winograd" and "winograd_pairs" is cut, and where the tiles of a cut lie.
 *
 * A tile has T x T outputs, T being 4 or 2, and (T+2) x (T+2) inputs and frequencies; (i, j) is number f = (T+2)*i + j.
 * The unit is a row of tiles: T rows of pixels of one image, or T-1 (winograd.h). A block is some rows of tiles,
 * which may span images, so that small maps fill the products too; each is transformed and multiplied by one thread. A
 * group is the same for the weight gradient, by all threads. Sizes depend on the shape and the batch alone. Rows of
 * tiles are numbered through all images.
 */
#ifndef FREEZETUNE_WINOGRAD_CUT_H
#define FREEZETUNE_WINOGRAD_CUT_H

#include "core/base/sizes.h"
#include "core/ops/conv.h"

/* A side of `size` pixels: how many tiles of T, and how many of them, the first ones, have T pixels; the rest has one
 * less. */
static inline size_t winograd_tiles(size_t size, size_t t)
{
    return ceil_div(size, t);
}

static inline size_t winograd_large(size_t size, size_t t)
{
    size_t tiles = winograd_tiles(size, t), missing = tiles * t - size;
    return tiles > missing ? tiles - missing : 0;
}

/* The first pixel of a tile. */
static inline size_t winograd_begin(size_t size, size_t t, size_t tile)
{
    size_t large = winograd_large(size, t);
    return tile * t - (tile > large ? tile - large : 0);
}

/* Frequencies along a side, all its tiles together. */
static inline size_t winograd_side_frequencies(size_t size, size_t t)
{
    return winograd_tiles(size, t) * (t + 1) + winograd_large(size, t);
}

struct winograd_map {
    size_t h, w, c; /* one image */
};

/* Operands, sums or pairs from one frequency to the next, and from one panel to the next. */
struct winograd_steps {
    size_t frequency, panel;
};

/* A row of tiles: its first pixel row, whether it has T of them or one less, and where its tiles of T columns and those
 * of one less lie among the tiles of v or m, which are numbered from 0. */
struct winograd_row {
    size_t top;
    bool tall;
    size_t wide, narrow;
};

/* What is added between frequencies, lest they all fall on the same cache lines. */
enum { WINOGRAD_APART = 16 };

/* How large a kernel wants its pieces. */
struct winograd_sizes {
    size_t t;                       /* outputs along a side of a tile */
    size_t block_tiles, block_most; /* tiles of a block, and operands of its transformed input, at most */
    /* Weight gradient, transformed a and dy of a group of rows, in operands: so many times those of dU, which every
     * group reads and writes, within these bounds. */
    size_t group_times, group_least, group_most;
};

struct winograd_cut {
    size_t t;                    /* outputs along a side of a tile */
    size_t tile_rows, tall_rows; /* of one image; tall: of T pixels, the first ones */
    size_t row_tiles, row_wide;  /* of one row; wide: of T pixels, the first ones */
    size_t rows;                 /* of tiles, of all images */
    size_t block_rows, blocks;
    size_t group_rows, groups; /* of the weight gradient */
    size_t group_most;         /* rows of a group with any number of images */
};

struct winograd_cut winograd_cut_of(const struct winograd_sizes *sizes, const struct conv_shape *shape, size_t images);

/* Tiles of a block, at most, whatever the batch. */
size_t winograd_block_tiles(const struct winograd_sizes *sizes, const struct conv_shape *shape);

/* Of transformed tiles [f][channels/32][tiles][32], WINOGRAD_APART operands between the frequencies; and all their
 * operands. */
struct winograd_steps winograd_steps_of(size_t tiles, size_t channels);
size_t winograd_size(size_t t, size_t tiles, size_t channels);

/* Row of tiles `row`: its image, the first of its pixel rows of `height`, and how many it has. */
struct winograd_place {
    size_t image, top, rows;
};

struct winograd_place winograd_place_of(const struct winograd_cut *cut, size_t row, size_t height);

/* The tiles of rows `begin` to `end`, in the order
 *
 *   low and wide, tall and wide, tall and narrow, low and narrow
 *
 * so that the tiles that have a frequency are neighbours, whichever it is: tall ones have i = T+1, wide ones j = T+1.
 */
struct winograd_layout {
    const struct winograd_cut *cut; /* borrowed */
    size_t begin, tall, low;        /* the first row; how many are tall, and how many are not */
    size_t wide, narrow;            /* tiles of each row */
};

struct winograd_layout winograd_layout_of(const struct winograd_cut *cut, size_t begin, size_t end);

/* Row of tiles `row`, one of the layout's, of maps of `height` pixel rows. */
struct winograd_row winograd_row_of(const struct winograd_layout *layout, size_t row, size_t height);

/* The tiles that have frequency f; there may be none. */
struct winograd_span {
    size_t begin, count;
};

struct winograd_span winograd_span_of(const struct winograd_layout *layout, size_t f);

#endif
