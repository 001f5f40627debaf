#include "core/data/augment.h"

#include <string.h>

#include "core/data/reduce.h"

const char *const augment_names[] = {"none", "flip", "standard", "trivial", NULL};

bool augment_crops(enum augment augment)
{
    return augment == AUGMENT_STANDARD || augment == AUGMENT_TRIVIAL;
}

static void draw_floats(float draws[BOX_DRAWS], struct rng *rng)
{
    for (int i = 0; i < BOX_DRAWS; i++)
        draws[i] = rng_float(rng);
}

struct augment_draws augment_draw(enum augment augment, const struct augment_extras *extras, int crop, int height,
                                  int width, struct rng rng)
{
    struct augment_draws out = {.cropped = augment_crops(augment)};
    float draws[BOX_DRAWS];
    if (out.cropped) {
        draw_floats(draws, &rng);
        out.box = box_crop(height, width, draws);
    }
    out.mirrored = augment == AUGMENT_MIRROR || (augment != AUGMENT_NONE && rng_float(&rng) < 0.5f);
    out.has_trivial = augment == AUGMENT_TRIVIAL;
    if (out.has_trivial)
        out.trivial = trivial_draw(&rng);
    out.has_jitter = out.cropped && jitter_wanted(&extras->jitter);
    if (out.has_jitter)
        out.jitter = jitter_draw(&extras->jitter, &rng);
    if (out.cropped && extras->erasing > 0 && (double)rng_float(&rng) < extras->erasing) {
        draw_floats(draws, &rng);
        out.hole = box_erase(crop, draws);
    }
    return out;
}

int augment_shift(const struct augment_draws *draws, const struct preprocess *preprocess, int height, int width)
{
    if (draws->cropped)
        return reduce_shift(draws->box.height, draws->box.width, preprocess->crop, preprocess->crop);
    int shorter = height < width ? height : width;
    return reduce_shift(shorter, shorter, preprocess->resize, preprocess->resize);
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

static enum status crop_box(uint8_t *out, const struct box *box, const struct preprocess *preprocess,
                            const struct image *image, struct resizer *resizer, struct error *err)
{
    int crop = preprocess->crop;
    struct resize_input in = reduce_part(image, box);
    struct resize_window window = {.height = crop, .width = crop, .rows = crop, .columns = crop};
    return resize_pixels(resizer, out, (size_t)crop * 3, preprocess->interpolation, &window, &in, err);
}

enum status augment_apply(uint8_t *out, const struct augment_draws *draws, const struct preprocess *preprocess,
                          const struct image *image, struct resizer *resizer, uint8_t *spare, struct error *err)
{
    int crop = preprocess->crop;
    enum status status = draws->cropped ? crop_box(out, &draws->box, preprocess, image, resizer, err)
                                        : preprocess_photo(out, preprocess, image, resizer, err);
    if (status != OK)
        return status;
    if (draws->mirrored)
        augment_mirror(out, crop, crop);
    if (draws->has_trivial)
        trivial_apply(out, crop, &draws->trivial, spare);
    if (draws->has_jitter)
        jitter_apply(out, (size_t)crop * (size_t)crop, &draws->jitter);
    return OK;
}
