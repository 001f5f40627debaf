/* TrivialAugmentWide as torchvision defines it (Mueller and Hutter, "TrivialAugment: Tuning-free Yet State-of-the-Art
 * Data Augmentation", 2021): one operation out of 14, its strength one of 31, on uint8 pixels as Pillow computes them,
 * with the nearest pixel where the picture moves.
 *
 *   identity, auto-contrast, equalize        no strength
 *   shear x, y         0 to 0.99             either direction
 *   translate x, y     0 to 32 pixels        either direction
 *   rotate             0 to 135 degrees      either direction
 *   brightness, color, contrast, sharpness   1 + (0 to 0.99), or 1 - that
 *   posterize          8 to 2 bits
 *   solarize           from 255 down to 0
 */
#ifndef FREEZETUNE_TRIVIAL_H
#define FREEZETUNE_TRIVIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/rng.h"

/* In torchvision's order. */
enum trivial_operation {
    TRIVIAL_IDENTITY,
    TRIVIAL_SHEAR_X,
    TRIVIAL_SHEAR_Y,
    TRIVIAL_TRANSLATE_X,
    TRIVIAL_TRANSLATE_Y,
    TRIVIAL_ROTATE,
    TRIVIAL_BRIGHTNESS,
    TRIVIAL_COLOR,
    TRIVIAL_CONTRAST,
    TRIVIAL_SHARPNESS,
    TRIVIAL_POSTERIZE,
    TRIVIAL_SOLARIZE,
    TRIVIAL_AUTOCONTRAST,
    TRIVIAL_EQUALIZE,
    TRIVIAL_OPERATIONS
};

enum { TRIVIAL_BINS = 31 };

struct trivial {
    enum trivial_operation operation;
    int bin;       /* 0..TRIVIAL_BINS-1 */
    bool negative; /* the other direction, where there are two */
};

/* Three draws, whatever the operation: operation, bin, direction. */
struct trivial trivial_draw(struct rng *rng);

/* pixels[side,side,3] in place; spare[side,side,3] is scratch. */
void trivial_apply(uint8_t *pixels, int side, const struct trivial *trivial, uint8_t *spare);

#endif
