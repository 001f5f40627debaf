/* From a decoded photo of any size to the square that the network sees, to the last bit as others make it of a Pillow
 * image:
 *
 *   FIT_SHORT   torchvision's Resize(resize, interpolation): the short side becomes `resize`, the aspect ratio stays
 *   FIT_SQUASH  Resize((resize, resize), interpolation): both sides do; timm's crop_mode "squash", and Hugging Face's
 *               processors whose size is a height and a width
 *
 *   CENTER_ROUND  then torchvision's CenterCrop(crop), which rounds where an odd number of pixels is cut off
 *   CENTER_FLOOR  or Hugging Face's center_crop, which takes the half of it rounded down
 *
 * A model file carries this struct, so that predict sees what train saw. Mean and deviation are part of it but are not
 * applied here: pixels stay uint8 NHWC until the network's first operator.
 */
#ifndef FREEZETUNE_PREPROCESS_H
#define FREEZETUNE_PREPROCESS_H

#include <stdint.h>

#include "core/base/error.h"
#include "core/data/image.h"
#include "core/data/resize.h"

#define PREPROCESS_MAX_SIDE 16384 /* so that the long side of the longest photo fits an int */

/* Colours lie in 0..1. A network may want them in another range, such as 0..255 (mean 0, deviation 1/255), or 0..65535;
 * with numbers beyond these limits products in the network overflow, or all photos look the same to it. */
#define PREPROCESS_MAX_MEAN 10.0f
#define PREPROCESS_MIN_STD 1e-5f
#define PREPROCESS_MAX_STD 10.0f

enum fit { FIT_SHORT, FIT_SQUASH };
enum center { CENTER_ROUND, CENTER_FLOOR };
extern const char *const fit_names[];    /* "short", "squash", NULL */
extern const char *const center_names[]; /* "round", "floor", NULL */

/* All of it is part of a feature's key (core/features/feature_key.h). */
struct preprocess {
    int resize; /* the short side after the resize, 1..PREPROCESS_MAX_SIDE, the long side int(resize * long / short); or
                   both sides, for FIT_SQUASH */
    int crop;   /* side of the square out of the middle, 1..PREPROCESS_MAX_SIDE */
    float mean[3];                    /* of r, g, b in 0..1; at most PREPROCESS_MAX_MEAN from 0 */
    float std[3];                     /* PREPROCESS_MIN_STD..PREPROCESS_MAX_STD */
    enum interpolation interpolation; /* of every resize, that of random crops too; bilinear where nothing is said */
    enum fit fit;
    enum center center;
};

/* 256, 224 and ImageNet's mean and deviation: torchvision's reference values. */
struct preprocess preprocess_imagenet(void);

/* `base` for a square of another size: crop = size, resize = size * base.resize / base.crop rounded to nearest. May be
 * out of range: preprocess_check. */
struct preprocess preprocess_scaled(const struct preprocess *base, int size);

/* The same of preprocess_imagenet: 256 for 224. */
struct preprocess preprocess_for_size(int size);

/* ERR_DATA when a value is out of range or not a number; `where` begins the message. */
MUST_CHECK enum status preprocess_check(const struct preprocess *preprocess, const char *where, struct error *err);

/* out[crop,crop,3] = the middle of the resized photo. OVERWRITES. A crop larger than the resized photo is
 * padded with 0 (black). ERR_SYSTEM without memory. */
MUST_CHECK enum status preprocess_photo(uint8_t *out, const struct preprocess *preprocess, const struct image *image,
                                        struct resizer *resizer, struct error *err);

#endif
