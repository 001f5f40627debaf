/* What can be measured of a photo without knowing what it shows: its size, whether it is dark, bright, of one colour or
 * blurred.
 *
 * Light and sharpness are measured on the middle square of the upright photo, resized to QUALITY_SIDE (a smaller photo
 * keeps its size: pixels that are made up would look blurred). Grey is (299 R + 587 G + 114 B) / 1000 of ITU-R BT.601,
 * rounded. Sums add integers, so that their order does not matter.
 *
 *   dark, light   the 99th and the 5th percentile of grey: hardly a pixel is brighter, hardly one is darker
 *   spread        the largest standard deviation of red, green and blue
 *   sharpness     the variance of the Laplacian 4 g(y,x) - g(y-1,x) - g(y+1,x) - g(y,x-1) - g(y,x+1) of grey, divided
 *                 by the variance of grey, so that contrast and light cancel (Pech-Pacheco and others, "Diatom
 *                 autofocusing in brightfield microscopy", 2000, has the variance of the Laplacian)
 */
#ifndef FREEZETUNE_QUALITY_H
#define FREEZETUNE_QUALITY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/data/image.h"
#include "core/data/resize.h"

enum { QUALITY_SIDE = 256 };

struct quality {
    int height, width; /* of the upright photo, in pixels */
    bool damaged;      /* it could be decoded all the same (image.damaged) */
    uint8_t dark, light;
    float spread;
    float sharpness; /* 0 where the photo is smaller than 3 pixels or of one colour */
};

/* For one thread. */
struct quality_scratch {
    struct resizer *resizer;
    uint8_t *pixels; /* [QUALITY_SIDE,QUALITY_SIDE,3] */
    int16_t *grey;   /* [QUALITY_SIDE,QUALITY_SIDE] */
};

/* ERR_SYSTEM without memory. */
MUST_CHECK enum status quality_scratch_init(struct quality_scratch *scratch, struct error *err);
/* Fine on zeroes and on what quality_scratch_init could not finish. */
void quality_scratch_free(struct quality_scratch *scratch);

/* Decodes a JPEG as small as the measure allows (core/data/reduce.h). Errors of image_open and image_load. */
MUST_CHECK enum status quality_load(struct image *out, const char *path, const struct image_options *options,
                                    struct error *err);

/* ERR_SYSTEM without memory. */
MUST_CHECK enum status quality_measure(struct quality *out, const struct image *image, struct quality_scratch *scratch,
                                       struct error *err);

#endif
