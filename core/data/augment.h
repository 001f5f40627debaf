/* What happens to a photo in training, as torchvision's transforms define it and in the order of its reference recipes.
 *
 *   none      Resize + CenterCrop, as in evaluation
 *   flip      that, mirrored with probability 1/2
 *   standard  RandomResizedCrop(crop, scale=(0.08, 1), ratio=(3/4, 4/3)), mirrored with probability 1/2
 *   trivial   as standard, then TrivialAugmentWide (trivial.h)
 *   mirror    as none, always mirrored: a fixed view of flip (photo_view.h), which nobody can ask for
 *
 * standard and trivial may go on with two more, each off unless asked for:
 *
 *   jitter    ColorJitter (jitter.h)
 *   erasing   RandomErasing(p, value=0), which comes after the normalisation: a box of the square becomes 0 there, the
 *             mean colour. No byte is exactly that, so the box is handed on beside the pixels
 *
 * All that is random is a number of draws from rng_stream(seed, RNG_AUGMENT, epoch, photo), so a photo's fate depends
 * on these four and nothing else. Their order: the crop's box (BOX_DRAWS), the flip, the operation of trivial, the
 * jitter, the erasing (whether, then BOX_DRAWS). What is off draws nothing.
 */
#ifndef FREEZETUNE_AUGMENT_H
#define FREEZETUNE_AUGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/rng.h"
#include "core/data/box.h"
#include "core/data/image.h"
#include "core/data/jitter.h"
#include "core/data/preprocess.h"
#include "core/data/resize.h"
#include "core/data/trivial.h"

enum augment { AUGMENT_NONE, AUGMENT_FLIP, AUGMENT_STANDARD, AUGMENT_TRIVIAL, AUGMENT_MIRROR };

extern const char *const augment_names[]; /* "none", "flip", "standard", "trivial", NULL */

/* Whether random boxes are cut out: standard and trivial. */
bool augment_crops(enum augment augment);

/* What standard and trivial go on with; zeroed: nothing. */
struct augment_extras {
    struct jitter_options jitter;
    double erasing; /* probability */
};

/* What the draws say of one photo. */
struct augment_draws {
    bool cropped;   /* to `box`; else the middle is taken */
    struct box box; /* of the photo */
    bool mirrored;
    bool has_trivial, has_jitter;
    struct trivial trivial;
    struct jitter jitter;
    struct box hole; /* of the square; height 0: none */
};

/* For a height x width photo that becomes a square of `crop` pixels. */
struct augment_draws augment_draw(enum augment augment, const struct augment_extras *extras, int crop, int height,
                                  int width, struct rng rng);

/* At which part of its sides a height x width photo may be decoded for that, see reduce.h. */
int augment_shift(const struct augment_draws *draws, const struct preprocess *preprocess, int height, int width);

/* out[crop,crop,3] = the photo as the draws say, but for the hole. OVERWRITES. spare[crop,crop,3] is scratch, for
 * trivial alone. ERR_SYSTEM without memory. */
MUST_CHECK enum status augment_apply(uint8_t *out, const struct augment_draws *draws,
                                     const struct preprocess *preprocess, const struct image *image,
                                     struct resizer *resizer, uint8_t *spare, struct error *err);

/* Mirrors pixels[height,width,3] left to right, in place. */
void augment_mirror(uint8_t *pixels, int height, int width);

#endif
