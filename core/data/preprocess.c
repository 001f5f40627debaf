#include "core/data/preprocess.h"

#include <math.h>
#include <string.h>

#include "core/data/reduce.h"

const char *const fit_names[] = {"short", "squash", NULL};
const char *const center_names[] = {"round", "floor", NULL};

struct preprocess preprocess_imagenet(void)
{
    return (struct preprocess){
        .resize = 256, .crop = 224, .mean = {0.485f, 0.456f, 0.406f}, .std = {0.229f, 0.224f, 0.225f}};
}

struct preprocess preprocess_scaled(const struct preprocess *base, int size)
{
    struct preprocess preprocess = *base;
    preprocess.crop = size;
    preprocess.resize = (int)(((long long)size * base->resize + base->crop / 2) / base->crop);
    return preprocess;
}

struct preprocess preprocess_for_size(int size)
{
    const struct preprocess base = preprocess_imagenet();
    return preprocess_scaled(&base, size);
}

/* Numbers for pixels of 0..255 are the common mistake. */
static const char *bytes_hint(float value)
{
    return value > 1 && value <= 255 ? "; colours are 0 to 1 here: divide a value for 0 to 255 by 255" : "";
}

enum status preprocess_check(const struct preprocess *preprocess, const char *where, struct error *err)
{
    if (preprocess->resize < 1 || preprocess->resize > PREPROCESS_MAX_SIDE || preprocess->crop < 1 ||
        preprocess->crop > PREPROCESS_MAX_SIDE)
        return error_set(err, ERR_DATA, "%s: resize to %d and crop to %d pixels: both must be 1 to %d", where,
                         preprocess->resize, preprocess->crop, PREPROCESS_MAX_SIDE);
    for (int c = 0; c < 3; c++) {
        float mean = preprocess->mean[c], std = preprocess->std[c];
        if (!(fabsf(mean) <= PREPROCESS_MAX_MEAN))
            return error_set(err, ERR_DATA, "%s: mean %g of colour %d: must be -%g to %g%s", where, (double)mean, c,
                             (double)PREPROCESS_MAX_MEAN, (double)PREPROCESS_MAX_MEAN, bytes_hint(mean));
        if (!(std >= PREPROCESS_MIN_STD && std <= PREPROCESS_MAX_STD))
            return error_set(err, ERR_DATA, "%s: deviation %g of colour %d: must be %g to %g%s", where, (double)std, c,
                             (double)PREPROCESS_MIN_STD, (double)PREPROCESS_MAX_STD, bytes_hint(std));
    }
    return OK;
}

/* Along one side: which part of `resized` pixels the crop shows, and where in the crop it begins. torchvision pads a
 * side that is too short by (crop - resized) / 2 first, and then cuts at round((have - crop) / 2), half to even.
 * Hugging Face pads by that half rounded up, and cuts at it rounded down. */
struct cut {
    int from, count, at;
};

static struct cut cut_middle(int resized, int crop, enum center center)
{
    bool floors = center == CENTER_FLOOR;
    if (resized < crop)
        return (struct cut){.from = 0, .count = resized, .at = (crop - resized + (floors ? 1 : 0)) / 2};
    int half = floors ? (resized - crop) / 2 : (int)nearbyint((resized - crop) / 2.0);
    return (struct cut){.from = half, .count = crop, .at = 0};
}

/* The size of the resized photo. */
static void fit_photo(int *height, int *width, const struct preprocess *preprocess, const struct box *whole)
{
    bool wide = whole->width >= whole->height;
    long long longer = wide ? whole->width : whole->height, shorter = wide ? whole->height : whole->width;
    int side = preprocess->resize;
    if (preprocess->fit == FIT_SHORT)
        side = (int)((double)(preprocess->resize * longer) / (double)shorter);
    *height = wide ? preprocess->resize : side;
    *width = wide ? side : preprocess->resize;
}

enum status preprocess_photo(uint8_t *out, const struct preprocess *preprocess, const struct image *image,
                             struct resizer *resizer, struct error *err)
{
    struct box whole = {0};
    int height, width, crop = preprocess->crop;
    reduce_photo_size(&whole.height, &whole.width, image);
    fit_photo(&height, &width, preprocess, &whole);
    struct cut rows = cut_middle(height, crop, preprocess->center);
    struct cut columns = cut_middle(width, crop, preprocess->center);
    struct resize_input in = reduce_part(image, &whole);
    struct resize_window window = {.height = height,
                                   .width = width,
                                   .top = rows.from,
                                   .left = columns.from,
                                   .rows = rows.count,
                                   .columns = columns.count};
    if (rows.count < crop || columns.count < crop)
        memset(out, 0, (size_t)crop * (size_t)crop * 3);
    size_t stride = (size_t)crop * 3;
    return resize_pixels(resizer, out + (size_t)rows.at * stride + (size_t)columns.at * 3, stride,
                         preprocess->interpolation, &window, &in, err);
}
