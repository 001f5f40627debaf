#include "core/data/cicp.h"

#include <stddef.h>

/* Table 2 of H.273: x and y of red, green, blue and white. */
static const struct primaries {
    int code;
    float at[4][2];
} all_primaries[] = {
    {1, {{0.64f, 0.33f}, {0.3f, 0.6f}, {0.15f, 0.06f}, {0.3127f, 0.329f}}},
    {4, {{0.67f, 0.33f}, {0.21f, 0.71f}, {0.14f, 0.08f}, {0.310f, 0.316f}}},
    {5, {{0.64f, 0.33f}, {0.29f, 0.60f}, {0.15f, 0.06f}, {0.3127f, 0.3290f}}},
    {6, {{0.630f, 0.340f}, {0.310f, 0.595f}, {0.155f, 0.070f}, {0.3127f, 0.3290f}}},
    {7, {{0.630f, 0.340f}, {0.310f, 0.595f}, {0.155f, 0.070f}, {0.3127f, 0.3290f}}},
    {8, {{0.681f, 0.319f}, {0.243f, 0.692f}, {0.145f, 0.049f}, {0.310f, 0.316f}}},
    {9, {{0.708f, 0.292f}, {0.170f, 0.797f}, {0.131f, 0.046f}, {0.3127f, 0.3290f}}},
    {10, {{1.0f, 0.0f}, {0.0f, 1.0f}, {0.0f, 0.0f}, {0.3333f, 0.3333f}}},
    {11, {{0.680f, 0.320f}, {0.265f, 0.690f}, {0.150f, 0.060f}, {0.314f, 0.351f}}},
    {12, {{0.680f, 0.320f}, {0.265f, 0.690f}, {0.150f, 0.060f}, {0.3127f, 0.3290f}}},
    {22, {{0.630f, 0.340f}, {0.295f, 0.605f}, {0.155f, 0.077f}, {0.3127f, 0.3290f}}},
};

/* The triple product of three colours (x, y, 1 - x - y). */
static float volume(const float a[2], const float b[2], const float c[2])
{
    float az = 1 - (a[0] + a[1]), bz = 1 - (b[0] + b[1]), cz = 1 - (c[0] + c[1]);
    return a[0] * (b[1] * cz - c[1] * bz) + b[0] * (c[1] * az - a[1] * cz) + c[0] * (a[1] * bz - b[1] * az);
}

/* Equations 32 to 37 of H.273. An unknown code counts as BT.709. */
static void luma_of_primaries(float *red, float *blue, int code)
{
    const struct primaries *found = all_primaries;
    for (size_t i = 0; i < sizeof all_primaries / sizeof *all_primaries; i++)
        if (all_primaries[i].code == code)
            found = all_primaries + i;
    const float *r = found->at[0], *g = found->at[1], *b = found->at[2], *white = found->at[3];
    float all = white[1] * volume(r, g, b);
    *red = r[1] * volume(white, g, b) / all;
    *blue = b[1] * volume(white, r, g) / all;
}

bool cicp_luma(float *red, float *blue, int matrix, int primaries)
{
    static const struct {
        int matrix;
        float red, blue;
    } known[] = {
        {CICP_BT709, 0.2126f, 0.0722f},  {CICP_UNSPECIFIED, 0.299f, 0.114f}, {CICP_FCC, 0.30f, 0.11f},
        {CICP_BT470BG, 0.299f, 0.114f},  {CICP_BT601, 0.299f, 0.114f},       {CICP_SMPTE240, 0.212f, 0.087f},
        {CICP_BT2020, 0.2627f, 0.0593f},
    };
    if (matrix == CICP_DERIVED) {
        luma_of_primaries(red, blue, primaries);
        return true;
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].matrix == matrix) {
            *red = known[i].red;
            *blue = known[i].blue;
            return true;
        }
    return false;
}
