#include "tests/fuzz/photo_target.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void say_once(const struct image_codec *codec, const char *missing)
{
    static bool said;
    if (!said)
        printf("# %s is not fuzzed: %s\n", codec->name, missing);
    said = true;
}

int photo_target(const uint8_t *data, size_t size, const struct image_codec *codec)
{
    static const struct image_options options = {.max_pixels = 1 << 16};
    static volatile uint8_t sum;
    struct image image = {0};
    struct error err = {0};
    const char *missing = codec->missing ? codec->missing() : NULL;
    if (missing)
        say_once(codec, missing);
    if (missing || !codec->recognises(data, size))
        return -1;
    enum status status = image_decode(&image, data, size, &options, &err);
    if (status != OK && (status != ERR_DATA || err.text[0] == '\0' || strpbrk(err.text, "\r\n")))
        abort();
    size_t pixels = (size_t)image.height * (size_t)image.width;
    if (status == OK && (image.height < 1 || image.width < 1 || pixels > options.max_pixels))
        abort();
    for (size_t i = 0; status == OK && i < 3 * pixels; i++)
        sum = (uint8_t)(sum + image.pixels[i]);
    image_free(&image);
    return 0;
}
