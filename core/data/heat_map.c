#include "core/data/heat_map.h"

#include <math.h>

enum { ANCHORS = 17 };

/* Turbo at i / 16, in sRGB. */
static const uint8_t anchors[ANCHORS][3] = {
    {48, 18, 59},   {64, 64, 162},  {70, 107, 227}, {66, 148, 255}, {40, 188, 235}, {24, 221, 194},
    {50, 242, 152}, {109, 254, 98}, {164, 252, 60}, {205, 236, 52}, {238, 207, 58}, {253, 172, 52},
    {251, 126, 33}, {235, 80, 14},  {208, 47, 5},   {169, 22, 1},   {122, 4, 3}};

static float within(float value, float most)
{
    return !(value > 0) ? 0 : value > most ? most : value; /* NaN is 0 */
}

void heat_colour(uint8_t rgba[4], float value)
{
    float v = within(value, 1), at = v * (ANCHORS - 1);
    int i = at >= ANCHORS - 1 ? ANCHORS - 2 : (int)at;
    for (int c = 0; c < 3; c++)
        rgba[c] = (uint8_t)lrintf((float)anchors[i][c] + (at - (float)i) * (float)(anchors[i + 1][c] - anchors[i][c]));
    rgba[3] = (uint8_t)lrintf(v * HEAT_OPAQUE);
}

float heat_most(const float *map, size_t count)
{
    float most = 0;
    for (size_t i = 0; i < count; i++)
        most = map[i] > most ? map[i] : most;
    return most;
}

/* The place of pixel i of `size` among `cells`: the cell before it and the share of the one behind. */
static size_t place(float *share, size_t i, size_t size, size_t cells)
{
    float at = within(((float)i + 0.5f) * (float)cells / (float)size - 0.5f, (float)(cells - 1));
    size_t cell = (size_t)at;
    if (cell + 1 >= cells)
        cell = cells > 1 ? cells - 2 : 0;
    *share = at - (float)cell;
    return cell;
}

static float mix(float a, float b, float share)
{
    return a + share * (b - a);
}

void heat_overlay(uint8_t *out, size_t out_stride, const uint8_t *pixels, size_t height, size_t width, const float *map,
                  size_t rows, size_t columns, float most)
{
    size_t right = columns > 1, below = rows > 1 ? columns : 0;
    for (size_t y = 0; y < height; y++) {
        float down, across;
        const float *row = map + place(&down, y, height, rows) * columns;
        uint8_t *to = out + y * out_stride;
        for (size_t x = 0; x < width; x++, to += 3, pixels += 3) {
            const float *cell = row + place(&across, x, width, columns);
            float value = mix(mix(cell[0], cell[right], across), mix(cell[below], cell[below + right], across), down);
            uint8_t heat[4];
            heat_colour(heat, most > 0 ? value / most : 0);
            for (int c = 0; c < 3; c++)
                to[c] = (uint8_t)((pixels[c] * (255 - heat[3]) + heat[c] * heat[3] + 127) / 255);
        }
    }
}
