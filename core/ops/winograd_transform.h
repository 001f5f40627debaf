/* The transformations of winograd.h, one vector of channels at a time, of tiles as winograd_tile4.h or winograd_tile2.h
 * has them: included before this. For *.simd.c files. */
#ifndef FREEZETUNE_WINOGRAD_TRANSFORM_H
#define FREEZETUNE_WINOGRAD_TRANSFORM_H

#include <math.h>
#include <string.h>

#include "core/base/sizes.h"
#include "core/ops/panel.h"
#include "core/ops/value.h"
#include "core/ops/winograd.h"

/* ---- tiles of a row ---------------------------------------------------------------------------------------------- */

/* A tile and the frequencies that it has: i < down, j < across; 6, or 5 without infinity. */
struct tile {
    size_t number, left; /* among the tiles of v or m; its first pixel column */
    size_t down, across;
};

ALWAYS_INLINE struct tile tile_of(const struct winograd_row *row, size_t width, size_t t)
{
    size_t large = winograd_large(width, TILE);
    return (struct tile){.number = t < large ? row->wide + t : row->narrow + t - large,
                         .left = winograd_begin(width, TILE, t),
                         .down = row->tall ? SIDE : SIDE - 1,
                         .across = t < large ? SIDE : SIDE - 1};
}

/* One that has them all, for the code of the most tiles. */
static const struct tile LARGE = {.down = SIDE, .across = SIDE};

/* Pixels of a tile with `frequencies` along a side that are left of a map of `size` pixels from `begin` on. */
ALWAYS_INLINE size_t pixels_of(size_t frequencies, size_t size, size_t begin)
{
    return min_size(frequencies - 2, size - begin);
}

/* Line i of a tile's frequencies; v counts from the tile's own operand. `other` may be NULL, as in put_operands. */
ALWAYS_INLINE void store_frequencies(void *v, size_t at, size_t frequency, const struct tile *tile, size_t i,
                                     const vec *out, const vec *other)
{
    at += i * SIDE * frequency;
    for (size_t j = 0; j < SIDE - 1; j++)
        put_operands(v, at + j * frequency, out[j], other ? &other[j] : NULL);
    if (tile->across == SIDE)
        put_operands(v, at + (SIDE - 1) * frequency, out[SIDE - 1], other ? &other[SIDE - 1] : NULL);
}

/* ---- input ------------------------------------------------------------------------------------------------------- */

/* Tiles overlap by two columns, so the columns of a run of tiles are transformed once, kept, and then combined. */
enum { RUN = 16, RUN_COLUMNS = RUN * TILE + 2 };

/* SIDE pixels down from row `top` - 1 in one column of the map, through the conv_input, zero above and below the map.
 */
ALWAYS_INLINE void input_column(vec *v, const struct conv_input *in, struct winograd_map map, size_t top, size_t column,
                                size_t c, size_t n, vec scale, vec shift)
{
    vec d[SIDE];
    const value *x = (const value *)in->x + column * map.c + c;
    for (size_t i = 0; i < SIDE; i++) {
        size_t row = top + i - 1; /* wraps to a huge number above the map */
        if (row >= map.h) {
            d[i] = (vec){0};
            continue;
        }
        d[i] = get_vec(x + row * map.w * map.c, n);
        if (in->scale)
            d[i] = d[i] * scale + shift;
        if (in->relu)
            d[i] = at_least(d[i], 0);
    }
    input_line(v, d);
}

/* The columns of tiles `first`..`first` + `tiles`; zeros where there is no image. */
ALWAYS_INLINE void input_columns(vec (*columns)[SIDE], const struct conv_input *in, struct winograd_map map,
                                 const struct winograd_row *row, size_t first, size_t tiles, size_t c, size_t n)
{
    vec scale = {0}, shift = {0};
    if (in->scale) {
        scale = load(in->scale + c, n);
        shift = load(in->shift + c, n);
    }
    size_t left = winograd_begin(map.w, TILE, first);
    for (size_t i = 0; i < winograd_begin(map.w, TILE, first + tiles) - left + 2; i++) {
        size_t column = left + i - 1;
        if (in->x && column < map.w)
            input_column(columns[i], in, map, row->top, column, c, n, scale, shift);
        else
            memset(columns[i], 0, sizeof columns[i]);
    }
}

ALWAYS_INLINE void input_tile_line(vec *out, vec (*columns)[SIDE], const struct tile *tile, size_t i)
{
    vec d[SIDE];
    for (size_t j = 0; j < SIDE; j++)
        d[j] = j < tile->across ? columns[j][i] : (vec){0};
    input_line(out, d);
}

/* Tiles `first`..`first` + `tiles` of the row, channels c..c+n; operand `at` of v is that of channel c and tile 0. */
ALWAYS_INLINE void input_run(void *v, size_t at, size_t frequency, const struct conv_input *in,
                             const struct conv_input *other, struct winograd_map map, const struct winograd_row *row,
                             size_t first, size_t tiles, size_t c, size_t n)
{
    vec columns[RUN_COLUMNS][SIDE], others[RUN_COLUMNS][SIDE];
    input_columns(columns, in, map, row, first, tiles, c, n);
    if (other)
        input_columns(others, other, map, row, first, tiles, c, n);
    size_t left = winograd_begin(map.w, TILE, first);
    for (size_t t = first; t < first + tiles; t++) {
        struct tile tile = tile_of(row, map.w, t);
        for (size_t i = 0; i < tile.down; i++) {
            vec out[SIDE], other_out[SIDE];
            input_tile_line(out, columns + tile.left - left, &tile, i);
            if (other)
                input_tile_line(other_out, others + tile.left - left, &tile, i);
            store_frequencies(v, at + tile.number * PANEL, frequency, &tile, i, out, other ? other_out : NULL);
        }
    }
}

/* Zeros where the last panel has no channels: vectors from channel `c` (a multiple of WIDTH) on. */
ALWAYS_INLINE void clear_rest(void *v, struct winograd_steps steps, size_t c, size_t width,
                              const struct winograd_row *row, bool two)
{
    const vec zeros[SIDE] = {{0}};
    for (; c % PANEL; c += WIDTH)
        for (size_t t = 0; t < winograd_tiles(width, TILE); t++) {
            struct tile tile = tile_of(row, width, t);
            for (size_t i = 0; i < tile.down; i++)
                store_frequencies(v, c / PANEL * steps.panel + tile.number * PANEL + c % PANEL, steps.frequency, &tile,
                                  i, zeros, two ? zeros : NULL);
        }
}

ALWAYS_INLINE void input_images(void *v, struct winograd_steps steps, const struct conv_input *in,
                                const struct conv_input *other, struct winograd_map map, struct winograd_row row)
{
    size_t all = winograd_tiles(map.w, TILE), c = 0;
    for (; c < map.c; c += WIDTH) {
        size_t at = c / PANEL * steps.panel + c % PANEL;
        for (size_t first = 0; first < all; first += RUN) {
            size_t tiles = min_size(RUN, all - first);
            if (map.c - c >= WIDTH)
                input_run(v, at, steps.frequency, in, other, map, &row, first, tiles, c, WIDTH);
            else
                input_run(v, at, steps.frequency, in, other, map, &row, first, tiles, c, map.c - c);
        }
    }
    clear_rest(v, steps, c, map.w, &row, other != NULL);
}

/* ---- gradient of the output -------------------------------------------------------------------------------------- */

/* A of the tile's columns; `dy` may be NULL: zeros. */
ALWAYS_INLINE void gradient_columns(vec (*half)[SIDE], const value *dy, struct winograd_map map, size_t rows,
                                    size_t columns, size_t n)
{
    for (size_t j = 0; j < TILE; j++) {
        vec line[TILE];
        for (size_t i = 0; i < TILE; i++)
            line[i] = dy && i < rows && j < columns ? get_vec(dy + (i * map.w + j) * map.c, n) : (vec){0};
        gradient_line(half[j], line);
    }
}

ALWAYS_INLINE void gradient_row(vec *out, vec (*half)[SIDE], size_t i)
{
    vec line[TILE];
    for (size_t j = 0; j < TILE; j++)
        line[j] = half[j][i];
    gradient_line(out, line);
}

/* dy and other are the tile's first pixel. `two`: other is asked for, and may be NULL for zeros. */
ALWAYS_INLINE void gradient_tile(void *d, size_t at, size_t frequency, const value *dy, const value *other, bool two,
                                 struct winograd_map map, const struct tile *tile, size_t rows, size_t columns,
                                 size_t n)
{
    vec half[TILE][SIDE], other_half[TILE][SIDE];
    gradient_columns(half, dy, map, rows, columns, n);
    if (two)
        gradient_columns(other_half, other, map, rows, columns, n);
    for (size_t i = 0; i < tile->down; i++) {
        vec out[SIDE], other_out[SIDE];
        gradient_row(out, half, i);
        if (two)
            gradient_row(other_out, other_half, i);
        store_frequencies(d, at, frequency, tile, i, out, two ? other_out : NULL);
    }
}

ALWAYS_INLINE void gradient_images(void *d, struct winograd_steps steps, const value *dy, const value *other, bool two,
                                   struct winograd_map map, struct winograd_row row)
{
    size_t c = 0;
    for (; c < map.c; c += WIDTH)
        for (size_t t = 0; t < winograd_tiles(map.w, TILE); t++) {
            struct tile tile = tile_of(&row, map.w, t);
            size_t rows = pixels_of(tile.down, map.h, row.top), columns = pixels_of(tile.across, map.w, tile.left);
            size_t at = c / PANEL * steps.panel + tile.number * PANEL + c % PANEL;
            size_t corner = (row.top * map.w + tile.left) * map.c + c;
            const value *from = dy + corner, *beside = other ? other + corner : NULL;
            if (map.c - c < WIDTH)
                gradient_tile(d, at, steps.frequency, from, beside, two, map, &tile, rows, columns, map.c - c);
            else if (rows == TILE && columns == TILE)
                gradient_tile(d, at, steps.frequency, from, beside, two, map, &LARGE, TILE, TILE, WIDTH);
            else
                gradient_tile(d, at, steps.frequency, from, beside, two, map, &tile, rows, columns, WIDTH);
        }
    clear_rest(d, steps, c, map.w, &row, two);
}

/* ---- output ------------------------------------------------------------------------------------------------------ */

/* struct panel_finish for the current vector of channels; residual: that of the tile's first pixel. */
struct finish {
    bool any;
    vec scale, shift;
    const value *residual;
    float floor;
};

ALWAYS_INLINE struct finish finish_of(const struct panel_finish *whole, size_t pixel, size_t channel, size_t n)
{
    struct finish finish = {.any = whole != NULL};
    if (whole) {
        finish.scale = whole->scale ? load(whole->scale + channel, n) : (vec){0} + 1;
        finish.shift = whole->shift ? load(whole->shift + channel, n) : (vec){0};
        finish.residual = whole->residual ? (const value *)whole->residual + pixel + channel : NULL;
        finish.floor = whole->relu ? 0 : -INFINITY;
    }
    return finish;
}

ALWAYS_INLINE vec finished(vec v, const struct finish *finish, size_t offset, size_t n)
{
    v = v * finish->scale + finish->shift;
    if (finish->residual)
        v += get_vec(finish->residual + offset, n);
    return at_least(v, finish->floor);
}

ALWAYS_INLINE void output_tile(value *y, const float *m, size_t frequency, struct winograd_map map,
                               const struct tile *tile, size_t rows, size_t columns, bool add,
                               const struct finish *finish, size_t n)
{
    vec half[SIDE][TILE];
    for (size_t i = 0; i < SIDE; i++) {
        vec line[SIDE] = {{0}};
        for (size_t j = 0; j < SIDE; j++)
            if (i < tile->down && j < tile->across)
                line[j] = load(m + (i * SIDE + j) * frequency, WIDTH);
        output_line(half[i], line);
    }
    for (size_t j = 0; j < TILE && j < columns; j++) {
        vec line[SIDE], out[TILE];
        for (size_t i = 0; i < SIDE; i++)
            line[i] = half[i][j];
        output_line(out, line);
        for (size_t i = 0; i < TILE && i < rows; i++) {
            size_t offset = (i * map.w + j) * map.c;
            if (add)
                out[i] += get_vec(y + offset, n);
            put_vec(y + offset, finish->any ? finished(out[i], finish, offset, n) : out[i], n);
        }
    }
}

static void output(void *y, const float *m, size_t frequency, struct winograd_map map, struct winograd_row row,
                   size_t c, size_t n, bool add, const struct panel_finish *whole)
{
    for (size_t t = 0; t < winograd_tiles(map.w, TILE); t++) {
        struct tile tile = tile_of(&row, map.w, t);
        size_t rows = pixels_of(tile.down, map.h, row.top), columns = pixels_of(tile.across, map.w, tile.left);
        size_t pixel = (row.top * map.w + tile.left) * map.c;
        const float *from = m + tile.number * PANEL;
        for (size_t i = 0; i < n; i += WIDTH) {
            value *corner = (value *)y + pixel + c + i;
            struct finish finish = finish_of(whole, pixel, c + i, min_size(WIDTH, n - i));
            if (n - i < WIDTH)
                output_tile(corner, from + i, frequency, map, &tile, rows, columns, add, &finish, n - i);
            else if (rows == TILE && columns == TILE && !add)
                output_tile(corner, from + i, frequency, map, &LARGE, TILE, TILE, false, &finish, WIDTH);
            else
                output_tile(corner, from + i, frequency, map, &tile, rows, columns, add, &finish, WIDTH);
        }
    }
}

/* ---- weights ----------------------------------------------------------------------------------------------------- */

ALWAYS_INLINE void weights_vector(float *u, size_t frequency, const float *g, size_t ld, size_t n)
{
    vec half[3][SIDE];
    for (size_t s = 0; s < 3; s++) {
        vec line[3];
        for (size_t r = 0; r < 3; r++)
            line[r] = load(g + (r * 3 + s) * ld, n);
        weights_line(half[s], line);
    }
    for (size_t i = 0; i < SIDE; i++) {
        vec line[3], out[SIDE];
        for (size_t s = 0; s < 3; s++)
            line[s] = half[s][i];
        weights_line(out, line);
        for (size_t j = 0; j < SIDE; j++)
            store(u + (i * SIDE + j) * frequency, out[j], WIDTH);
    }
}

static void weights(float *u, size_t frequency, const float *g, size_t ld, size_t n, size_t width)
{
    size_t i = 0;
    for (; i + WIDTH <= n; i += WIDTH)
        weights_vector(u + i, frequency, g + i, ld, WIDTH);
    for (; i < width; i += WIDTH)
        weights_vector(u + i, frequency, g + i, ld, i < n ? n - i : 0);
}

ALWAYS_INLINE void weight_gradient_vector(float *dg, size_t ld, const float *u, size_t frequency, size_t n)
{
    vec half[SIDE][3];
    for (size_t i = 0; i < SIDE; i++) {
        vec line[SIDE];
        for (size_t j = 0; j < SIDE; j++)
            line[j] = load(u + (i * SIDE + j) * frequency, n);
        weight_gradient_line(half[i], line);
    }
    for (size_t s = 0; s < 3; s++) {
        vec line[SIDE], out[3];
        for (size_t i = 0; i < SIDE; i++)
            line[i] = half[i][s];
        weight_gradient_line(out, line);
        for (size_t r = 0; r < 3; r++)
            store(dg + (r * 3 + s) * ld, out[r], n);
    }
}

static void weight_gradient(float *dg, size_t ld, const float *u, size_t frequency, size_t n)
{
    size_t i = 0;
    for (; i + WIDTH <= n; i += WIDTH)
        weight_gradient_vector(dg + i, ld, u + i, frequency, WIDTH);
    if (i < n)
        weight_gradient_vector(dg + i, ld, u + i, frequency, n - i);
}

#endif
