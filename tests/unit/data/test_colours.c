/* Colours and geometry against torchvision on Pillow's pictures: scripts/parity/augment_fixtures.py wrote the table. */
#include "tests/support/test.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/data/box.h"
#include "core/data/color.h"
#include "core/data/jitter.h"
#include "core/data/trivial.h"
#include "tests/support/test_files.h"

/* The picture that the script calls muted(). */
static struct image muted(int side)
{
    struct image image = test_pattern(side, side);
    for (int i = 0; i < side * side * 3; i++)
        image.pixels[i] = (uint8_t)(image.pixels[i] * (i % 3 + 2) / 5 + 20 * (i % 3));
    return image;
}

static uint8_t *new_bytes(size_t size)
{
    void *bytes;
    assert_int_equal(memory_alloc(&bytes, size, 1, "pixels", NULL), OK);
    return bytes;
}

/* Calls `row` with what follows the kind in every row of that kind. */
static void each_row(const char *kind, int least, void (*row)(const char *fields))
{
    char line[1024];
    size_t length = strlen(kind);
    int rows = 0;
    FILE *table = fopen("tests/fixtures/colours.tsv", "r");
    assert_non_null(table);
    while (fgets(line, sizeof line, table)) {
        if (strncmp(line, kind, length) != 0 || line[length] != '\t')
            continue;
        row(line + length + 1);
        rows++;
    }
    fclose(table);
    assert_true(rows >= least);
}

static void trivial_row(const char *fields)
{
    int operation, negative, side;
    uint64_t expected;
    assert_int_equal(sscanf(fields, "%d %d %d %" SCNx64, &operation, &negative, &side, &expected), 4);
    size_t bytes = (size_t)side * (size_t)side * 3;
    uint8_t *all = new_bytes(TRIVIAL_BINS * bytes), *spare = new_bytes(bytes);
    struct image image = muted(side);
    for (int bin = 0; bin < TRIVIAL_BINS; bin++) {
        const struct trivial trivial = {(enum trivial_operation)operation, bin, negative != 0};
        uint8_t *pixels = all + (size_t)bin * bytes;
        memcpy(pixels, image.pixels, bytes);
        trivial_apply(pixels, side, &trivial, spare);
    }
    if (test_fnv(all, TRIVIAL_BINS * bytes) != expected)
        fail_msg("other pixels than torchvision's: trivial %s", fields);
    image_free(&image);
    memory_free(spare);
    memory_free(all);
}

static void trivial_augment_equals_torchvision(void **state)
{
    (void)state;
    each_row("trivial", 92, trivial_row);
}

static void jitter_row(const char *fields)
{
    struct jitter jitter = {.used = {true, true, true, true}};
    char *at = NULL;
    const char *from = fields;
    for (int i = 0; i < JITTER_KINDS; i++, from = at)
        jitter.order[i] = (uint32_t)strtoul(from, &at, 10);
    for (int i = 0; i < JITTER_KINDS; i++, from = at)
        jitter.value[i] = strtof(from, &at);
    int side = (int)strtol(from, &at, 10);
    uint64_t expected = strtoull(at, &at, 16);
    assert_int_equal(*at, '\n');
    struct image image = muted(side);
    jitter_apply(image.pixels, (size_t)side * (size_t)side, &jitter);
    if (test_fnv(image.pixels, (size_t)side * (size_t)side * 3) != expected)
        fail_msg("other pixels than torchvision's: jitter %s", fields);
    image_free(&image);
}

static void color_jitter_equals_torchvision(void **state)
{
    (void)state;
    each_row("jitter", 24, jitter_row);
}

static void hue_row(const char *fields)
{
    enum { STEPS = 52, COUNT = STEPS * STEPS * STEPS };
    char *at;
    double turn = strtod(fields, &at);
    uint64_t expected = strtoull(at, &at, 16);
    uint8_t *pixels = new_bytes(COUNT * 3);
    for (int i = 0; i < COUNT; i++) {
        const int rgb[3] = {i / (STEPS * STEPS), i / STEPS % STEPS, i % STEPS};
        for (int c = 0; c < 3; c++)
            pixels[3 * i + c] = (uint8_t)(5 * rgb[c]);
    }
    color_hue(pixels, COUNT, turn);
    if (test_fnv(pixels, COUNT * 3) != expected)
        fail_msg("other colours than torchvision's: hue %s", fields);
    memory_free(pixels);
}

static void hue_equals_torchvision_in_every_fifth_colour(void **state)
{
    (void)state;
    each_row("hue", 10, hue_row);
}

static void erase_row(const char *fields)
{
    long numbers[5 + BOX_DRAWS];
    const char *from = fields;
    char *at = NULL;
    for (size_t i = 0; i < 5 + BOX_DRAWS; i++, from = at)
        numbers[i] = strtol(from, &at, 10);
    assert_int_equal(*at, '\n');
    float draws[BOX_DRAWS];
    for (size_t i = 0; i < BOX_DRAWS; i++)
        draws[i] = (float)numbers[5 + i] / 16777216.0f;
    struct box box = box_erase((int)numbers[0], draws);
    if (box.top != numbers[1] || box.left != numbers[2] || box.height != numbers[3] || box.width != numbers[4])
        fail_msg("box %d %d %d %d for: %.60s", box.top, box.left, box.height, box.width, fields);
}

static void holes_equal_torchvision_for_the_same_draws(void **state)
{
    (void)state;
    each_row("erase", 60, erase_row);
}

/* The order is one of 24, each about equally often; a factor lies where torchvision's does. */
static void jitter_draws_what_it_says(void **state)
{
    (void)state;
    enum { COUNT = 24000 };
    const struct jitter_options options = {.amount = {0.25, 2, 0, 0.125}};
    int orders[256] = {0}, different = 0;
    double low[JITTER_KINDS] = {9, 9, 9, 9}, high[JITTER_KINDS] = {-9, -9, -9, -9}, sum[JITTER_KINDS] = {0};
    for (uint64_t i = 0; i < COUNT; i++) {
        struct rng rng = rng_stream(4, RNG_TEST, 1, i);
        struct jitter jitter = jitter_draw(&options, &rng);
        assert_true(jitter.used[JITTER_BRIGHTNESS] && jitter.used[JITTER_CONTRAST] && jitter.used[JITTER_HUE]);
        assert_false(jitter.used[JITTER_SATURATION]);
        orders[jitter.order[0] | jitter.order[1] << 2 | jitter.order[2] << 4 | jitter.order[3] << 6]++;
        for (int k = 0; k < JITTER_KINDS; k++) {
            low[k] = fmin(low[k], (double)jitter.value[k]);
            high[k] = fmax(high[k], (double)jitter.value[k]);
            sum[k] += (double)jitter.value[k];
        }
    }
    for (int i = 0; i < 256; i++) {
        different += orders[i] > 0;
        assert_true(orders[i] == 0 || (orders[i] > COUNT / 24 - 160 && orders[i] < COUNT / 24 + 160));
    }
    assert_int_equal(different, 24);
    const double from[] = {0.75, 0, 1, -0.125}, to[] = {1.25, 3, 1, 0.125};
    for (int k = 0; k < JITTER_KINDS; k++) {
        assert_true(low[k] >= from[k] && low[k] <= from[k] + 0.001 * (to[k] - from[k]));
        assert_true(high[k] <= to[k] && high[k] >= to[k] - 0.001 * (to[k] - from[k]));
        assert_true(fabs(sum[k] / COUNT - (from[k] + to[k]) / 2) <= 0.01 * (to[k] - from[k]));
    }
    assert_true(jitter_wanted(&options));
    assert_false(jitter_wanted(&(struct jitter_options){.amount = {0}}));
}

/* Every operation, bin and direction comes, each about equally often. */
static void trivial_draws_are_uniform(void **state)
{
    (void)state;
    enum { COUNT = 14 * 31 * 100 };
    int operations[TRIVIAL_OPERATIONS] = {0}, bins[TRIVIAL_BINS] = {0}, negative = 0;
    for (uint64_t i = 0; i < COUNT; i++) {
        struct rng rng = rng_stream(4, RNG_TEST, 2, i);
        struct trivial trivial = trivial_draw(&rng);
        operations[trivial.operation]++;
        bins[trivial.bin]++;
        negative += trivial.negative;
    }
    for (int i = 0; i < TRIVIAL_OPERATIONS; i++)
        assert_in_range(operations[i], 3100 - 275, 3100 + 275); /* five standard deviations */
    for (int i = 0; i < TRIVIAL_BINS; i++)
        assert_in_range(bins[i], 1400 - 185, 1400 + 185);
    assert_in_range(negative, COUNT / 2 - 525, COUNT / 2 + 525);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trivial_augment_equals_torchvision),
        cmocka_unit_test(color_jitter_equals_torchvision),
        cmocka_unit_test(hue_equals_torchvision_in_every_fifth_colour),
        cmocka_unit_test(holes_equal_torchvision_for_the_same_draws),
        cmocka_unit_test(jitter_draws_what_it_says),
        cmocka_unit_test(trivial_draws_are_uniform),
    };
    return cmocka_run_group_tests_name("colours", tests, NULL, NULL);
}
