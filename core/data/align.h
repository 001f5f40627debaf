/* Whether two photos show the same picture: turned by a quarter, mirrored, turned a little, cut at the edges, brighter,
 * smaller, compressed again.
 *
 * Each photo has a small grey picture of all of it, whatever its shape. One is laid over the other, mirrored and turned
 * in the eight ways, and from there moved, turned and enlarged by small steps as long as they agree better: a
 * pattern search (Hooke and Jeeves, "Direct search", 1961). The measure is the correlation of their grey within the
 * middle three quarters each way, so that light and contrast cancel and edges that only one of them has do not count.
 */
#ifndef FREEZETUNE_ALIGN_H
#define FREEZETUNE_ALIGN_H

#include <stdint.h>

#include "core/base/error.h"
#include "core/data/image.h"
#include "core/data/resize.h"

enum { ALIGN_SIDE = 32 };

struct align_photo {
    uint8_t grey[ALIGN_SIDE * ALIGN_SIDE];
    float aspect; /* width / height of the photo; 0: there is none */
};

/* ERR_SYSTEM without memory. */
MUST_CHECK enum status align_prepare(struct align_photo *out, const struct image *image, struct resizer *resizer,
                                     struct error *err);

/* -1..1: the best correlation that was found; 0 where one of both has a single grey. It is exact only where it may
 * reach `least`: a search far below that is given up. Symmetric only nearly: the search begins at b. */
float align_correlation(const struct align_photo *a, const struct align_photo *b, float least);

#endif
