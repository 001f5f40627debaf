/* Pictures that are the same but for a turn, a mirror, a cut, light; and pictures that are not. */
#include "tests/support/test.h"

#include <math.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/rng.h"
#include "core/data/align.h"

#define LEAST 0.95F

enum { WAVES = 12, HEIGHT = 150, WIDTH = 200 };

/* A sum of waves, each drawn from the seed: smooth enough for a small picture, unlike that of another seed. */
struct scene {
    double waves[WAVES][4]; /* across, down, phase, height */
};

/* From this seed on the waves are short, as of small things all over a picture. */
enum { FINE = 1000 };

static struct scene scene_of(uint64_t seed)
{
    struct scene scene;
    struct rng rng = rng_stream(seed, RNG_TEST, 0, 0);
    for (int i = 0; i < WAVES; i++) {
        scene.waves[i][0] = (seed < FINE ? 8 : 18) * rng_normal(&rng);
        scene.waves[i][1] = (seed < FINE ? 8 : 18) * rng_normal(&rng);
        scene.waves[i][2] = 6.28 * rng_double(&rng);
        scene.waves[i][3] = rng_double(&rng);
    }
    return scene;
}

/* x to the right and y down; a photo shows -4/3..4/3 by -1..1. */
static double light(const struct scene *scene, double x, double y)
{
    double sum = 0;
    for (int i = 0; i < WAVES; i++)
        sum += scene->waves[i][3] * cos(scene->waves[i][0] * x + scene->waves[i][1] * y + scene->waves[i][2]);
    return sum;
}

/* How a photo shows its scene. */
struct look {
    int quarters; /* turned */
    bool mirrored;
    double angle, zoom, right, down, brighter;
};

static struct align_photo photo(uint64_t seed, struct look look)
{
    bool upright = look.quarters % 2;
    int height = upright ? WIDTH : HEIGHT, width = upright ? HEIGHT : WIDTH;
    struct scene scene = scene_of(seed);
    struct align_photo out;
    struct resizer *resizer;
    struct error err = {0};
    void *memory;
    assert_int_equal(memory_alloc(&memory, (size_t)height * (size_t)width, 3, "a picture", &err), OK);
    uint8_t *pixels = memory;
    for (int i = 0; i < height * width; i++) {
        double x = (2.0 * (i % width) - width) / HEIGHT, y = (2.0 * (i / width) - height) / HEIGHT;
        for (int q = 0; q < look.quarters; q++) {
            double turned = -x;
            x = y;
            y = turned;
        }
        if (look.mirrored)
            x = -x;
        double c = look.zoom * cos(look.angle), s = look.zoom * sin(look.angle);
        double u = c * x - s * y + look.right, v = s * x + c * y + look.down;
        double value = 128 + 22 * light(&scene, u, v) * (1 + look.brighter) + 30 * look.brighter;
        memset(pixels + 3 * i, (int)fmin(fmax(value, 0), 255), 3);
    }
    const struct image image = {.height = height, .width = width, .pixels = pixels};
    assert_int_equal(resizer_create(&resizer, &err), OK);
    assert_int_equal(align_prepare(&out, &image, resizer, &err), OK);
    resizer_destroy(resizer);
    memory_free(pixels);
    return out;
}

static void the_same_picture_agrees(void **state)
{
    (void)state;
    static const struct look looks[] = {
        {.zoom = 1},
        {.zoom = 1, .quarters = 1},
        {.zoom = 1, .quarters = 2},
        {.zoom = 1, .quarters = 3},
        {.zoom = 1, .mirrored = true},
        {.zoom = 1, .mirrored = true, .quarters = 1},
        {.zoom = 1, .angle = 0.1},
        {.zoom = 1, .angle = -0.17},
        {.zoom = 0.9},
        {.zoom = 0.9, .right = -0.13, .down = -0.1},
        {.zoom = 1, .brighter = 0.4},
        {.zoom = 0.92, .angle = 0.06, .quarters = 1, .brighter = 0.2},
    };
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct align_photo plain = photo(seed, looks[0]);
        for (size_t i = 0; i < sizeof looks / sizeof *looks; i++) {
            struct align_photo other = photo(seed, looks[i]);
            assert_true(align_correlation(&plain, &other, LEAST) > 0.95F);
            assert_true(align_correlation(&other, &plain, LEAST) > 0.95F);
        }
    }
}

/* From the middle the search gets lost in small things: it ended at 0.36 before it began at corners as well. */
static void a_corner_of_small_things_is_found(void **state)
{
    (void)state;
    struct align_photo all = photo(FINE + 16, (struct look){.zoom = 1});
    struct align_photo corner = photo(FINE + 16, (struct look){.zoom = 0.9, .right = -0.133, .down = -0.1});
    assert_true(align_correlation(&corner, &all, LEAST) > LEAST);
}

static void other_pictures_do_not(void **state)
{
    (void)state;
    const struct look plain = {.zoom = 1};
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct align_photo a = photo(seed, plain), b = photo(seed + 100, plain);
        assert_true(align_correlation(&a, &b, LEAST) < 0.9F);
    }
}

/* A search that is far from `least` is given up, so that it finds less than one to its end, and never more. */
static void a_hopeless_search_is_given_up(void **state)
{
    (void)state;
    const struct look plain = {.zoom = 1};
    int less = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct align_photo a = photo(seed, plain), b = photo(seed + 100, plain);
        float given_up = align_correlation(&a, &b, LEAST), to_the_end = align_correlation(&a, &b, 0);
        less += given_up < to_the_end;
    }
    assert_true(less >= 10);
}

/* Nothing is like a photo of one colour or one that was not decoded. */
static void no_picture_is_like_none(void **state)
{
    (void)state;
    struct align_photo plain = photo(1, (struct look){.zoom = 1}), flat = {.aspect = 1}, none = plain;
    memset(flat.grey, 77, sizeof flat.grey);
    none.aspect = 0;
    assert_true(align_correlation(&plain, &flat, LEAST) == 0);
    assert_true(align_correlation(&flat, &plain, LEAST) == 0);
    assert_true(align_correlation(&flat, &flat, LEAST) == 0);
    assert_true(align_correlation(&none, &plain, LEAST) == 0);
    assert_true(align_correlation(&plain, &none, LEAST) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_picture_agrees), cmocka_unit_test(a_corner_of_small_things_is_found),
        cmocka_unit_test(other_pictures_do_not),   cmocka_unit_test(a_hopeless_search_is_given_up),
        cmocka_unit_test(no_picture_is_like_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
