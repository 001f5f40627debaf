/* Random crops and flips for training, as torchvision's RandomResizedCrop and RandomHorizontalFlip define them.
 *
 *   none      Resize + CenterCrop, as in evaluation
 *   flip      that, mirrored with probability 1/2
 *   standard  RandomResizedCrop(crop, scale=(0.08, 1), ratio=(3/4, 4/3)), mirrored with probability 1/2
 *
 * All that is random is a handful of uniform numbers from rng_stream(seed, RNG_AUGMENT, epoch, photo), so a photo's
 * fate depends on these four and nothing else.
 */
#ifndef FREEZETUNE_AUGMENT_H
#define FREEZETUNE_AUGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/rng.h"
#include "core/data/image.h"
#include "core/data/preprocess.h"
#include "core/data/resize.h"

enum augment { AUGMENT_NONE, AUGMENT_FLIP, AUGMENT_STANDARD };

extern const char *const augment_names[]; /* "none", "flip", "standard", NULL */

struct augment_box {
    int top, left, height, width;
};

enum { AUGMENT_TRIES = 10, AUGMENT_DRAWS = 2 * AUGMENT_TRIES + 2 };

/* The crop that RandomResizedCrop takes from a height x width photo. draws are uniform in [0, 1): area and aspect of
 * try 1, of try 2, ..., then top and left. The first try whose box fits is taken; when none does, the largest box in
 * the middle whose aspect is allowed. */
struct augment_box augment_crop(int height, int width, const float draws[AUGMENT_DRAWS]);

/* out[crop,crop,3] = the photo, cropped, resized and mirrored as `augment` says. OVERWRITES. ERR_SYSTEM without
 * memory. */
MUST_CHECK enum status augment_photo(uint8_t *out, enum augment augment, const struct preprocess *preprocess,
                                     const struct image *image, struct rng rng, struct resizer *resizer,
                                     struct error *err);

/* Mirrors pixels[height,width,3] left to right, in place. */
void augment_mirror(uint8_t *pixels, int height, int width);

#endif
