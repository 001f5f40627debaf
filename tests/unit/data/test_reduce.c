/* Photos decoded smaller than they are, against Pillow's draft and box:
 * scripts/make_photo_fixtures.py wrote the table. */
#include "tests/support/test.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/data/augment.h"
#include "core/data/loader.h"
#include "core/data/reduce.h"
#include "tests/support/test_files.h"

static bool reduces(void)
{
    return strcmp(image_jpeg_library(), "stb_image") != 0;
}

static const char *fixture(const char *name)
{
    return test_path("tests/fixtures/photos", name);
}

static struct image load(const char *path, int shift)
{
    struct image_file file;
    struct image image = {0};
    struct error err = {0};
    if (image_open(&file, path, NULL, &err) != OK || image_load(&image, &file, shift, NULL, &err) != OK)
        fail_msg("%s: %s", path, err.text);
    image_file_close(&file);
    return image;
}

static void pictures_and_boxes_equal_pillow(void **state)
{
    (void)state;
    struct resizer *resizer;
    struct error err = {0};
    char line[256];
    int rows = 0;
    if (!reduces())
        skip();
    FILE *table = fopen("tests/fixtures/reduce.tsv", "r");
    assert_non_null(table);
    assert_int_equal(resizer_create(&resizer, &err), OK);
    while (fgets(line, sizeof line, table)) {
        char name[32], filter[16];
        int shift, height, width, out_height, out_width;
        struct box box;
        uint64_t picture, result;
        if (line[0] == '#')
            continue;
        assert_int_equal(sscanf(line, "%31s %d %d %d %" SCNx64 " %d %d %d %d %15s %d %d %" SCNx64, name, &shift,
                                &height, &width, &picture, &box.top, &box.left, &box.height, &box.width, filter,
                                &out_height, &out_width, &result),
                         13);
        struct image image = load(fixture(name), shift);
        assert_int_equal(image.shift, shift);
        assert_true(image.height == height && image.width == width);
        if (test_fnv(image.pixels, (size_t)height * (size_t)width * 3) != picture)
            fail_msg("other pixels than Pillow's draft: %s", line);
        uint8_t out[9 * 9 * 3];
        struct resize_input in = reduce_part(&image, &box);
        struct resize_window window = {out_height, out_width, 0, 0, out_height, out_width};
        enum interpolation interpolation = strcmp(filter, "bicubic") == 0;
        assert_int_equal(resize_pixels(resizer, out, (size_t)out_width * 3, interpolation, &window, &in, &err), OK);
        if (test_fnv(out, (size_t)out_height * (size_t)out_width * 3) != result)
            fail_msg("other pixels than Pillow's resize(box=): %s", line);
        image_free(&image);
        rows++;
    }
    fclose(table);
    resizer_destroy(resizer);
    assert_true(rows >= 80);
}

/* 29 x 37, 12 x 20 and 20 x 12 pixels, whatever the decoder rounded up to. */
static void the_photo_keeps_its_size(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int height, width;
    } photos[] = {{"s420.jpg", 29, 37}, {"exif3.jpg", 12, 20}, {"exif6.jpg", 20, 12}, {"rgb.png", 29, 37}};
    for (size_t i = 0; i < sizeof photos / sizeof *photos; i++)
        for (int shift = 0; shift <= REDUCE_SHIFT_MOST; shift++) {
            int height, width;
            struct image image = load(fixture(photos[i].name), shift);
            reduce_photo_size(&height, &width, &image);
            assert_int_equal(height, photos[i].height);
            assert_int_equal(width, photos[i].width);
            assert_true(image.shift == 0 || image.shift == shift);
            image_free(&image);
        }
}

static void twice_the_pixels_stay(void **state)
{
    (void)state;
    static const struct {
        int height, width, out_height, out_width, shift;
    } rows[] = {
        {511, 2000, 256, 256, 0},  {512, 2000, 256, 256, 0},    {1023, 2000, 256, 256, 0}, {1024, 1024, 256, 256, 1},
        {1024, 1023, 256, 256, 0}, {2047, 9000, 256, 256, 1},   {2048, 9000, 256, 256, 2}, {4095, 9000, 256, 256, 2},
        {4096, 4096, 256, 256, 3}, {16384, 16384, 256, 256, 3}, {4096, 1024, 256, 256, 1}, {4096, 1024, 256, 64, 3},
        {1, 1, 1, 1, 0},           {16384, 16384, 16384, 1, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(reduce_shift(rows[i].height, rows[i].width, rows[i].out_height, rows[i].out_width),
                         rows[i].shift);
}

/* The bound that memory is estimated by holds for every draw, and is reached by some. */
static void no_draw_goes_below_the_least(void **state)
{
    (void)state;
    static const int sizes[][2] = {{3000, 4000}, {500, 9000}, {9000, 700}, {1365, 1365}, {1000, 1000}};
    const struct preprocess preprocess = preprocess_for_size(64);
    const struct augment_extras extras = {0};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int height = sizes[i][0], width = sizes[i][1], least = REDUCE_SHIFT_MOST;
        int bound = reduce_shift_least(height, width, preprocess.resize, preprocess.crop);
        for (uint64_t photo = 0; photo < 20000; photo++) {
            struct rng rng = rng_stream(1, RNG_TEST, 0, photo);
            struct augment_draws draws = augment_draw(AUGMENT_STANDARD, &extras, 64, height, width, rng);
            int shift = augment_shift(&draws, &preprocess, height, width);
            least = shift < least ? shift : least;
        }
        assert_int_equal(least, bound);
        struct augment_draws plain =
            augment_draw(AUGMENT_NONE, &extras, 64, height, width, rng_stream(1, RNG_TEST, 0, 0));
        assert_int_equal(augment_shift(&plain, &preprocess, height, width),
                         reduce_shift_least(height, width, preprocess.resize, 0));
    }
}

/* ---- the loader -------------------------------------------------------------------------------------------------- */

enum { SIDE = 4, BYTES = SIDE * SIDE * 3 };

/* The first photo of the list by a loader. */
static void load_first(uint8_t out[BYTES], const struct photo_list *list, int resize, bool fast, enum augment augment)
{
    struct loader_options options = {.threads = 1, .batch = 1, .ahead = 1, .seed = 3, .fast = fast};
    struct loader *loader;
    const struct photo_batch *batch;
    struct error err = {0};
    options.preprocess = preprocess_for_size(SIDE);
    options.preprocess.resize = resize;
    assert_int_equal(loader_create(&loader, list, &options, &err), OK);
    loader_start(loader, NULL, 1, 0, 7, augment);
    assert_int_equal(loader_next(loader, &batch, &err), OK);
    assert_int_equal(batch->count, 1);
    memcpy(out, batch->pixels, BYTES);
    loader_destroy(loader);
}

static void only_large_photos_change_and_by_little(void **state)
{
    (void)state;
    struct photo_list list = {0};
    struct error err = {0};
    uint8_t exact[BYTES], fast[BYTES];
    if (!reduces())
        skip();
    assert_int_equal(photo_list_add(&list, fixture("s420.jpg"), &err), OK); /* 29 x 37 */
    for (int resize = 4; resize <= 30; resize++) {
        int sum = 0, changed = 0;
        load_first(exact, &list, resize, false, AUGMENT_NONE);
        load_first(fast, &list, resize, true, AUGMENT_NONE);
        for (int i = 0; i < BYTES; i++) {
            sum += abs(exact[i] - fast[i]);
            changed += exact[i] != fast[i];
        }
        if (resize > 7) /* half of 29 is 14 */
            assert_int_equal(changed, 0);
        else
            assert_in_range(changed, 1, BYTES);
        assert_true(sum <= 4 * BYTES);
    }
    load_first(exact, &list, SIDE, false, AUGMENT_STANDARD);
    load_first(fast, &list, SIDE, true, AUGMENT_STANDARD);
    assert_memory_not_equal(exact, fast, BYTES);
    photo_list_free(&list);
}

/* What the loader hands out is the photo decoded at the draws' shift, and nothing else. */
static void the_loader_follows_the_draws(void **state)
{
    (void)state;
    struct photo_list list = {0};
    struct resizer *resizer;
    struct error err = {0};
    const struct augment_extras extras = {0};
    struct preprocess preprocess = preprocess_for_size(SIDE);
    uint8_t found[BYTES], expected[BYTES];
    if (!reduces())
        skip();
    assert_int_equal(photo_list_add(&list, fixture("s420.jpg"), &err), OK); /* 29 x 37 */
    assert_int_equal(resizer_create(&resizer, &err), OK);
    struct augment_draws draws =
        augment_draw(AUGMENT_STANDARD, &extras, SIDE, 29, 37, rng_stream(3, RNG_AUGMENT, 7, 0));
    assert_int_equal(augment_shift(&draws, &preprocess, 29, 37), 1);
    struct image image = load(fixture("s420.jpg"), 1);
    assert_int_equal(augment_apply(expected, &draws, &preprocess, &image, resizer, NULL, &err), OK);
    load_first(found, &list, SIDE, true, AUGMENT_STANDARD);
    assert_memory_equal(found, expected, BYTES);
    image_free(&image);
    resizer_destroy(resizer);
    photo_list_free(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pictures_and_boxes_equal_pillow),
        cmocka_unit_test(the_photo_keeps_its_size),
        cmocka_unit_test(twice_the_pixels_stay),
        cmocka_unit_test(no_draw_goes_below_the_least),
        cmocka_unit_test(only_large_photos_change_and_by_little),
        cmocka_unit_test(the_loader_follows_the_draws),
    };
    return cmocka_run_group_tests_name("reduce", tests, NULL, NULL);
}
