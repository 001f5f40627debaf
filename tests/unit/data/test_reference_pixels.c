/* Whole photos, from file to the square that the network sees, against Pillow and torchvision. The photos are not part
 * of this repository: $FREEZETUNE_SHARED (default ../shared) holds them, and without it this is skipped (and says so;
 * cmocka's own skip() counts as a failure in TAP). */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/data/preprocess.h"
#include "tests/support/test_files.h"

static const char *shared(const char *name)
{
    const char *where = getenv("FREEZETUNE_SHARED");
    return test_path(where && *where ? where : "../shared", name);
}

/* The bytes of a tensor of a safetensors file, found by name and "data_offsets". */
static const uint8_t *tensor_bytes(const uint8_t *file, const char *name, size_t *size)
{
    uint64_t header;
    char quoted[128];
    unsigned long from, to;
    memcpy(&header, file, sizeof header);
    snprintf(quoted, sizeof quoted, "\"%s\":", name);
    const char *at = strstr((const char *)file + 8, quoted);
    assert_non_null(at);
    at = strstr(at, "\"data_offsets\":[");
    assert_non_null(at);
    assert_int_equal(sscanf(at, "\"data_offsets\":[%lu,%lu]", &from, &to), 2);
    *size = to - from;
    return file + 8 + header + from;
}

static void four_photos_have_the_reference_pixels(void **state)
{
    (void)state;
    static const char *const photos[] = {"n01443537_goldfish.JPEG", "n01484850_great_white_shark.JPEG",
                                         "n01669191_box_turtle.JPEG", "n01694178_African_chameleon.JPEG"};
    struct preprocess preprocess = preprocess_imagenet();
    struct resizer *resizer;
    struct error err = {0};
    size_t file_size, size;
    const char *path = shared("data/imagenet40/reference_pixels.safetensors");
    FILE *there = fopen(path, "rb");
    if (!there) {
        print_message("# skipped: %s is not there\n", path);
        return;
    }
    fclose(there);
    if (strncmp(image_jpeg_library(), "libjpeg", 7) != 0) {
        print_message("# skipped: %s does not give Pillow's pixels\n", image_jpeg_library());
        return;
    }
    uint8_t *file = test_read(path, &file_size);
    assert_int_equal(resizer_create(&resizer, &err), OK);
    for (size_t i = 0; i < 4; i++) {
        static uint8_t out[224 * 224 * 3];
        struct image image = {0};
        char name[128];
        const uint8_t *expected = tensor_bytes(file, photos[i], &size);
        assert_int_equal(size, sizeof out);
        snprintf(name, sizeof name, "data/imagenet40/%s", photos[i]);
        assert_int_equal(image_read(&image, shared(name), NULL, &err), OK);
        assert_int_equal(preprocess_photo(out, &preprocess, &image, resizer, &err), OK);
        assert_memory_equal(out, expected, sizeof out);
        image_free(&image);
    }
    resizer_destroy(resizer);
    memory_free(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(four_photos_have_the_reference_pixels)};
    return cmocka_run_group_tests_name("reference pixels", tests, NULL, NULL);
}
