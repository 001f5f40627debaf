/* Pixels become a JPEG whose decoding gives nearly the pixels. */
#include "tests/support/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/data/image.h"
#include "core/data/jpeg_encode.h"

/* A smooth picture: each channel has a slope and a period of its own. */
static uint8_t *picture(size_t height, size_t width)
{
    uint8_t *pixels = malloc(height * width * 3);
    assert_non_null(pixels);
    for (size_t y = 0; y < height; y++)
        for (size_t x = 0; x < width; x++)
            for (size_t c = 0; c < 3; c++)
                pixels[(y * width + x) * 3 + c] =
                    (uint8_t)(128 + 90 * sin(0.05 * (double)(c + 1) * (double)x) * cos(0.04 * (double)y + (double)c));
    return pixels;
}

/* The mean difference of the decoded picture from the pixels, in grey levels; *size: of the JPEG. */
static double mean_off(size_t *size, size_t height, size_t width, int quality)
{
    struct error err;
    uint8_t *pixels = picture(height, width), *jpeg;
    struct image image;
    double sum = 0;
    assert_int_equal(jpeg_encode(&jpeg, size, pixels, height, width, quality, &err), OK);
    assert_int_equal(image_decode(&image, jpeg, *size, NULL, &err), OK);
    assert_int_equal(image.height, height);
    assert_int_equal(image.width, width);
    assert_false(image.damaged);
    for (size_t i = 0; i < height * width * 3; i++)
        sum += abs(image.pixels[i] - pixels[i]);
    image_free(&image);
    memory_free(jpeg);
    free(pixels);
    return sum / (double)(height * width * 3);
}

static void decoding_gives_nearly_the_pixels(void **state)
{
    (void)state;
    static const size_t sides[][2] = {{64, 64}, {224, 224}, {61, 47}, {40, 300}};
    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++) {
        size_t small, medium, large;
        double worst = mean_off(&small, sides[i][0], sides[i][1], 30);
        double middle = mean_off(&medium, sides[i][0], sides[i][1], 80);
        double best = mean_off(&large, sides[i][0], sides[i][1], 100);
        if (worst > 6 || middle > 3 || best > 0.8 || best > middle || middle > worst)
            fail_msg("%zux%zu: %.2f, %.2f and %.2f grey levels off", sides[i][0], sides[i][1], worst, middle, best);
        assert_true(small < medium && medium < large);
    }
}

/* A pixel alone has whole blocks made up around it, and none of them shows. */
static void a_pixel_is_a_picture(void **state)
{
    (void)state;
    size_t size;
    assert_true(mean_off(&size, 1, 1, 95) <= 2);
    assert_true(mean_off(&size, 1, 17, 95) <= 3);
}

static void the_same_pixels_give_the_same_bytes(void **state)
{
    (void)state;
    struct error err;
    uint8_t *pixels = picture(50, 70), *first, *second;
    size_t first_size, second_size;
    assert_int_equal(jpeg_encode(&first, &first_size, pixels, 50, 70, 80, &err), OK);
    assert_int_equal(jpeg_encode(&second, &second_size, pixels, 50, 70, 80, &err), OK);
    assert_int_equal(first_size, second_size);
    assert_memory_equal(first, second, first_size);
    memory_free(first);
    memory_free(second);
    free(pixels);
}

static void impossible_sides_are_refused(void **state)
{
    (void)state;
    struct error err;
    uint8_t pixel[3] = {0}, *jpeg;
    size_t size;
    assert_int_equal(jpeg_encode(&jpeg, &size, pixel, 0, 1, 80, &err), ERR_DATA);
    assert_int_equal(jpeg_encode(&jpeg, &size, pixel, 1, IMAGE_MAX_SIDE + 1, 80, &err), ERR_DATA);
    assert_non_null(strstr(err.text, "65536x1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoding_gives_nearly_the_pixels),
        cmocka_unit_test(a_pixel_is_a_picture),
        cmocka_unit_test(the_same_pixels_give_the_same_bytes),
        cmocka_unit_test(impossible_sides_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
