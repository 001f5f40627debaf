/* The planes of a picture that libheif has decoded, checked against what the file's header said.
 * Inside core/data only. */
#ifndef FREEZETUNE_HEIF_PLANES_H
#define FREEZETUNE_HEIF_PLANES_H

#include "core/data/heif_boxes.h"
#include "core/data/heif_library.h"
#include "core/data/ycbcr.h"

/* *out borrows the planes of `decoded`; out->premultiplied is left to the caller; undefined on failure. `hidden` is the
 * primary picture whose colours were hidden from libheif (heif_hide.h), NULL where they were not. ERR_DATA, with the
 * reason as its text, for another size than height x width, for planes that do not fit it, and for colours other than
 * YCbCr, RGB, grey. */
MUST_CHECK enum status heif_planes(struct ycbcr *out, const struct heif_library *heif, const struct heif_image *decoded,
                                   const struct heif_primary *hidden, int height, int width, struct error *err);

#endif
