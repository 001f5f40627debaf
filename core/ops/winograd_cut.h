/* How the work of kernel "winograd" is cut, and where the tiles of a cut lie.
 *
 * The unit is a row of tiles: four rows of pixels of one image, or three (winograd.h). A block is some rows of tiles,
 * which may span images, so that small maps fill the products too; each is transformed and multiplied by one thread. A
 * group is the same for the weight gradient, by all threads. Sizes depend on the shape and the batch alone. Rows of
 * tiles are numbered through all images.
 */
#ifndef FREEZETUNE_WINOGRAD_CUT_H
#define FREEZETUNE_WINOGRAD_CUT_H

#include "core/base/sizes.h"
#include "core/ops/conv.h"

/* A tile has 4x4 outputs and 6x6 inputs; its frequency (i, j) is number f = 6*i + j. */
enum { WINOGRAD_TILE = 4, WINOGRAD_SIDE = 6, WINOGRAD_FREQUENCIES = 36 };

/* A side of `size` pixels: how many tiles, and how many of them, the first ones, have four pixels; the rest has
 * three. */
static inline size_t winograd_tiles(size_t size)
{
    return ceil_div(size, WINOGRAD_TILE);
}

static inline size_t winograd_large(size_t size)
{
    size_t tiles = winograd_tiles(size), missing = tiles * WINOGRAD_TILE - size;
    return tiles > missing ? tiles - missing : 0;
}

/* The first pixel of a tile. */
static inline size_t winograd_begin(size_t size, size_t tile)
{
    size_t large = winograd_large(size);
    return tile * WINOGRAD_TILE - (tile > large ? tile - large : 0);
}

struct winograd_map {
    size_t h, w, c; /* one image */
};

/* Floats from one frequency to the next, and from one panel to the next. */
struct winograd_steps {
    size_t frequency, panel;
};

/* A row of tiles: its first pixel row, whether it has four of them or three, and where its tiles of four columns and
 * those of three lie among the tiles of v or m, which are numbered from 0. */
struct winograd_row {
    size_t top;
    bool tall;
    size_t wide, narrow;
};

/* Floats added between frequencies, lest they all fall on the same cache lines. */
enum { WINOGRAD_APART = 16 };

struct winograd_cut {
    size_t tile_rows, tall_rows; /* of one image; tall: of four pixels, the first ones */
    size_t row_tiles, row_wide;  /* of one row; wide: of four pixels, the first ones */
    size_t rows;                 /* of tiles, of all images */
    size_t block_rows, blocks;
    size_t group_rows, groups; /* of the weight gradient */
    size_t group_most;         /* rows of a group with any number of images */
};

struct winograd_cut winograd_cut_of(const struct conv_shape *shape, size_t images);

/* Tiles of a block, at most, whatever the batch. */
size_t winograd_block_tiles(const struct conv_shape *shape);

/* Of transformed tiles [f][channels/32][tiles][32], WINOGRAD_APART floats between the frequencies; and all their
 * floats. */
struct winograd_steps winograd_steps_of(size_t tiles, size_t channels);
size_t winograd_size(size_t tiles, size_t channels);

/* Row of tiles `row`: its image, the first of its pixel rows of `height`, and how many it has. */
struct winograd_place {
    size_t image, top, rows;
};

struct winograd_place winograd_place_of(const struct winograd_cut *cut, size_t row, size_t height);

/* The tiles of rows `begin` to `end`, in the order
 *
 *   low and wide, tall and wide, tall and narrow, low and narrow
 *
 * so that the tiles that have a frequency are neighbours, whichever it is: tall ones have i = 5, wide ones j = 5.
 */
struct winograd_layout {
    const struct winograd_cut *cut; /* borrowed */
    size_t begin, tall, low;        /* the first row; how many are tall, and how many are not */
    size_t wide, narrow;            /* tiles of each row */
};

struct winograd_layout winograd_layout_of(const struct winograd_cut *cut, size_t begin, size_t end);

/* Row of tiles `row`, one of the layout's, of maps of `height` pixel rows. */
struct winograd_row winograd_row_of(const struct winograd_layout *layout, size_t row, size_t height);

/* The tiles that have frequency f (6*i + j); there may be none. */
struct winograd_span {
    size_t begin, count;
};

struct winograd_span winograd_span_of(const struct winograd_layout *layout, size_t f);

#endif
