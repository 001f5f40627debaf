#include "core/data/trivial.h"

#include <math.h>
#include <string.h>

#include "core/data/color.h"
#include "core/data/warp.h"

struct trivial trivial_draw(struct rng *rng)
{
    enum trivial_operation operation = (enum trivial_operation)rng_below(rng, TRIVIAL_OPERATIONS);
    int bin = (int)rng_below(rng, TRIVIAL_BINS);
    return (struct trivial){.operation = operation, .bin = bin, .negative = rng_below(rng, 2) == 1};
}

/* torch.linspace(from, to, 31): float32, from both ends, product and sum rounded once, as PyTorch has it where the
 * processor has FMA. One can see it: the bin in the middle of 0 to 32 is just below 16, which becomes 15 pixels. */
static float strength(float from, float to, int bin)
{
    double step = (double)((to - from) / (TRIVIAL_BINS - 1));
    return (float)(bin < TRIVIAL_BINS / 2 ? (double)from + step * bin : (double)to - step * (TRIVIAL_BINS - 1 - bin));
}

/* What moves pixels goes to `spare` and is copied back. */
static void move(uint8_t *spare, const uint8_t *pixels, int side, const struct trivial *trivial)
{
    double sign = trivial->negative ? -1 : 1;
    double shear = sign * (double)strength(0, 0.99f, trivial->bin);
    int shift = (int)sign * (int)strength(0, 32, trivial->bin);
    switch (trivial->operation) {
    case TRIVIAL_SHEAR_X:
        warp_shear_x(spare, pixels, side, shear);
        break;
    case TRIVIAL_SHEAR_Y:
        warp_shear_y(spare, pixels, side, shear);
        break;
    case TRIVIAL_TRANSLATE_X:
        warp_translate(spare, pixels, side, shift, 0);
        break;
    case TRIVIAL_TRANSLATE_Y:
        warp_translate(spare, pixels, side, 0, shift);
        break;
    default:
        warp_rotate(spare, pixels, side, sign * (double)strength(0, 135, trivial->bin));
        break;
    }
}

void trivial_apply(uint8_t *pixels, int side, const struct trivial *trivial, uint8_t *spare)
{
    size_t count = (size_t)side * (size_t)side;
    double change = (double)strength(0, 0.99f, trivial->bin);
    float factor = (float)(trivial->negative ? 1 - change : 1 + change);
    switch (trivial->operation) {
    case TRIVIAL_BRIGHTNESS:
        color_brightness(pixels, count, factor);
        break;
    case TRIVIAL_COLOR:
        color_saturation(pixels, count, factor);
        break;
    case TRIVIAL_CONTRAST:
        color_contrast(pixels, count, factor);
        break;
    case TRIVIAL_SHARPNESS:
        color_sharpness(pixels, side, side, factor, spare);
        break;
    case TRIVIAL_POSTERIZE:
        color_posterize(pixels, count, 8 - (int)nearbyint((double)trivial->bin / 5));
        break;
    case TRIVIAL_SOLARIZE:
        color_solarize(pixels, count, strength(255, 0, trivial->bin));
        break;
    case TRIVIAL_AUTOCONTRAST:
        color_autocontrast(pixels, count);
        break;
    case TRIVIAL_EQUALIZE:
        color_equalize(pixels, count);
        break;
    case TRIVIAL_IDENTITY:
    case TRIVIAL_OPERATIONS:
        break;
    default:
        move(spare, pixels, side, trivial);
        memcpy(pixels, spare, count * 3);
        break;
    }
}
