#include "core/data/reduce.h"

#include <math.h>

int reduce_shift(int height, int width, int out_height, int out_width)
{
    int shift = REDUCE_SHIFT_MOST;
    while (shift > 0 && ((height >> shift) < (long long)REDUCE_MARGIN * out_height ||
                         (width >> shift) < (long long)REDUCE_MARGIN * out_width))
        shift--;
    return shift;
}

int reduce_shift_least(int height, int width, int resize, int crop)
{
    int shorter = height < width ? height : width, whole = reduce_shift(shorter, shorter, resize, resize);
    if (crop == 0)
        return whole;
    int least = (int)sqrt(BOX_LEAST_AREA * BOX_LEAST_ASPECT * height * width) - 1; /* sides are rounded */
    int box = reduce_shift(least < shorter ? least : shorter, shorter, crop, crop);
    return box < whole ? box : whole;
}

void reduce_photo_size(int *height, int *width, const struct image *image)
{
    *height = (image->height << image->shift) - image->trim.top - image->trim.bottom;
    *width = (image->width << image->shift) - image->trim.left - image->trim.right;
}

/* Along one side, counted in pixels of the picture: the box `from`..`from + size` of the photo's, and the whole pixels
 * around it. */
struct span {
    int first, count;
    double from, size;
};

static struct span span_of(int from, int size, int shift)
{
    int scale = 1 << shift, first = from >> shift, end = (from + size + scale - 1) >> shift;
    return (struct span){
        .first = first, .count = end - first, .from = (double)from / scale - first, .size = (double)size / scale};
}

struct resize_input reduce_part(const struct image *image, const struct box *box)
{
    struct span rows = span_of(box->top + image->trim.top, box->height, image->shift);
    struct span columns = span_of(box->left + image->trim.left, box->width, image->shift);
    size_t stride = (size_t)image->width * 3;
    return (struct resize_input){
        .pixels = image->pixels + (size_t)rows.first * stride + (size_t)columns.first * 3,
        .height = rows.count,
        .width = columns.count,
        .stride = stride,
        .part = {.top = rows.from, .left = columns.from, .height = rows.size, .width = columns.size}};
}
