#include "core/data/warp.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

static int32_t fixed(double value)
{
    return (int32_t)floor(value * 65536.0 + 0.5);
}

/* The middle of output pixel (x, y) lies at (m0 x + m1 y + m2, m3 x + m4 y + m5) of the input. */
static void warp(uint8_t *out, const uint8_t *in, int side, const double m[6])
{
    assert(side > 0 && side <= WARP_MAX_SIDE);
    const int32_t right_x = fixed(m[0]), right_y = fixed(m[3]), down_x = fixed(m[1]), down_y = fixed(m[4]);
    int32_t row_x = fixed(m[2] + m[0] * 0.5 + m[1] * 0.5), row_y = fixed(m[5] + m[3] * 0.5 + m[4] * 0.5);
    for (int row = 0; row < side; row++, row_x += down_x, row_y += down_y) {
        int32_t x = row_x, y = row_y;
        for (int column = 0; column < side; column++, out += 3, x += right_x, y += right_y) {
            int32_t from_x = x >> 16, from_y = y >> 16;
            if (from_x >= 0 && from_x < side && from_y >= 0 && from_y < side)
                memcpy(out, in + 3 * ((size_t)from_y * (size_t)side + (size_t)from_x), 3);
            else
                memset(out, 0, 3);
        }
    }
}

void warp_shear_x(uint8_t *out, const uint8_t *in, int side, double shear)
{
    const double matrix[6] = {1, shear, 0, 0, 1, 0};
    warp(out, in, side, matrix);
}

void warp_shear_y(uint8_t *out, const uint8_t *in, int side, double shear)
{
    const double matrix[6] = {1, 0, 0, shear, 1, 0};
    warp(out, in, side, matrix);
}

void warp_translate(uint8_t *out, const uint8_t *in, int side, int right, int down)
{
    const double matrix[6] = {1, 0, -right, 0, 1, -down};
    warp(out, in, side, matrix);
}

/* To 15 decimals, as Image.rotate takes its sines: those of a quarter turn are then exactly 0 and 1, and every pixel
 * goes to a pixel. */
static double rounded(double value)
{
    return nearbyint(value * 1e15) / 1e15;
}

void warp_rotate(uint8_t *out, const uint8_t *in, int side, double degrees)
{
    const double pi = 3.14159265358979323846;
    double turn = degrees < 0 ? degrees + 360 : degrees;
    double angle = -(turn * (pi / 180)), middle = side / 2.0;
    double matrix[6] = {rounded(cos(angle)), rounded(sin(angle)), 0, rounded(-sin(angle)), rounded(cos(angle)), 0};
    matrix[2] = matrix[0] * -middle + matrix[1] * -middle + middle;
    matrix[5] = matrix[3] * -middle + matrix[4] * -middle + middle;
    warp(out, in, side, matrix);
}
