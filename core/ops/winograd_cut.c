#include "core/ops/winograd_cut.h"

#include "core/base/sizes.h"
#include "core/ops/panel.h"

static size_t frequencies(size_t t)
{
    return (t + 2) * (t + 2);
}

/* Rows of tiles of `channels` channels in so many operands of transformed input; at least one. */
static size_t rows_in(size_t operands, size_t t, size_t row_tiles, size_t channels)
{
    size_t rows = operands / (frequencies(t) * PANEL) / (ceil_div(channels, PANEL) * row_tiles);
    return rows ? rows : 1;
}

/* The widest of c and k counts, as backward runs the other way through the same cut. */
static size_t block_most_rows(const struct winograd_sizes *sizes, const struct conv_shape *shape)
{
    size_t row_tiles = winograd_tiles(shape->q, sizes->t), widest = max_size(shape->c, shape->k);
    size_t rows = min_size(rows_in(sizes->block_most, sizes->t, row_tiles, widest), sizes->block_tiles / row_tiles);
    return rows ? rows : 1;
}

size_t winograd_block_tiles(const struct winograd_sizes *sizes, const struct conv_shape *shape)
{
    return block_most_rows(sizes, shape) * winograd_tiles(shape->q, sizes->t);
}

struct winograd_cut winograd_cut_of(const struct winograd_sizes *sizes, const struct conv_shape *shape, size_t images)
{
    size_t t = sizes->t;
    struct winograd_cut cut = {.t = t,
                               .tile_rows = winograd_tiles(shape->p, t),
                               .tall_rows = winograd_large(shape->p, t),
                               .row_tiles = winograd_tiles(shape->q, t),
                               .row_wide = winograd_large(shape->q, t)};
    cut.rows = images * cut.tile_rows;
    cut.block_rows = ceil_div(cut.rows, ceil_div(cut.rows, block_most_rows(sizes, shape)));
    cut.blocks = ceil_div(cut.rows, cut.block_rows);
    size_t wanted = sizes->group_times * frequencies(t) * shape->c * shape->k;
    wanted = wanted < sizes->group_least ? sizes->group_least : min_size(wanted, sizes->group_most);
    size_t most = rows_in(wanted, t, cut.row_tiles, ceil_div(shape->c, PANEL) * PANEL + shape->k);
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

size_t winograd_size(size_t t, size_t tiles, size_t channels)
{
    return frequencies(t) * winograd_steps_of(tiles, channels).frequency;
}

static bool is_tall(const struct winograd_cut *cut, size_t row)
{
    return row % cut->tile_rows < cut->tall_rows;
}

struct winograd_place winograd_place_of(const struct winograd_cut *cut, size_t row, size_t height)
{
    size_t top = winograd_begin(height, cut->t, row % cut->tile_rows);
    return (struct winograd_place){
        .image = row / cut->tile_rows,
        .top = top,
        .rows = min_size(is_tall(cut, row) ? cut->t : cut->t - 1, height - top),
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
        .top = winograd_begin(height, cut->t, row % cut->tile_rows),
        .tall = tall,
        .wide = (tall ? layout->low + tall_rows : low_rows) * layout->wide,
        .narrow = all_wide + (tall ? tall_rows : layout->tall + low_rows) * layout->narrow,
    };
}

struct winograd_span winograd_span_of(const struct winograd_layout *layout, size_t f)
{
    size_t side = layout->cut->t + 2;
    bool tall = f / side == side - 1, wide = f % side == side - 1;
    size_t rows = layout->tall + (tall ? 0 : layout->low);
    return (struct winograd_span){.begin = tall ? layout->low * layout->wide : 0,
                                  .count = rows * (layout->wide + (wide ? 0 : layout->narrow))};
}
