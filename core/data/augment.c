#include "core/data/augment.h"

#include <math.h>
#include <string.h>

const char *const augment_names[] = {"none", "flip", "standard", NULL};

/* torchvision draws float32 numbers: u * (to - from) + from, and takes the aspect from the exponential of one. */
static double draw_between(float u, float from, float to)
{
    return (double)(u * (to - from) + from);
}

static struct augment_box largest_allowed(int height, int width)
{
    double low = 3.0 / 4, high = 4.0 / 3, ratio = (double)width / height;
    struct augment_box box = {.height = height, .width = width};
    if (ratio < low)
        box.height = (int)nearbyint(width / low);
    else if (ratio > high)
        box.width = (int)nearbyint(height * high);
    box.top = (height - box.height) / 2;
    box.left = (width - box.width) / 2;
    return box;
}

/* A uniform draw in [0, 1) to 0..n-1. */
static int draw_below(float u, int n)
{
    int value = (int)((double)u * n);
    return value < n ? value : n - 1;
}

struct augment_box augment_crop(int height, int width, const float draws[AUGMENT_DRAWS])
{
    const float low = logf(3.0f / 4), high = logf(4.0f / 3);
    double area = (double)height * width;
    for (int try = 0; try < AUGMENT_TRIES; try++) {
        double target = area * draw_between(draws[2 * try], 0.08f, 1.0f);
        double aspect = (float)exp(draw_between(draws[2 * try + 1], low, high));
        double w = nearbyint(sqrt(target * aspect)), h = nearbyint(sqrt(target / aspect));
        if (!(w > 0 && w <= width && h > 0 && h <= height))
            continue;
        struct augment_box box = {.height = (int)h, .width = (int)w};
        box.top = draw_below(draws[2 * AUGMENT_TRIES], height - box.height + 1);
        box.left = draw_below(draws[2 * AUGMENT_TRIES + 1], width - box.width + 1);
        return box;
    }
    return largest_allowed(height, width);
}

void augment_mirror(uint8_t *pixels, int height, int width)
{
    for (int y = 0; y < height; y++, pixels += (size_t)width * 3) {
        uint8_t *left = pixels, *right = pixels + (size_t)(width - 1) * 3;
        for (; left < right; left += 3, right -= 3) {
            uint8_t kept[3];
            memcpy(kept, left, 3);
            memcpy(left, right, 3);
            memcpy(right, kept, 3);
        }
    }
}

enum status augment_photo(uint8_t *out, enum augment augment, const struct preprocess *preprocess,
                          const struct image *image, struct rng rng, struct resizer *resizer, struct error *err)
{
    enum status status;
    int crop = preprocess->crop;
    if (augment == AUGMENT_STANDARD) {
        float draws[AUGMENT_DRAWS];
        for (int i = 0; i < AUGMENT_DRAWS; i++)
            draws[i] = rng_float(&rng);
        struct augment_box box = augment_crop(image->height, image->width, draws);
        size_t stride = (size_t)image->width * 3;
        struct resize_input in = {.pixels = image->pixels + (size_t)box.top * stride + (size_t)box.left * 3,
                                  .height = box.height,
                                  .width = box.width,
                                  .stride = stride};
        struct resize_window window = {.height = crop, .width = crop, .rows = crop, .columns = crop};
        status = resize_pixels(resizer, out, (size_t)crop * 3, preprocess->interpolation, &window, &in, err);
    } else {
        status = preprocess_photo(out, preprocess, image, resizer, err);
    }
    if (status == OK && augment != AUGMENT_NONE && rng_float(&rng) < 0.5f)
        augment_mirror(out, crop, crop);
    return status;
}
