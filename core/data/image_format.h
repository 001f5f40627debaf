/* What can be known of a photo file without decoding it: format, size, orientation, and whether it is whole. Inside
 * core/data only; everyone else uses image.h. Texts are reasons without a path. */
#ifndef FREEZETUNE_IMAGE_FORMAT_H
#define FREEZETUNE_IMAGE_FORMAT_H

#include "core/data/image.h"

/* Reads the header from the first `have` of `size` bytes. With have < size, *more is set, and OK returned, when the
 * header goes on behind them: call again with more. ERR_DATA for what is no photo, is too large or is malformed. */
MUST_CHECK enum status image_examine(struct image_info *out, bool *more, const uint8_t *bytes, size_t have, size_t size,
                                     const struct image_options *options, struct error *err);

/* The end mark within the last `have` bytes of the file (which begin at byte `from`): true is certain enough for a
 * first look, false means that image_whole must decide. */
bool image_end_seen(const struct image_info *info, const uint8_t *tail, size_t from, size_t have);

/* Walks through all bytes: ERR_DATA when the file ends early, a PNG checksum does not hold, or a JPEG has more scans
 * than a photo has. Fills a PNG's orientation into *info. */
MUST_CHECK enum status image_whole(struct image_info *info, const uint8_t *bytes, size_t size, struct error *err);

/* The orientation that a TIFF structure (the body of EXIF) holds in its first directory; 1 for none or a bad one. */
int exif_orientation(const uint8_t *tiff, size_t size);

/* Decoders. out->pixels is set on success only; *info has been checked. Orientation is not their business. */
MUST_CHECK enum status image_decode_jpeg(struct image *out, const struct image_info *info, const uint8_t *bytes,
                                         size_t size, int shift, struct error *err);
MUST_CHECK enum status image_decode_stb(struct image *out, const struct image_info *info, const uint8_t *bytes,
                                        size_t size, struct error *err);

#endif
