#include "core/ops/winograd_cut.h"

#include "core/base/sizes.h"
#include "core/ops/panel.h"

enum {
    BLOCK_TILES = 64,          /* tiles of a block, at most */
    BLOCK_FLOATS = 600 * 1000, /* and its transformed input, about: 2.4 MB */
    /* Weight gradient, transformed a and dy of a group of rows: 2 to 20 MB, and within that twice the floats of dU,
     * which every group reads and writes. */
    GROUP_LEAST = 500 * 1000,
    GROUP_MOST = 5000 * 1000
};

/* Rows of tiles of `channels` channels in `floats` of transformed input; at least one. */
static size_t rows_in(size_t floats, size_t row_tiles, size_t channels)
{
    size_t rows = floats / (WINOGRAD_FREQUENCIES * PANEL) / (ceil_div(channels, PANEL) * row_tiles);
    return rows ? rows : 1;
}

/* As many rows as keep v in 2.4 MB and a block within 64 tiles: more tiles make the products no faster, and fewer
 * blocks leave threads without work. Blocks of 3.6 and 4.8 MB read the 38 MB of U half as often and gained nothing on
 * 14x14, and were slower on 7x7. The widest of c and k counts, as backward runs the other way through the same cut. */
static size_t block_most_rows(const struct conv_shape *shape)
{
    size_t row_tiles = winograd_tiles(shape->q), widest = max_size(shape->c, shape->k);
    size_t rows = min_size(rows_in(BLOCK_FLOATS, row_tiles, widest), BLOCK_TILES / row_tiles);
    return rows ? rows : 1;
}

size_t winograd_block_tiles(const struct conv_shape *shape)
{
    return block_most_rows(shape) * winograd_tiles(shape->q);
}

struct winograd_cut winograd_cut_of(const struct conv_shape *shape, size_t images)
{
    struct winograd_cut cut = {.tile_rows = winograd_tiles(shape->p),
                               .tall_rows = winograd_large(shape->p),
                               .row_tiles = winograd_tiles(shape->q),
                               .row_wide = winograd_large(shape->q)};
    cut.rows = images * cut.tile_rows;
    cut.block_rows = ceil_div(cut.rows, ceil_div(cut.rows, block_most_rows(shape)));
    cut.blocks = ceil_div(cut.rows, cut.block_rows);
    size_t wanted = 2 * WINOGRAD_FREQUENCIES * shape->c * shape->k;
    wanted = wanted < GROUP_LEAST ? GROUP_LEAST : min_size(wanted, GROUP_MOST);
    size_t most = rows_in(wanted, cut.row_tiles, ceil_div(shape->c, PANEL) * PANEL + shape->k);
    cut.group_most = most;
    cut.group_rows = ceil_div(cut.rows, ceil_div(cut.rows, most));
    cut.groups = ceil_div(cut.rows, cut.group_rows);
    return cut;
}

struct winograd_steps winograd_steps_of(size_t tiles, size_t channels)
{
    size_t panels = ceil_div(channels, PANEL);
    return (struct winograd_steps){.frequency = panels * tiles * PANEL + WINOGRAD_APART, .panel = tiles * PANEL};
}

size_t winograd_size(size_t tiles, size_t channels)
{
    return WINOGRAD_FREQUENCIES * winograd_steps_of(tiles, channels).frequency;
}

static bool is_tall(const struct winograd_cut *cut, size_t row)
{
    return row % cut->tile_rows < cut->tall_rows;
}

struct winograd_place winograd_place_of(const struct winograd_cut *cut, size_t row, size_t height)
{
    size_t top = winograd_begin(height, row % cut->tile_rows);
    return (struct winograd_place){
        .image = row / cut->tile_rows,
        .top = top,
        .rows = min_size(is_tall(cut, row) ? WINOGRAD_TILE : WINOGRAD_TILE - 1, height - top),
    };
}

/* Tall rows of tiles before `row`, of all images. */
static size_t tall_before(const struct winograd_cut *cut, size_t row)
{
    return row / cut->tile_rows * cut->tall_rows + min_size(row % cut->tile_rows, cut->tall_rows);
}

struct winograd_layout winograd_layout_of(const struct winograd_cut *cut, size_t begin, size_t end)
{
    size_t tall = tall_before(cut, end) - tall_before(cut, begin);
    return (struct winograd_layout){.cut = cut,
                                    .begin = begin,
                                    .tall = tall,
                                    .low = end - begin - tall,
                                    .wide = cut->row_wide,
                                    .narrow = cut->row_tiles - cut->row_wide};
}

struct winograd_row winograd_row_of(const struct winograd_layout *layout, size_t row, size_t height)
{
    const struct winograd_cut *cut = layout->cut;
    bool tall = is_tall(cut, row);
    size_t tall_rows = tall_before(cut, row) - tall_before(cut, layout->begin);
    size_t low_rows = row - layout->begin - tall_rows, all_wide = (layout->low + layout->tall) * layout->wide;
    return (struct winograd_row){
        .top = winograd_begin(height, row % cut->tile_rows),
        .tall = tall,
        .wide = (tall ? layout->low + tall_rows : low_rows) * layout->wide,
        .narrow = all_wide + (tall ? tall_rows : layout->tall + low_rows) * layout->narrow,
    };
}

struct winograd_span winograd_span_of(const struct winograd_layout *layout, size_t f)
{
    bool tall = f / WINOGRAD_SIDE == WINOGRAD_SIDE - 1, wide = f % WINOGRAD_SIDE == WINOGRAD_SIDE - 1;
    size_t rows = layout->tall + (tall ? 0 : layout->low);
    return (struct winograd_span){.begin = tall ? layout->low * layout->wide : 0,
                                  .count = rows * (layout->wide + (wide ? 0 : layout->narrow))};
}
