#include "core/data/color.h"

#include <math.h>
#include <string.h>

static uint8_t clip(int value)
{
    return value < 0 ? 0 : value > 255 ? 255 : (uint8_t)value;
}

static uint8_t blend(int dull, int value, float factor)
{
    float mixed = (float)dull + factor * (float)(value - dull);
    return mixed <= 0 ? 0 : mixed >= 255 ? 255 : (uint8_t)mixed;
}

static int lightness(const uint8_t *pixel)
{
    return (pixel[0] * 19595 + pixel[1] * 38470 + pixel[2] * 7471 + 0x8000) >> 16;
}

/* ---- the same table for all channels, or one for each ------------------------------------------------------------ */

static void map_values(uint8_t *pixels, size_t count, const uint8_t table[256])
{
    for (size_t i = 0; i < 3 * count; i++)
        pixels[i] = table[pixels[i]];
}

static void map_channel(uint8_t *pixels, size_t count, size_t channel, const uint8_t table[256])
{
    for (size_t i = 0; i < count; i++)
        pixels[3 * i + channel] = table[pixels[3 * i + channel]];
}

static void count_channel(size_t histogram[256], const uint8_t *pixels, size_t count, size_t channel)
{
    memset(histogram, 0, 256 * sizeof *histogram);
    for (size_t i = 0; i < count; i++)
        histogram[pixels[3 * i + channel]]++;
}

static void blend_with(uint8_t *pixels, size_t count, int dull, float factor)
{
    uint8_t table[256];
    for (int v = 0; v < 256; v++)
        table[v] = blend(dull, v, factor);
    map_values(pixels, count, table);
}

void color_posterize(uint8_t *pixels, size_t count, int bits)
{
    uint8_t table[256];
    for (int v = 0; v < 256; v++)
        table[v] = (uint8_t)(v & ~((1 << (8 - bits)) - 1));
    map_values(pixels, count, table);
}

void color_solarize(uint8_t *pixels, size_t count, float threshold)
{
    uint8_t table[256];
    for (int v = 0; v < 256; v++)
        table[v] = (uint8_t)((float)v < threshold ? v : 255 - v);
    map_values(pixels, count, table);
}

void color_autocontrast(uint8_t *pixels, size_t count)
{
    for (size_t channel = 0; channel < 3; channel++) {
        size_t histogram[256];
        uint8_t table[256];
        int low = 0, high = 255;
        count_channel(histogram, pixels, count, channel);
        while (low < 255 && histogram[low] == 0)
            low++;
        while (high > 0 && histogram[high] == 0)
            high--;
        if (high <= low)
            continue;
        double scale = 255.0 / (high - low), offset = -low * scale;
        for (int v = 0; v < 256; v++)
            table[v] = clip((int)(v * scale + offset));
        map_channel(pixels, count, channel, table);
    }
}

void color_equalize(uint8_t *pixels, size_t count)
{
    for (size_t channel = 0; channel < 3; channel++) {
        size_t histogram[256], last = 255;
        uint8_t table[256];
        count_channel(histogram, pixels, count, channel);
        while (last > 0 && histogram[last] == 0)
            last--;
        size_t step = (count - histogram[last]) / 255, sum = step / 2;
        if (step == 0) /* one value, or too few pixels */
            continue;
        for (size_t v = 0; v < 256; sum += histogram[v++])
            table[v] = (uint8_t)(sum / step > 255 ? 255 : sum / step);
        map_channel(pixels, count, channel, table);
    }
}

/* ---- enhancements ------------------------------------------------------------------------------------------------ */

void color_brightness(uint8_t *pixels, size_t count, float factor)
{
    blend_with(pixels, count, 0, factor);
}

void color_contrast(uint8_t *pixels, size_t count, float factor)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (uint64_t)lightness(pixels + 3 * i);
    blend_with(pixels, count, (int)((double)sum / (double)count + 0.5), factor);
}

void color_saturation(uint8_t *pixels, size_t count, float factor)
{
    for (; count > 0; count--, pixels += 3) {
        int dull = lightness(pixels);
        for (int c = 0; c < 3; c++)
            pixels[c] = blend(dull, pixels[c], factor);
    }
}

void color_sharpness(uint8_t *pixels, int height, int width, float factor, uint8_t *spare)
{
    size_t stride = (size_t)width * 3;
    memcpy(spare, pixels, (size_t)height * stride);
    for (int y = 1; y < height - 1; y++) {
        for (size_t i = 3; i + 3 < stride; i++) {
            const uint8_t *above = spare + (size_t)(y - 1) * stride + i, *here = above + stride, *below = here + stride;
            int sum =
                above[-3] + above[0] + above[3] + here[-3] + 5 * here[0] + here[3] + below[-3] + below[0] + below[3];
            pixels[(size_t)y * stride + i] = blend((2 * sum + 13) / 26, here[0], factor);
        }
    }
}

/* ---- hue --------------------------------------------------------------------------------------------------------- */

/* Hue, saturation and value in 0..255 as Pillow's Convert.c computes them: some steps in float32, some in double. */
static void to_hsv(uint8_t hsv[3], const uint8_t rgb[3])
{
    int r = rgb[0], g = rgb[1], b = rgb[2];
    int most = r > g ? (r > b ? r : b) : (g > b ? g : b), least = r < g ? (r < b ? r : b) : (g < b ? g : b);
    hsv[0] = hsv[1] = 0;
    hsv[2] = (uint8_t)most;
    if (most == least)
        return;
    float span = (float)(most - least), saturation = span / (float)most, hue;
    float from_r = (float)(most - r) / span, from_g = (float)(most - g) / span, from_b = (float)(most - b) / span;
    if (r == most)
        hue = from_b - from_g;
    else if (g == most)
        hue = (float)(2.0 + (double)from_r - (double)from_b);
    else
        hue = (float)(4.0 + (double)from_g - (double)from_r);
    hue = (float)fmod((double)hue / 6.0 + 1.0, 1.0);
    hsv[0] = clip((int)((double)hue * 255.0));
    hsv[1] = clip((int)((double)saturation * 255.0));
}

static void to_rgb(uint8_t rgb[3], const uint8_t hsv[3])
{
    if (hsv[1] == 0) {
        rgb[0] = rgb[1] = rgb[2] = hsv[2];
        return;
    }
    double sixth = (double)((float)hsv[0]) * 6.0 / 255.0, value = (double)hsv[2];
    int sector = (int)floor(sixth);
    float part = (float)(sixth - sector), saturation = (float)((double)hsv[1] / 255.0);
    uint8_t v = hsv[2], p = clip((int)round(value * (1.0 - (double)saturation))),
            q = clip((int)round(value * (1.0 - (double)(saturation * part)))),
            t = clip((int)round(value * (1.0 - (double)saturation * (1.0 - (double)part))));
    const uint8_t all[6][3] = {{v, t, p}, {q, v, p}, {p, v, t}, {p, q, v}, {t, p, v}, {v, p, q}};
    memcpy(rgb, all[sector % 6], 3);
}

void color_hue(uint8_t *pixels, size_t count, double turn)
{
    uint8_t steps = (uint8_t)(int32_t)(turn * 255);
    for (; count > 0; count--, pixels += 3) {
        uint8_t hsv[3];
        to_hsv(hsv, pixels);
        hsv[0] = (uint8_t)(hsv[0] + steps);
        to_rgb(pixels, hsv);
    }
}
