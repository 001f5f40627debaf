/* Photos of at most 64 Ki pixels. */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "core/data/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct image_options options = {.max_pixels = 1 << 16};
    struct image image;
    struct error err = {0};
    enum status status = image_decode(&image, data, size, &options, &err);
    if (status != OK && status != ERR_DATA)
        abort();
    if (status != OK)
        return 0;
    if (image.height < 1 || image.width < 1 || (size_t)image.height * (size_t)image.width > options.max_pixels)
        abort();
    static volatile uint8_t sum;
    for (size_t i = 0; i < (size_t)image.height * (size_t)image.width * 3; i++)
        sum = (uint8_t)(sum + image.pixels[i]);
    image_free(&image);
    return 0;
}
