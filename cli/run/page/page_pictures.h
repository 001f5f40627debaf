/* The pictures of a page: photos as the network saw them, and where they speak for a class. */
#ifndef FREEZETUNE_PAGE_PICTURES_H
#define FREEZETUNE_PAGE_PICTURES_H

#include <stdint.h>

#include "cli/model/inference.h"
#include "cli/run/page/page_measured.h"
#include "core/data/resize.h"

enum { PICTURE_SIDE = 160, PICTURE_SMALL = 96, PICTURE_QUALITY = 80 };

struct page_pictures {
    struct inference inference;
    struct resizer *resizer;
    uint32_t *order; /* [chosen] the numbers of answers->chosen in the list of the photos; PAGE_NO_PHOTO */
    const struct photo_batch *batch;
    const struct page_answers *answers;
    size_t side; /* of the network's pictures */
    float *map;  /* [cam_height, cam_width] */
    size_t at;   /* in the batch */
};

#define PAGE_NO_PHOTO UINT32_MAX

struct page_picture {
    uint8_t *jpeg; /* of PICTURE_SIDE; NULL where the photo is gone or cannot be read */
    size_t jpeg_size;
    uint8_t *heat[2]; /* PNG of shade, light where the photo speaks for the answer [0] and for its class [1] */
    size_t heat_size;
};

/* For those chosen of `answers` that this part gave, found by their names. ERR_DATA for a network without maps,
 * ERR_SYSTEM, errors of inference_next. All is borrowed. Free with page_pictures_close, also after an error. */
MUST_CHECK enum status page_pictures_open(struct page_pictures *out, const struct page_source *source,
                                          const struct page_answers *answers, size_t part, struct error *err);
void page_pictures_close(struct page_pictures *pictures);

/* The picture of chosen[i], for those of the part in their order; owned by the caller (page_picture_free). */
MUST_CHECK enum status page_pictures_next(struct page_picture *out, struct page_pictures *pictures, size_t i,
                                          struct error *err);
void page_picture_free(struct page_picture *picture);

/* A square of `from` pixels a side as a JPEG of `side`. */
MUST_CHECK enum status page_picture_encode(uint8_t **out, size_t *size, struct resizer *resizer, const uint8_t *pixels,
                                           size_t from, size_t side, struct error *err);

#endif
