/* Resize and preprocessing against Pillow and torchvision: scripts/make_photo_fixtures.py wrote the tables. */
#include "tests/support/test.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/data/preprocess.h"
#include "core/data/resize.h"
#include "tests/support/test_files.h"

static uint8_t *new_pixels(int height, int width)
{
    void *pixels;
    assert_int_equal(memory_alloc(&pixels, (size_t)height * (size_t)width, 3, "pixels", NULL), OK);
    memset(pixels, 0xA5, (size_t)height * (size_t)width * 3);
    return pixels;
}

static enum interpolation named(const char *name)
{
    size_t i = 0;
    while (interpolation_names[i] && strcmp(interpolation_names[i], name) != 0)
        i++;
    assert_non_null(interpolation_names[i]);
    return (enum interpolation)i;
}

static void equals_pillow_in_every_size(void **state)
{
    (void)state;
    struct resizer *resizer;
    struct error err = {0};
    char line[256], name[16];
    int rows = 0;
    FILE *table = fopen("tests/fixtures/resize.tsv", "r");
    assert_non_null(table);
    assert_int_equal(resizer_create(&resizer, &err), OK);
    while (fgets(line, sizeof line, table)) {
        int height, width, top, left, rows_in, columns_in, out_height, out_width;
        uint64_t expected;
        if (line[0] == '#')
            continue;
        assert_int_equal(sscanf(line, "%15s %d %d %d %d %d %d %d %d %" SCNx64, name, &height, &width, &top, &left,
                                &rows_in, &columns_in, &out_height, &out_width, &expected),
                         10);
        struct image image = test_pattern(height, width);
        struct resize_input in = {.pixels = image.pixels + 3 * ((size_t)top * (size_t)width + (size_t)left),
                                  .height = rows_in,
                                  .width = columns_in,
                                  .stride = (size_t)width * 3};
        struct resize_window window = {out_height, out_width, 0, 0, out_height, out_width};
        uint8_t *out = new_pixels(out_height, out_width);
        assert_int_equal(resize_pixels(resizer, out, (size_t)out_width * 3, named(name), &window, &in, &err), OK);
        if (test_fnv(out, (size_t)out_height * (size_t)out_width * 3) != expected)
            fail_msg("other pixels than Pillow's: %s", line);
        memory_free(out);
        image_free(&image);
        rows++;
    }
    fclose(table);
    resizer_destroy(resizer);
    assert_true(rows >= 100);
}

/* A window holds what the whole resized picture holds there, and nothing beside it is touched. */
static void a_window_is_a_part_of_the_whole(void **state)
{
    (void)state;
    enum { HEIGHT = 50, WIDTH = 37, TOP = 11, LEFT = 5, ROWS = 20, COLUMNS = 31, STRIDE = WIDTH * 3 };
    struct resizer *resizer;
    struct error err = {0};
    struct image image = test_pattern(90, 71);
    struct resize_input in = {
        .pixels = image.pixels, .height = image.height, .width = image.width, .stride = (size_t)image.width * 3};
    uint8_t *whole = new_pixels(HEIGHT, WIDTH), *part = new_pixels(HEIGHT, WIDTH);
    assert_int_equal(resizer_create(&resizer, &err), OK);
    struct resize_window all = {HEIGHT, WIDTH, 0, 0, HEIGHT, WIDTH}, window = {HEIGHT, WIDTH, TOP, LEFT, ROWS, COLUMNS};
    assert_int_equal(resize_pixels(resizer, whole, STRIDE, INTERPOLATION_BICUBIC, &all, &in, &err), OK);
    assert_int_equal(
        resize_pixels(resizer, part + TOP * STRIDE + LEFT * 3, STRIDE, INTERPOLATION_BICUBIC, &window, &in, &err), OK);
    for (int y = 0; y < HEIGHT; y++) {
        for (int x = 0; x < STRIDE; x++) {
            bool inside = y >= TOP && y < TOP + ROWS && x >= LEFT * 3 && x < (LEFT + COLUMNS) * 3;
            assert_int_equal(part[y * STRIDE + x], inside ? whole[y * STRIDE + x] : 0xA5);
        }
    }
    memory_free(whole);
    memory_free(part);
    image_free(&image);
    resizer_destroy(resizer);
}

static void preprocessing_equals_torchvision(void **state)
{
    (void)state;
    struct resizer *resizer;
    struct error err = {0};
    char line[256], name[16], fit[16], center[16];
    int rows = 0;
    FILE *table = fopen("tests/fixtures/preprocess.tsv", "r");
    assert_non_null(table);
    assert_int_equal(resizer_create(&resizer, &err), OK);
    while (fgets(line, sizeof line, table)) {
        int height, width;
        uint64_t expected;
        struct preprocess preprocess = preprocess_imagenet();
        if (line[0] == '#')
            continue;
        assert_int_equal(sscanf(line, "%15s %d %d %d %d %15s %15s %" SCNx64, name, &height, &width, &preprocess.resize,
                                &preprocess.crop, fit, center, &expected),
                         8);
        preprocess.interpolation = named(name);
        assert_true(strcmp(fit, fit_names[FIT_SQUASH]) == 0 || strcmp(fit, fit_names[FIT_SHORT]) == 0);
        assert_true(strcmp(center, center_names[CENTER_FLOOR]) == 0 || strcmp(center, center_names[CENTER_ROUND]) == 0);
        preprocess.fit = strcmp(fit, "squash") == 0 ? FIT_SQUASH : FIT_SHORT;
        preprocess.center = strcmp(center, "floor") == 0 ? CENTER_FLOOR : CENTER_ROUND;
        struct image image = test_pattern(height, width);
        uint8_t *out = new_pixels(preprocess.crop, preprocess.crop);
        assert_int_equal(preprocess_photo(out, &preprocess, &image, resizer, &err), OK);
        if (test_fnv(out, (size_t)preprocess.crop * (size_t)preprocess.crop * 3) != expected)
            fail_msg("other pixels than torchvision's or Hugging Face's: %s", line);
        memory_free(out);
        image_free(&image);
        rows++;
    }
    fclose(table);
    resizer_destroy(resizer);
    assert_true(rows >= 30);
}

/* A picture one pixel high grows to 3 million pixels in length; only the middle of them is ever made. */
static void a_very_long_picture_costs_little(void **state)
{
    (void)state;
    struct resizer *resizer;
    struct error err = {0};
    struct preprocess preprocess = preprocess_imagenet();
    struct image image = test_pattern(1, IMAGE_MAX_SIDE);
    uint8_t *out = new_pixels(224, 224);
    assert_int_equal(resizer_create(&resizer, &err), OK);
    assert_int_equal(preprocess_photo(out, &preprocess, &image, resizer, &err), OK);
    assert_memory_equal(out, out + 223 * 224 * 3, 224 * 3);
    preprocess.resize = PREPROCESS_MAX_SIDE; /* and a thousand million: an int holds them */
    assert_int_equal(preprocess_photo(out, &preprocess, &image, resizer, &err), OK);
    assert_memory_equal(out, out + 223 * 224 * 3, 224 * 3);
    memory_free(out);
    image_free(&image);
    resizer_destroy(resizer);
}

static void settings_out_of_range_are_refused(void **state)
{
    (void)state;
    struct error err = {0};
    struct preprocess good = preprocess_for_size(224), bad;
    assert_int_equal(good.resize, 256);
    assert_int_equal(preprocess_for_size(32).resize, 37);
    const struct preprocess narrow = {.resize = 232, .crop = 224, .mean = {0.25f}, .std = {0.5f}};
    struct preprocess scaled = preprocess_scaled(&narrow, 160);
    assert_int_equal(scaled.resize, 166); /* 165.7 */
    assert_int_equal(scaled.crop, 160);
    assert_true(scaled.mean[0] == 0.25f && scaled.std[0] == 0.5f);
    assert_int_equal(preprocess_scaled(&narrow, 224).resize, 232);
    assert_int_equal(preprocess_check(&good, "m", &err), OK);
    bad = good;
    bad.crop = 0;
    assert_int_equal(preprocess_check(&bad, "m", &err), ERR_DATA);
    bad = good;
    bad.resize = PREPROCESS_MAX_SIDE + 1;
    assert_int_equal(preprocess_check(&bad, "m", &err), ERR_DATA);
    bad = good;
    bad.std[2] = 0;
    assert_int_equal(preprocess_check(&bad, "m", &err), ERR_DATA);
    bad = good;
    bad.mean[1] = strtof("nan", NULL);
    assert_int_equal(preprocess_check(&bad, "m", &err), ERR_DATA);
    assert_non_null(strstr(err.text, "m: "));
}

/* Only for a value that was meant for pixels of 0 to 255. */
static void a_value_for_bytes_gets_a_hint(void **state)
{
    (void)state;
    static const struct {
        float mean, std;
        bool hint;
    } cases[] = {{123.675f, 0.229f, true},
                 {0.485f, 58.395f, true},
                 {0.485f, 1e-6f, false},
                 {0.485f, 300, false},
                 {-20, 0.229f, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error err = {0};
        struct preprocess bad = preprocess_for_size(224);
        bad.mean[1] = cases[i].mean;
        bad.std[1] = cases[i].std;
        assert_int_equal(preprocess_check(&bad, "m", &err), ERR_DATA);
        if (!strstr(err.text, "by 255") == cases[i].hint)
            fail_msg("mean %g, deviation %g: %s", (double)cases[i].mean, (double)cases[i].std, err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_pillow_in_every_size),       cmocka_unit_test(a_window_is_a_part_of_the_whole),
        cmocka_unit_test(preprocessing_equals_torchvision),  cmocka_unit_test(a_very_long_picture_costs_little),
        cmocka_unit_test(settings_out_of_range_are_refused), cmocka_unit_test(a_value_for_bytes_gets_a_hint),
    };
    return cmocka_run_group_tests_name("resize", tests, NULL, NULL);
}
