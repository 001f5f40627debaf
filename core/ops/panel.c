#include "core/ops/panel.h"

#include "core/ops/cpu.h"

CPU_DISPATCH(const struct panel_lanes, panel_lanes)
CPU_DISPATCH_BF16(const struct panel_lanes, panel_lanes_bf16)

const struct panel_lanes *panel_lanes(enum precision precision)
{
    return precision == PRECISION_BF16 ? panel_lanes_bf16_of_cpu() : panel_lanes_of_cpu();
}

bool products_by_amx(enum precision precision)
{
    return precision == PRECISION_BF16 && cpu_bf16() == CPU_BF16_TILES;
}

/* Whether lines are faster in one run, with the left rows between two lines, whose products are thrown away: tiles
 * of 32 rows are filled that way where lines are short. A line by itself takes as long as 24 rows of a run at least,
 * because it reads all of the panel. */
static bool run_pays(const struct panel_lines *lines, size_t run)
{
    enum { TILES = 32, LINE_LEAST = 24 };
    size_t rows = (lines->count - 1) * run + lines->m;
    return (rows + TILES - 1) / TILES * TILES < lines->count * (lines->m < LINE_LEAST ? LINE_LEAST : lines->m);
}

void panel_product_lines(enum precision precision, void *c, size_t ldc, struct panel_left a,
                         const struct panel_lines *lines, const void *b, size_t n, size_t k, bool add,
                         const struct panel_finish *finish)
{
    const struct panel_lanes *lanes = panel_lanes(precision);
    size_t run = lines->line / a.row, count = lines->count;
    if (lanes->run && count > 0 && run >= lines->m && lines->line % a.row == 0 && run_pays(lines, run)) {
        lanes->run(c, ldc, a, lines->m, run, b, (count - 1) * run + lines->m, n, k, add, finish);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        size_t done = i * lines->m * ldc;
        struct panel_left left = a;
        struct panel_finish own;
        left.a = map_from(a.a, i * lines->line, precision);
        if (finish) {
            own = *finish;
            own.residual = finish->residual ? map_from(finish->residual, done, precision) : NULL;
        }
        lanes->product(map_at(c, done, precision), ldc, left, b, lines->m, n, k, add, finish ? &own : NULL);
    }
}
