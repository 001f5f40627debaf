/* The transformations of winograd.h, one vector of channels at a time. Compiled once per instruction set. */
#include "core/ops/winograd.h"

#include <math.h>
#include <string.h>

#include "core/base/sizes.h"
#include "core/ops/panel.h"
#include "core/ops/value.h"

/* The points a and b and what B and G make of them: see winograd.h. */
#define POINT_A 0.67457462
#define POINT_B (1 / POINT_A)
#define POINT_C (1 / (2 * (POINT_B * POINT_B - POINT_A * POINT_A)))
static const float A1 = (float)POINT_A, A2 = (float)(POINT_A * POINT_A), A3 = (float)(POINT_A * POINT_A * POINT_A);
static const float B1 = (float)POINT_B, B2 = (float)(POINT_B * POINT_B), B3 = (float)(POINT_B * POINT_B * POINT_B);
static const float S = (float)(POINT_A * POINT_A + POINT_B * POINT_B);
static const float G0 = (float)(POINT_B * POINT_C), G1 = (float)POINT_C, G2 = (float)(POINT_A * POINT_C);

/* One dimension of B^T d. */
ALWAYS_INLINE void input_line(vec *v, const vec *d)
{
    vec even = B3 * d[2] - B1 * d[4], odd = B2 * d[1] - d[3];
    v[0] = d[0] - S * d[2] + d[4];
    v[1] = even + odd;
    v[2] = even - odd;
    even = A1 * d[4] - A3 * d[2];
    odd = d[3] - A2 * d[1];
    v[3] = even + odd;
    v[4] = even - odd;
    v[5] = d[1] - S * d[3] + d[5];
}

/* One dimension of A^T m. */
ALWAYS_INLINE void output_line(vec *y, const vec *m)
{
    vec even_a = m[1] + m[2], odd_a = m[1] - m[2], even_b = m[3] + m[4], odd_b = m[3] - m[4];
    y[0] = m[0] + even_a + even_b;
    y[1] = A1 * odd_a + B1 * odd_b;
    y[2] = A2 * even_a + B2 * even_b;
    y[3] = A3 * odd_a + B3 * odd_b + m[5];
}

/* One dimension of A dy. */
ALWAYS_INLINE void gradient_line(vec *d, const vec *dy)
{
    vec even = dy[0] + A2 * dy[2], odd = A1 * dy[1] + A3 * dy[3];
    d[0] = dy[0];
    d[1] = even + odd;
    d[2] = even - odd;
    even = dy[0] + B2 * dy[2];
    odd = B1 * dy[1] + B3 * dy[3];
    d[3] = even + odd;
    d[4] = even - odd;
    d[5] = dy[3];
}

/* One dimension of G g. */
ALWAYS_INLINE void weights_line(vec *u, const vec *g)
{
    vec even = G0 * g[0] + G2 * g[2], odd = G1 * g[1];
    u[0] = g[0];
    u[1] = even + odd;
    u[2] = even - odd;
    even = G2 * g[0] + G0 * g[2];
    u[3] = even + odd;
    u[4] = even - odd;
    u[5] = g[2];
}

/* One dimension of G^T u. */
ALWAYS_INLINE void weight_gradient_line(vec *g, const vec *u)
{
    vec even_a = u[1] + u[2], even_b = u[3] + u[4];
    g[0] = u[0] + G0 * even_a + G2 * even_b;
    g[1] = G1 * ((u[1] - u[2]) + (u[3] - u[4]));
    g[2] = G2 * even_a + G0 * even_b + u[5];
}

/* ---- tiles of a row ---------------------------------------------------------------------------------------------- */

/* A tile and the frequencies that it has: i < down, j < across; 6, or 5 without infinity. */
struct tile {
    size_t number, left; /* among the tiles of v or m; its first pixel column */
    size_t down, across;
};

ALWAYS_INLINE struct tile tile_of(const struct winograd_row *row, size_t width, size_t t)
{
    size_t large = winograd_large(width);
    return (struct tile){.number = t < large ? row->wide + t : row->narrow + t - large,
                         .left = winograd_begin(width, t),
                         .down = row->tall ? WINOGRAD_SIDE : WINOGRAD_SIDE - 1,
                         .across = t < large ? WINOGRAD_SIDE : WINOGRAD_SIDE - 1};
}

/* One that has them all, for the code of the most tiles. */
static const struct tile LARGE = {.down = WINOGRAD_SIDE, .across = WINOGRAD_SIDE};

/* Pixels of a tile with `frequencies` along a side that are left of a map of `size` pixels from `begin` on. */
ALWAYS_INLINE size_t pixels_of(size_t frequencies, size_t size, size_t begin)
{
    return min_size(frequencies - 2, size - begin);
}

/* Line i of a tile's frequencies. */
ALWAYS_INLINE void store_frequencies(float *v, size_t frequency, const struct tile *tile, size_t i, const vec *out)
{
    float *line = v + i * WINOGRAD_SIDE * frequency;
    for (size_t j = 0; j < WINOGRAD_SIDE - 1; j++)
        store(line + j * frequency, out[j], WIDTH);
    if (tile->across == WINOGRAD_SIDE)
        store(line + (WINOGRAD_SIDE - 1) * frequency, out[WINOGRAD_SIDE - 1], WIDTH);
}

/* ---- input ------------------------------------------------------------------------------------------------------- */

/* Tiles overlap by two columns, so the columns of a run of tiles are transformed once, kept, and then combined. */
enum { RUN = 16, RUN_COLUMNS = RUN * WINOGRAD_TILE + 2 };

/* Six pixels down from row `top` - 1 in one column of the map, through the conv_input, zero above and below the map. */
ALWAYS_INLINE void input_column(vec *v, const struct conv_input *in, struct winograd_map map, size_t top, size_t column,
                                size_t c, size_t n, vec scale, vec shift)
{
    vec d[WINOGRAD_SIDE];
    const value *x = (const value *)in->x + column * map.c + c;
    for (size_t i = 0; i < WINOGRAD_SIDE; i++) {
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

/* Tiles `first`..`first` + `tiles` of the row, channels c..c+n; v is that of channel c and tile 0. */
ALWAYS_INLINE void input_run(float *v, size_t frequency, const struct conv_input *in, struct winograd_map map,
                             const struct winograd_row *row, size_t first, size_t tiles, size_t c, size_t n)
{
    vec columns[RUN_COLUMNS][WINOGRAD_SIDE];
    vec scale = {0}, shift = {0};
    if (in->scale) {
        scale = load(in->scale + c, n);
        shift = load(in->shift + c, n);
    }
    size_t left = winograd_begin(map.w, first);
    for (size_t i = 0; i < winograd_begin(map.w, first + tiles) - left + 2; i++) {
        size_t column = left + i - 1;
        if (column < map.w)
            input_column(columns[i], in, map, row->top, column, c, n, scale, shift);
        else
            memset(columns[i], 0, sizeof columns[i]);
    }
    for (size_t t = first; t < first + tiles; t++) {
        struct tile tile = tile_of(row, map.w, t);
        for (size_t i = 0; i < tile.down; i++) {
            vec d[WINOGRAD_SIDE], out[WINOGRAD_SIDE];
            for (size_t j = 0; j < WINOGRAD_SIDE; j++)
                d[j] = j < tile.across ? columns[tile.left - left + j][i] : (vec){0};
            input_line(out, d);
            store_frequencies(v + tile.number * PANEL, frequency, &tile, i, out);
        }
    }
}

/* Zeros where the last panel has no channels: vectors from channel `c` (a multiple of WIDTH) on. */
static void clear_rest(float *v, struct winograd_steps steps, size_t c, size_t width, const struct winograd_row *row)
{
    for (; c % PANEL; c += WIDTH)
        for (size_t t = 0; t < winograd_tiles(width); t++) {
            struct tile tile = tile_of(row, width, t);
            const vec zeros[WINOGRAD_SIDE] = {{0}};
            for (size_t i = 0; i < tile.down; i++)
                store_frequencies(v + c / PANEL * steps.panel + tile.number * PANEL + c % PANEL, steps.frequency, &tile,
                                  i, zeros);
        }
}

static void input(float *v, struct winograd_steps steps, const struct conv_input *in, struct winograd_map map,
                  struct winograd_row row)
{
    size_t all = winograd_tiles(map.w), c = 0;
    for (; c < map.c; c += WIDTH) {
        float *out = v + c / PANEL * steps.panel + c % PANEL;
        for (size_t first = 0; first < all; first += RUN) {
            size_t tiles = min_size(RUN, all - first);
            if (map.c - c >= WIDTH)
                input_run(out, steps.frequency, in, map, &row, first, tiles, c, WIDTH);
            else
                input_run(out, steps.frequency, in, map, &row, first, tiles, c, map.c - c);
        }
    }
    clear_rest(v, steps, c, map.w, &row);
}

/* ---- gradient of the output -------------------------------------------------------------------------------------- */

ALWAYS_INLINE void gradient_tile(float *d, size_t frequency, const value *dy, struct winograd_map map,
                                 const struct tile *tile, size_t rows, size_t columns, size_t n)
{
    vec half[WINOGRAD_TILE][WINOGRAD_SIDE];
    for (size_t j = 0; j < WINOGRAD_TILE; j++) {
        vec line[WINOGRAD_TILE];
        for (size_t i = 0; i < WINOGRAD_TILE; i++)
            line[i] = i < rows && j < columns ? get_vec(dy + (i * map.w + j) * map.c, n) : (vec){0};
        gradient_line(half[j], line);
    }
    for (size_t i = 0; i < tile->down; i++) {
        vec line[WINOGRAD_TILE], out[WINOGRAD_SIDE];
        for (size_t j = 0; j < WINOGRAD_TILE; j++)
            line[j] = half[j][i];
        gradient_line(out, line);
        store_frequencies(d, frequency, tile, i, out);
    }
}

static void gradient(float *d, struct winograd_steps steps, const void *dy, struct winograd_map map,
                     struct winograd_row row)
{
    size_t c = 0;
    for (; c < map.c; c += WIDTH)
        for (size_t t = 0; t < winograd_tiles(map.w); t++) {
            struct tile tile = tile_of(&row, map.w, t);
            size_t rows = pixels_of(tile.down, map.h, row.top), columns = pixels_of(tile.across, map.w, tile.left);
            float *out = d + c / PANEL * steps.panel + tile.number * PANEL + c % PANEL;
            const value *corner = (const value *)dy + (row.top * map.w + tile.left) * map.c + c;
            if (map.c - c < WIDTH)
                gradient_tile(out, steps.frequency, corner, map, &tile, rows, columns, map.c - c);
            else if (rows == WINOGRAD_TILE && columns == WINOGRAD_TILE)
                gradient_tile(out, steps.frequency, corner, map, &LARGE, WINOGRAD_TILE, WINOGRAD_TILE, WIDTH);
            else
                gradient_tile(out, steps.frequency, corner, map, &tile, rows, columns, WIDTH);
        }
    clear_rest(d, steps, c, map.w, &row);
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
    vec half[WINOGRAD_SIDE][WINOGRAD_TILE];
    for (size_t i = 0; i < WINOGRAD_SIDE; i++) {
        vec line[WINOGRAD_SIDE] = {{0}};
        for (size_t j = 0; j < WINOGRAD_SIDE; j++)
            if (i < tile->down && j < tile->across)
                line[j] = load(m + (i * WINOGRAD_SIDE + j) * frequency, WIDTH);
        output_line(half[i], line);
    }
    for (size_t j = 0; j < WINOGRAD_TILE && j < columns; j++) {
        vec line[WINOGRAD_SIDE], out[WINOGRAD_TILE];
        for (size_t i = 0; i < WINOGRAD_SIDE; i++)
            line[i] = half[i][j];
        output_line(out, line);
        for (size_t i = 0; i < WINOGRAD_TILE && i < rows; i++) {
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
    for (size_t t = 0; t < winograd_tiles(map.w); t++) {
        struct tile tile = tile_of(&row, map.w, t);
        size_t rows = pixels_of(tile.down, map.h, row.top), columns = pixels_of(tile.across, map.w, tile.left);
        size_t pixel = (row.top * map.w + tile.left) * map.c;
        const float *from = m + tile.number * PANEL;
        for (size_t i = 0; i < n; i += WIDTH) {
            value *corner = (value *)y + pixel + c + i;
            struct finish finish = finish_of(whole, pixel, c + i, min_size(WIDTH, n - i));
            if (n - i < WIDTH)
                output_tile(corner, from + i, frequency, map, &tile, rows, columns, add, &finish, n - i);
            else if (rows == WINOGRAD_TILE && columns == WINOGRAD_TILE && !add)
                output_tile(corner, from + i, frequency, map, &LARGE, WINOGRAD_TILE, WINOGRAD_TILE, false, &finish,
                            WIDTH);
            else
                output_tile(corner, from + i, frequency, map, &tile, rows, columns, add, &finish, WIDTH);
        }
    }
}

/* ---- weights ----------------------------------------------------------------------------------------------------- */

ALWAYS_INLINE void weights_vector(float *u, size_t frequency, const float *g, size_t ld, size_t n)
{
    vec half[3][WINOGRAD_SIDE];
    for (size_t s = 0; s < 3; s++) {
        vec line[3];
        for (size_t r = 0; r < 3; r++)
            line[r] = load(g + (r * 3 + s) * ld, n);
        weights_line(half[s], line);
    }
    for (size_t i = 0; i < WINOGRAD_SIDE; i++) {
        vec line[3], out[WINOGRAD_SIDE];
        for (size_t s = 0; s < 3; s++)
            line[s] = half[s][i];
        weights_line(out, line);
        for (size_t j = 0; j < WINOGRAD_SIDE; j++)
            store(u + (i * WINOGRAD_SIDE + j) * frequency, out[j], WIDTH);
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
    vec half[WINOGRAD_SIDE][3];
    for (size_t i = 0; i < WINOGRAD_SIDE; i++) {
        vec line[WINOGRAD_SIDE];
        for (size_t j = 0; j < WINOGRAD_SIDE; j++)
            line[j] = load(u + (i * WINOGRAD_SIDE + j) * frequency, n);
        weight_gradient_line(half[i], line);
    }
    for (size_t s = 0; s < 3; s++) {
        vec line[WINOGRAD_SIDE], out[3];
        for (size_t i = 0; i < WINOGRAD_SIDE; i++)
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

extern const struct winograd_lanes MAP_NAME(winograd_lanes);
const struct winograd_lanes MAP_NAME(winograd_lanes) = {
    .input = input,
    .gradient = gradient,
    .output = output,
    .weights = weights,
    .weight_gradient = weight_gradient,
};
