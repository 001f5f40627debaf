#include "tests/support/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/data/augment.h"
#include "tests/support/test_files.h"

/* torchvision's own get_params with its draws replaced: scripts/make_photo_fixtures.py wrote the table. */
static void crops_equal_torchvision_for_the_same_draws(void **state)
{
    (void)state;
    char line[1024];
    int rows = 0;
    FILE *table = fopen("tests/fixtures/augment.tsv", "r");
    assert_non_null(table);
    while (fgets(line, sizeof line, table)) {
        if (line[0] == '#')
            continue;
        long numbers[6 + BOX_DRAWS];
        char *at = line;
        for (size_t i = 0; i < 6 + BOX_DRAWS; i++)
            numbers[i] = strtol(at, &at, 10);
        assert_int_equal(*at, '\n');
        float draws[BOX_DRAWS];
        for (size_t i = 0; i < BOX_DRAWS; i++)
            draws[i] = (float)numbers[6 + i] / 16777216.0f;
        struct box box = box_crop((int)numbers[0], (int)numbers[1], draws);
        if (box.top != numbers[2] || box.left != numbers[3] || box.height != numbers[4] || box.width != numbers[5])
            fail_msg("box %d %d %d %d for: %.60s", box.top, box.left, box.height, box.width, line);
        rows++;
    }
    fclose(table);
    assert_true(rows >= 100);
}

static void crops_have_the_promised_area_and_aspect(void **state)
{
    (void)state;
    enum { COUNT = 20000, HEIGHT = 400, WIDTH = 500 };
    double area = 0, log_aspect = 0, left = 0;
    for (int i = 0; i < COUNT; i++) {
        struct rng rng = rng_stream(3, RNG_TEST, 0, (uint64_t)i);
        float draws[BOX_DRAWS];
        for (int d = 0; d < BOX_DRAWS; d++)
            draws[d] = rng_float(&rng);
        struct box box = box_crop(HEIGHT, WIDTH, draws);
        assert_true(box.top >= 0 && box.left >= 0 && box.height > 0 && box.width > 0);
        assert_true(box.top + box.height <= HEIGHT && box.left + box.width <= WIDTH);
        double part = (double)box.height * box.width / (HEIGHT * WIDTH), aspect = (double)box.width / box.height;
        assert_true(part > 0.075 && part <= 1 && aspect > 0.73 && aspect < 1.36);
        area += part;
        log_aspect += log(aspect);
        left += WIDTH > box.width ? (double)box.left / (WIDTH - box.width) : 0.5;
    }
    /* torchvision's own means over 60,000 crops of a 400x500 photo: area 0.455, log of the aspect 0.028. Boxes that are
     * too high or too wide are drawn again, which costs the large ones and the tall ones. */
    assert_true(fabs(area / COUNT - 0.455) < 0.01);
    assert_true(fabs(log_aspect / COUNT - 0.028) < 0.01);
    assert_true(fabs(left / COUNT - 0.5) < 0.01);
}

static void a_mirror_turns_left_to_right(void **state)
{
    (void)state;
    for (int width = 1; width < 6; width++) {
        struct image image = test_pattern(3, width), mirrored = test_pattern(3, width);
        augment_mirror(mirrored.pixels, 3, width);
        for (int y = 0; y < 3; y++)
            for (int x = 0; x < width; x++)
                assert_memory_equal(mirrored.pixels + 3 * (y * width + x),
                                    image.pixels + 3 * (y * width + width - 1 - x), 3);
        image_free(&image);
        image_free(&mirrored);
    }
}

static const struct augment_extras no_extras = {0};

static void augmented(uint8_t *out, enum augment augment, const struct augment_extras *extras,
                      const struct preprocess *preprocess, const struct image *image, struct rng rng,
                      struct resizer *resizer)
{
    uint8_t spare[32 * 32 * 3];
    struct augment_draws draws = augment_draw(augment, extras, preprocess->crop, image->height, image->width, rng);
    assert_true(preprocess->crop <= 32);
    assert_int_equal(augment_apply(out, &draws, preprocess, image, resizer, spare, NULL), OK);
}

/* flip is the plain picture or its mirror image, each about half of the time; none is always the plain one. */
static void flip_is_a_fair_coin_and_none_is_still(void **state)
{
    (void)state;
    enum { SIDE = 9, COUNT = 1000, BYTES = SIDE * SIDE * 3 };
    struct error err = {0};
    struct resizer *resizer;
    struct image image = test_pattern(20, 17);
    struct preprocess preprocess = preprocess_imagenet();
    preprocess.resize = 10;
    preprocess.crop = SIDE;
    uint8_t plain[BYTES], mirrored[BYTES], out[BYTES];
    assert_int_equal(resizer_create(&resizer, &err), OK);
    assert_int_equal(preprocess_photo(plain, &preprocess, &image, resizer, &err), OK);
    memcpy(mirrored, plain, BYTES);
    augment_mirror(mirrored, SIDE, SIDE);
    int flipped = 0;
    for (uint32_t epoch = 0; epoch < COUNT; epoch++) {
        struct rng rng = rng_stream(5, RNG_AUGMENT, epoch, 3);
        augmented(out, AUGMENT_NONE, &no_extras, &preprocess, &image, rng, resizer);
        assert_memory_equal(out, plain, BYTES);
        augmented(out, AUGMENT_FLIP, &no_extras, &preprocess, &image, rng, resizer);
        bool is_mirrored = memcmp(out, mirrored, BYTES) == 0;
        assert_true(is_mirrored || memcmp(out, plain, BYTES) == 0);
        flipped += is_mirrored;
    }
    assert_in_range(flipped, COUNT / 2 - 80, COUNT / 2 + 80); /* five standard deviations */
    image_free(&image);
    resizer_destroy(resizer);
}

/* standard crops first and resizes the crop: done by hand from the same stream, the bytes are the same. */
static void standard_is_crop_resize_flip(void **state)
{
    (void)state;
    enum { SIDE = 16, BYTES = SIDE * SIDE * 3 };
    struct error err = {0};
    struct resizer *resizer;
    struct image image = test_pattern(60, 45);
    struct preprocess preprocess = preprocess_for_size(SIDE);
    uint8_t out[BYTES], expected[BYTES];
    int flips = 0;
    assert_int_equal(resizer_create(&resizer, &err), OK);
    for (uint64_t photo = 0; photo < 40; photo++) {
        struct rng rng = rng_stream(5, RNG_AUGMENT, 1, photo);
        augmented(out, AUGMENT_STANDARD, &no_extras, &preprocess, &image, rng, resizer);
        float draws[BOX_DRAWS];
        for (int i = 0; i < BOX_DRAWS; i++)
            draws[i] = rng_float(&rng);
        struct box box = box_crop(60, 45, draws);
        struct image cropped = test_pattern(box.height, box.width);
        for (int y = 0; y < box.height; y++)
            memcpy(cropped.pixels + y * box.width * 3, image.pixels + ((box.top + y) * 45 + box.left) * 3,
                   (size_t)box.width * 3);
        struct resize_input in = {
            .pixels = cropped.pixels, .height = box.height, .width = box.width, .stride = (size_t)box.width * 3};
        struct resize_window window = {SIDE, SIDE, 0, 0, SIDE, SIDE};
        assert_int_equal(resize_pixels(resizer, expected, SIDE * 3, INTERPOLATION_BILINEAR, &window, &in, &err), OK);
        if (rng_float(&rng) < 0.5f) {
            augment_mirror(expected, SIDE, SIDE);
            flips++;
        }
        assert_memory_equal(out, expected, BYTES);
        image_free(&cropped);
    }
    assert_in_range(flips, 8, 32);
    image_free(&image);
    resizer_destroy(resizer);
}

/* Done by hand from the same stream: what trivial and the jitter draw comes after the crop and the flip. */
static void trivial_and_jitter_follow_the_flip(void **state)
{
    (void)state;
    enum { SIDE = 16, COUNT = SIDE * SIDE, BYTES = COUNT * 3 };
    struct error err = {0};
    struct resizer *resizer;
    struct image image = test_pattern(60, 45);
    struct preprocess preprocess = preprocess_for_size(SIDE);
    const struct augment_extras extras = {.jitter = {.amount = {0.4, 0.4, 0.4, 0.1}}};
    uint8_t plain[BYTES], jittered[BYTES], trivial[BYTES], both[BYTES], spare[BYTES];
    int jitters = 0, changed = 0;
    assert_int_equal(resizer_create(&resizer, &err), OK);
    for (uint64_t photo = 0; photo < 60; photo++) {
        struct rng rng = rng_stream(5, RNG_AUGMENT, 2, photo);
        augmented(plain, AUGMENT_STANDARD, &no_extras, &preprocess, &image, rng, resizer);
        augmented(jittered, AUGMENT_STANDARD, &extras, &preprocess, &image, rng, resizer);
        augmented(trivial, AUGMENT_TRIVIAL, &no_extras, &preprocess, &image, rng, resizer);
        augmented(both, AUGMENT_TRIVIAL, &extras, &preprocess, &image, rng, resizer);
        for (int i = 0; i < BOX_DRAWS + 1; i++)
            rng_float(&rng);
        struct rng after = rng;
        struct jitter jitter = jitter_draw(&extras.jitter, &after);
        uint8_t expected[BYTES];
        memcpy(expected, plain, BYTES);
        jitter_apply(expected, COUNT, &jitter);
        assert_memory_equal(jittered, expected, BYTES);
        jitters += memcmp(jittered, plain, BYTES) != 0;
        struct trivial operation = trivial_draw(&rng);
        memcpy(expected, plain, BYTES);
        trivial_apply(expected, SIDE, &operation, spare);
        assert_memory_equal(trivial, expected, BYTES);
        changed += memcmp(trivial, plain, BYTES) != 0;
        jitter = jitter_draw(&extras.jitter, &rng);
        jitter_apply(expected, COUNT, &jitter);
        assert_memory_equal(both, expected, BYTES);
    }
    assert_int_equal(jitters, 60);
    assert_in_range(changed, 40, 60);
    image_free(&image);
    resizer_destroy(resizer);
}

/* The hole is the last that is drawn, with its probability, and leaves the pixels to the caller. */
static void the_hole_is_drawn_last(void **state)
{
    (void)state;
    enum { SIDE = 20, COUNT = 4000 };
    const struct augment_extras extras = {.jitter = {.amount = {0.4, 0.4, 0.4, 0.1}}, .erasing = 0.3};
    const struct augment_extras always = {.erasing = 1};
    int holes = 0;
    for (uint64_t photo = 0; photo < COUNT; photo++) {
        struct rng rng = rng_stream(5, RNG_AUGMENT, 2, photo);
        struct augment_draws draws = augment_draw(AUGMENT_TRIVIAL, &extras, SIDE, 60, 45, rng);
        assert_int_equal(augment_draw(AUGMENT_FLIP, &always, SIDE, 60, 45, rng).hole.height, 0);
        assert_int_equal(augment_draw(AUGMENT_STANDARD, &no_extras, SIDE, 60, 45, rng).hole.height, 0);
        for (int i = 0; i < BOX_DRAWS + 1; i++)
            rng_float(&rng);
        trivial_draw(&rng);
        jitter_draw(&extras.jitter, &rng);
        struct box expected = {0};
        if ((double)rng_float(&rng) < 0.3) {
            float floats[BOX_DRAWS];
            for (int i = 0; i < BOX_DRAWS; i++)
                floats[i] = rng_float(&rng);
            expected = box_erase(SIDE, floats);
        }
        assert_memory_equal(&draws.hole, &expected, sizeof expected);
        holes += draws.hole.height > 0;
    }
    assert_in_range(holes, COUNT * 3 / 10 - 145, COUNT * 3 / 10 + 145); /* five standard deviations */
}

static void jitter_leaves_none_and_flip_alone(void **state)
{
    (void)state;
    enum { SIDE = 16, BYTES = SIDE * SIDE * 3 };
    struct error err = {0};
    struct resizer *resizer;
    struct image image = test_pattern(30, 45);
    struct preprocess preprocess = preprocess_for_size(SIDE);
    const struct augment_extras extras = {.jitter = {.amount = {0.4, 0.4, 0.4, 0.1}}};
    uint8_t plain[BYTES], out[BYTES];
    assert_int_equal(resizer_create(&resizer, &err), OK);
    for (enum augment augment = AUGMENT_NONE; augment <= AUGMENT_FLIP; augment++) {
        struct rng rng = rng_stream(5, RNG_AUGMENT, 2, 1);
        augmented(plain, augment, &no_extras, &preprocess, &image, rng, resizer);
        augmented(out, augment, &extras, &preprocess, &image, rng, resizer);
        assert_memory_equal(out, plain, BYTES);
    }
    image_free(&image);
    resizer_destroy(resizer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crops_equal_torchvision_for_the_same_draws),
        cmocka_unit_test(crops_have_the_promised_area_and_aspect),
        cmocka_unit_test(a_mirror_turns_left_to_right),
        cmocka_unit_test(flip_is_a_fair_coin_and_none_is_still),
        cmocka_unit_test(standard_is_crop_resize_flip),
        cmocka_unit_test(trivial_and_jitter_follow_the_flip),
        cmocka_unit_test(the_hole_is_drawn_last),
        cmocka_unit_test(jitter_leaves_none_and_flip_alone),
    };
    return cmocka_run_group_tests_name("augment", tests, NULL, NULL);
}
