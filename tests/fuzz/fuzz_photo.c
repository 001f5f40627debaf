/* Photos of at most 64 Ki pixels, as they are and at a half, a quarter and an eighth of their sides. */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "core/data/image.h"
#include "core/data/image_format.h"

static const struct image_options options = {.max_pixels = 1 << 16};

/* Touches every byte. */
static void look_at(const struct image *image)
{
    static volatile uint8_t sum;
    if (image->height < 1 || image->width < 1 || (size_t)image->height * (size_t)image->width > options.max_pixels)
        abort();
    for (size_t i = 0; i < (size_t)image->height * (size_t)image->width * 3; i++)
        sum = (uint8_t)(sum + image->pixels[i]);
}

static void decode_smaller(const uint8_t *data, size_t size, const struct image *whole)
{
    struct image_file file = {.bytes = (uint8_t *)data, .size = size};
    struct error err = {0};
    bool more;
    if (image_examine(&file.info, &more, data, size, size, &options, &err) != OK ||
        image_whole(&file.info, data, size, &err) != OK)
        abort();
    for (int shift = 1; shift <= 3; shift++) {
        struct image image;
        if (image_load(&image, &file, shift, &options, &err) != OK)
            continue;
        look_at(&image);
        if (((image.height << image.shift) - image.trim.top - image.trim.bottom) != whole->height ||
            ((image.width << image.shift) - image.trim.left - image.trim.right) != whole->width)
            abort();
        image_free(&image);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct image image;
    struct error err = {0};
    enum status status = image_decode(&image, data, size, &options, &err);
    if (status != OK && status != ERR_DATA)
        abort();
    if (status != OK)
        return 0;
    look_at(&image);
    decode_smaller(data, size, &image);
    image_free(&image);
    return 0;
}
