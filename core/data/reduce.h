/* Photos that are decoded smaller than they are: `--decode fast`. A JPEG decoder can leave out the high frequencies of
 * each 8x8 block and give a half, a quarter or an eighth of each side, for less work and memory.
 *
 * The scale is the smallest at which what is wanted of the photo still has REDUCE_MARGIN times the pixels, each way,
 * that it is resized to; the resize does the rest. What is wanted keeps its place in the photo's own pixels: a random
 * crop is the same one, and its edges may fall within a pixel of the smaller picture, as Pillow's Image.resize(box=)
 * takes them.
 */
#ifndef FREEZETUNE_REDUCE_H
#define FREEZETUNE_REDUCE_H

#include "core/data/box.h"
#include "core/data/image.h"
#include "core/data/resize.h"

enum { REDUCE_MARGIN = 2, REDUCE_SHIFT_MOST = 3 };

/* The shift for a height x width part of a photo that is resized to out_height x out_width. */
int reduce_shift(int height, int width, int out_height, int out_width);

/* The least shift that a height x width photo can come to when its short side is resized to `resize`, or, unless `crop`
 * is 0, a random box of it (box_crop) to a square of `crop`. */
int reduce_shift_least(int height, int width, int resize, int crop);

/* The size of the photo, which is that of the picture unless it was decoded smaller. */
void reduce_photo_size(int *height, int *width, const struct image *image);

/* A box of the photo as the input of a resize: the pixels that it covers, whole or in part. */
struct resize_input reduce_part(const struct image *image, const struct box *box);

#endif
