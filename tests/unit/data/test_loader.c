#define _GNU_SOURCE
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/hash.h"
#include "core/base/memory.h"
#include "core/data/loader.h"
#include "tests/support/own_folder.h"
#include "tests/support/test_files.h"

enum { PHOTOS = 23, SIDE = 12, BYTES = SIDE * SIDE * 3 };

static struct photo_list list;
static struct class_names classes;

/* 23 photos in two classes; numbers 4, 5 and 17 are bad. */
static bool is_bad(uint32_t photo)
{
    return photo == 4 || photo == 5 || photo == 17;
}

static int make_photos(void **state)
{
    struct error err = {0};
    folder_setup(state);
    for (uint32_t i = 0; i < PHOTOS; i++) {
        size_t size;
        char name[64];
        uint8_t *bytes = test_bmp(&size, 20 + (int)i, 40 - (int)i, i);
        snprintf(name, sizeof name, "%s/%02u.bmp", i < 10 ? "a" : "b", i);
        test_write(test_path(folder, name), bytes, is_bad(i) ? size / 2 : size);
        memory_free(bytes);
    }
    return folder_list(&list, &classes, folder, NULL, NULL, &err) != OK;
}

static int remove_photos(void **state)
{
    photo_list_free(&list);
    class_names_free(&classes);
    return folder_teardown(state);
}

static const struct augment_extras some_extras = {.jitter = {.amount = {0.2, 0, 0.3, 0.1}}, .erasing = 0.5};

static struct loader_options some_options(size_t threads, size_t ahead)
{
    return (struct loader_options){.threads = threads,
                                   .batch = 4,
                                   .ahead = ahead,
                                   .preprocess = preprocess_for_size(SIDE),
                                   .extras = some_extras,
                                   .seed = 9};
}

static struct loader *new_loader(const struct loader_options *options)
{
    struct loader *loader;
    struct error err = {0};
    if (loader_create(&loader, &list, options, &err) != OK)
        fail_msg("%s", err.text);
    return loader;
}

static const struct photo_batch *next(struct loader *loader)
{
    const struct photo_batch *batch = NULL;
    struct error err = {0};
    if (loader_next(loader, &batch, &err) != OK)
        fail_msg("%s", err.text);
    return batch;
}

/* What loader_next must give, made without a loader; returns the hole. */
static struct box expect_pixels(uint8_t out[BYTES], uint32_t photo, uint32_t epoch, enum augment augment)
{
    struct resizer *resizer;
    struct image image;
    struct error err = {0};
    char path[1024];
    uint8_t spare[BYTES];
    struct preprocess preprocess = preprocess_for_size(SIDE);
    assert_true(photo_path(path, sizeof path, &list, photo));
    assert_int_equal(image_read(&image, path, NULL, &err), OK);
    assert_int_equal(resizer_create(&resizer, &err), OK);
    struct augment_draws draws =
        augment_draw(augment, &some_extras, SIDE, image.height, image.width, rng_stream(9, RNG_AUGMENT, epoch, photo));
    assert_int_equal(augment_apply(out, &draws, &preprocess, &image, resizer, spare, &err), OK);
    resizer_destroy(resizer);
    image_free(&image);
    return draws.hole;
}

static void fill_order(uint32_t order[PHOTOS])
{
    struct rng rng = rng_stream(1, RNG_ORDER, 0, 0);
    for (uint32_t i = 0; i < PHOTOS; i++)
        order[i] = i;
    rng_shuffle(&rng, order, PHOTOS);
}

/* Good photos in the order, batches full but the last, whatever the threads and the slots. */
static void batches_are_the_same_for_any_threads(void **state)
{
    (void)state;
    uint32_t order[PHOTOS];
    fill_order(order);
    for (size_t threads = 1; threads <= 3; threads++) {
        for (size_t ahead = 1; ahead <= 33; ahead += 16) {
            struct loader_options options = some_options(threads, ahead);
            struct loader *loader = new_loader(&options);
            for (uint32_t epoch = 0; epoch < 2; epoch++) {
                enum augment augment = epoch ? AUGMENT_TRIVIAL : AUGMENT_STANDARD;
                loader_start(loader, order, PHOTOS, 0, epoch, augment);
                size_t position = 0, batches = 0;
                for (const struct photo_batch *batch; (batch = next(loader)); batches++) {
                    assert_int_equal(batch->count, batches < 5 ? 4 : 0); /* 20 good ones */
                    for (size_t i = 0; i < batch->count; i++, position++) {
                        while (is_bad(order[position]))
                            position++;
                        uint8_t expected[BYTES];
                        struct box hole = expect_pixels(expected, order[position], epoch, augment);
                        assert_memory_equal(&batch->holes[i], &hole, sizeof hole);
                        assert_int_equal(batch->photos[i], order[position]);
                        assert_int_equal(batch->labels[i], order[position] < 10 ? 0 : 1);
                        assert_memory_equal(batch->pixels + i * BYTES, expected, BYTES);
                    }
                    assert_int_equal(batch->position, position);
                }
                assert_int_equal(batches, 5);
                assert_null(next(loader));
                assert_int_equal(loader_bad_count(loader), 3);
                assert_int_equal(loader_bad_count(loader), 3);
            }
            size_t found = 0;
            for (size_t i = 0; i < PHOTOS; i++)
                if (is_bad(order[i])) {
                    struct photo_fault bad = loader_bad_get(loader, found++);
                    assert_int_equal(bad.photo, order[i]);
                    assert_ptr_equal(strstr(bad.reason, "truncated: the BMP"), bad.reason);
                }
            loader_destroy(loader);
        }
    }
}

/* From any position that a batch named, the rest of the epoch comes as it would have: in a fresh loader, which has not
 * seen the bad photos before, and in one that is interrupted. */
static void an_epoch_goes_on_from_any_position(void **state)
{
    (void)state;
    uint32_t order[PHOTOS], seen[PHOTOS];
    uint8_t pixels[PHOTOS][BYTES];
    size_t positions[PHOTOS], batches = 0, count = 0;
    fill_order(order);
    struct loader_options options = some_options(2, 5);
    struct loader *loader = new_loader(&options);
    loader_start(loader, order, PHOTOS, 0, 3, AUGMENT_FLIP);
    for (const struct photo_batch *batch; (batch = next(loader)); batches++) {
        positions[batches] = batch->position;
        memcpy(seen + count, batch->photos, batch->count * sizeof *seen);
        memcpy(pixels[count], batch->pixels, batch->count * BYTES);
        count += batch->count;
    }
    for (size_t fresh = 0; fresh < 2; fresh++) {
        for (size_t skipped = 1; skipped <= batches; skipped++) {
            struct loader *other = fresh ? new_loader(&options) : loader;
            loader_start(other, order, PHOTOS, positions[skipped - 1], 3, AUGMENT_FLIP);
            size_t at = skipped * options.batch;
            for (const struct photo_batch *batch; (batch = next(other)); at += batch->count) {
                assert_memory_equal(batch->photos, seen + at, batch->count * sizeof *seen);
                assert_memory_equal(batch->pixels, pixels[at], batch->count * BYTES);
            }
            assert_int_equal(at, count);
            loader_start(other, order, PHOTOS, 0, 3, AUGMENT_FLIP);
            assert_non_null(next(other)); /* and is dropped in the middle */
            if (fresh)
                loader_destroy(other);
        }
    }
    loader_destroy(loader);
}

static void strict_names_the_first_bad_photo(void **state)
{
    (void)state;
    struct loader_options options = some_options(3, 16);
    options.strict = true;
    struct loader *loader = new_loader(&options);
    const struct photo_batch *batch;
    struct error err = {0};
    loader_start(loader, NULL, PHOTOS, 0, 0, AUGMENT_NONE);
    batch = next(loader);
    assert_int_equal(batch->count, 4);
    assert_int_equal(batch->photos[3], 3);
    assert_int_equal(loader_next(loader, &batch, &err), ERR_DATA);
    assert_non_null(strstr(err.text, "/a/04.bmp: truncated: the BMP"));
    assert_null(next(loader));
    loader_destroy(loader);
}

static void what_is_marked_bad_is_not_tried(void **state)
{
    (void)state;
    struct loader_options options = some_options(2, 8);
    options.strict = true;
    struct loader *loader = new_loader(&options);
    struct error err = {0};
    uint32_t seen = 0;
    assert_int_equal(loader_mark_bad(loader, 0, "I say so", &err), OK);
    assert_int_equal(loader_mark_bad(loader, 0, "again", &err), OK);
    for (uint32_t i = 0; i < PHOTOS; i++)
        if (is_bad(i))
            assert_int_equal(loader_mark_bad(loader, i, "known", &err), OK);
    assert_int_equal(loader_bad_count(loader), 4);
    assert_string_equal(loader_bad_get(loader, 0).reason, "I say so");
    loader_start(loader, NULL, PHOTOS, 0, 0, AUGMENT_NONE);
    for (const struct photo_batch *batch; (batch = next(loader));)
        seen += (uint32_t)batch->count;
    assert_int_equal(seen, PHOTOS - 4);
    assert_int_equal(loader_bad_count(loader), 4);
    loader_destroy(loader);
}

/* For predict: photos without a class, and every file that cannot be read has its reason. */
static void a_list_of_files_for_predict(void **state)
{
    (void)state;
    struct photo_list files = {0};
    struct error err = {0};
    struct loader *loader;
    char text[2048];
    int length = snprintf(text, sizeof text, "%s\nmissing.jpg\n%s\n", test_path(folder, "a/01.bmp"),
                          test_path(folder, "b/17.bmp"));
    FILE *stream = fmemopen(text, (size_t)length, "r");
    assert_int_equal(photo_list_add_stream(&files, stream, '\n', &err), OK);
    fclose(stream);
    struct loader_options options = some_options(2, 8);
    assert_int_equal(loader_create(&loader, &files, &options, &err), OK);
    loader_start(loader, NULL, files.count, 0, 0, AUGMENT_NONE);
    const struct photo_batch *batch = next(loader);
    assert_int_equal(batch->count, 1);
    assert_int_equal(batch->labels[0], -1);
    assert_null(next(loader));
    assert_int_equal(loader_bad_count(loader), 2);
    assert_string_equal(loader_bad_get(loader, 0).reason, "No such file or directory");
    assert_ptr_equal(strstr(loader_bad_get(loader, 1).reason, "truncated: the BMP"), loader_bad_get(loader, 1).reason);
    loader_destroy(loader);
    photo_list_free(&files);
}

static void move_photo(const char *from, const char *to)
{
    char old[1024];
    snprintf(old, sizeof old, "%s", test_path(folder, from));
    assert_int_equal(rename(old, test_path(folder, to)), 0);
}

/* The photos of an epoch in their order, one row; returns how many. */
static size_t photos_of_epoch(uint32_t seen[PHOTOS], struct loader *loader, const uint32_t *order, uint32_t epoch)
{
    size_t count = 0;
    loader_forget_away(loader);
    loader_start(loader, order, PHOTOS, 0, epoch, AUGMENT_NONE);
    for (const struct photo_batch *batch; (batch = next(loader)); count += batch->count) {
        assert_true(batch->count == 4 || batch->position == PHOTOS);
        memcpy(seen + count, batch->photos, batch->count * sizeof *seen);
    }
    return count;
}

/* A share that is gone for an epoch: its photos are skipped in that epoch alone, wherever the epoch begins, and batches
 * are full all the same. What is bad stays bad. */
static void what_is_away_comes_back(void **state)
{
    (void)state;
    uint32_t order[PHOTOS], before[PHOTOS], without[PHOTOS], after[PHOTOS];
    fill_order(order);
    for (size_t threads = 1; threads <= 3; threads += 2) {
        struct loader_options options = some_options(threads, 6);
        struct loader *loader = new_loader(&options);
        assert_int_equal(photos_of_epoch(before, loader, order, 0), PHOTOS - 3);
        move_photo("b", "away");
        size_t left = photos_of_epoch(without, loader, order, 1);
        assert_int_equal(left, 8); /* ten of a, of which two are bad */
        for (size_t i = 0, at = 0; i < PHOTOS - 3; i++)
            if (before[i] < 10)
                assert_int_equal(without[at++], before[i]);
        size_t away = 0;
        for (size_t i = 0; i < loader_bad_count(loader); i++) {
            struct photo_fault bad = loader_bad_get(loader, i);
            assert_true(loader_is_bad(loader, bad.photo));
            assert_int_equal(bad.away, bad.photo >= 10 && !is_bad(bad.photo));
            if (bad.away)
                assert_string_equal(bad.reason, "No such file or directory");
            away += bad.away;
        }
        assert_int_equal(away, 12);
        move_photo("away", "b");
        assert_int_equal(photos_of_epoch(after, loader, order, 2), PHOTOS - 3);
        assert_memory_equal(after, before, (PHOTOS - 3) * sizeof *after);
        assert_int_equal(loader_bad_count(loader), 3);
        loader_destroy(loader);
    }
}

/* A resumed epoch takes the same batches as the undisturbed one, under the same availability. */
static void an_epoch_with_photos_away_goes_on_from_any_position(void **state)
{
    (void)state;
    uint32_t order[PHOTOS], seen[PHOTOS];
    size_t positions[PHOTOS], batches = 0, count = 0;
    fill_order(order);
    struct loader_options options = some_options(2, 5);
    move_photo("b/12.bmp", "12.away");
    move_photo("a/03.bmp", "03.away");
    struct loader *loader = new_loader(&options);
    loader_start(loader, order, PHOTOS, 0, 3, AUGMENT_NONE);
    for (const struct photo_batch *batch; (batch = next(loader)); batches++, count += batch->count) {
        positions[batches] = batch->position;
        memcpy(seen + count, batch->photos, batch->count * sizeof *seen);
    }
    assert_int_equal(count, PHOTOS - 5);
    for (size_t skipped = 1; skipped <= batches; skipped++) {
        struct loader *other = new_loader(&options);
        size_t at = skipped * options.batch;
        loader_start(other, order, PHOTOS, positions[skipped - 1], 3, AUGMENT_NONE);
        for (const struct photo_batch *batch; (batch = next(other)); at += batch->count)
            assert_memory_equal(batch->photos, seen + at, batch->count * sizeof *seen);
        assert_true(at == count || at == skipped * options.batch);
        loader_destroy(other);
    }
    loader_destroy(loader);
    move_photo("12.away", "b/12.bmp");
    move_photo("03.away", "a/03.bmp");
}

static void what_is_forgiven_is_tried_again(void **state)
{
    (void)state;
    uint32_t seen[PHOTOS];
    struct loader_options options = some_options(1, 4);
    struct loader *loader = new_loader(&options);
    struct error err = {0};
    assert_int_equal(loader_mark_bad(loader, 7, "it was cut", &err), OK);
    assert_int_equal(loader_mark_bad(loader, 8, "it was cut", &err), OK);
    assert_true(loader_hash(loader, 7) == 0);
    loader_forgive(loader, 7);
    loader_forgive(loader, 9); /* is not on the list */
    assert_int_equal(photos_of_epoch(seen, loader, NULL, 0), PHOTOS - 4);
    assert_false(loader_is_bad(loader, 7));
    assert_true(loader_is_bad(loader, 8));
    size_t size;
    uint8_t *bytes = test_read(test_path(folder, "a/07.bmp"), &size);
    assert_true(loader_hash(loader, 7) == hash_bytes(bytes, size, 0).low);
    assert_true(loader_hash(loader, 8) == 0);
    memory_free(bytes);
    loader_destroy(loader);
}

/* One of three is damaged and used; it stands in the order twice, and two epochs go over it. */
static void a_damaged_photo_is_counted_once(void **state)
{
    (void)state;
    struct photo_list files = {0};
    struct error err = {0};
    struct loader *loader;
    static const uint32_t order[] = {1, 2, 1};
    char text[] = "tests/fixtures/photos/rgb.png\ntests/fixtures/photos/damaged_gamma.png\n"
                  "tests/fixtures/photos/s420.jpg\n";
    FILE *stream = fmemopen(text, sizeof text - 1, "r");
    assert_int_equal(photo_list_add_stream(&files, stream, '\n', &err), OK);
    fclose(stream);
    struct loader_options options = some_options(2, 8);
    assert_int_equal(loader_create(&loader, &files, &options, &err), OK);
    assert_int_equal(loader_damaged_count(loader), 0);
    for (uint32_t epoch = 0; epoch < 2; epoch++) {
        loader_start(loader, epoch == 0 ? order : NULL, 3, 0, epoch, AUGMENT_NONE);
        assert_int_equal(next(loader)->count, 3);
    }
    assert_int_equal(loader_damaged_count(loader), 1);
    assert_true(loader_is_damaged(loader, 1));
    assert_false(loader_is_damaged(loader, 0) || loader_is_damaged(loader, 2));
    assert_int_equal(loader_bad_count(loader), 0);
    loader_destroy(loader);
    photo_list_free(&files);
}

/* It stands in the order twice, and both are decoded before the first is known to be bad: with one thread that goes
 * from one to the next before anybody looks. */
static void a_bad_photo_is_listed_once(void **state)
{
    (void)state;
    static const uint32_t order[] = {4, 4, 0, 5, 4, 5, 5};
    enum { ENTRIES = sizeof order / sizeof *order };
    for (size_t threads = 1; threads <= 3; threads++) {
        struct loader_options options = some_options(threads, 8);
        struct loader *loader = new_loader(&options);
        for (uint32_t epoch = 0; epoch < 2; epoch++) {
            loader_start(loader, order, ENTRIES, 0, epoch, AUGMENT_NONE);
            assert_int_equal(next(loader)->count, 1);
            assert_null(next(loader));
        }
        assert_int_equal(loader_bad_count(loader), 2);
        assert_int_equal(loader_bad_get(loader, 0).photo, 4);
        assert_int_equal(loader_bad_get(loader, 1).photo, 5);
        loader_forgive(loader, 4);
        assert_int_equal(loader_bad_count(loader), 1);
        loader_destroy(loader);
    }
}

static void ending_at_any_moment_is_fine(void **state)
{
    (void)state;
    struct loader_options options = some_options(3, 9);
    loader_destroy(NULL);
    for (int round = 0; round < 30; round++) {
        struct loader *loader = new_loader(&options);
        for (int start = 0; start < round % 4; start++) {
            loader_start(loader, NULL, PHOTOS, 0, 0, AUGMENT_STANDARD);
            for (int i = 0; i < round % 3; i++)
                next(loader);
        }
        loader_destroy(loader);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batches_are_the_same_for_any_threads),
        cmocka_unit_test(an_epoch_goes_on_from_any_position),
        cmocka_unit_test(strict_names_the_first_bad_photo),
        cmocka_unit_test(what_is_marked_bad_is_not_tried),
        cmocka_unit_test(what_is_away_comes_back),
        cmocka_unit_test(an_epoch_with_photos_away_goes_on_from_any_position),
        cmocka_unit_test(what_is_forgiven_is_tried_again),
        cmocka_unit_test(a_damaged_photo_is_counted_once),
        cmocka_unit_test(a_bad_photo_is_listed_once),
        cmocka_unit_test(a_list_of_files_for_predict),
        cmocka_unit_test(ending_at_any_moment_is_fine),
    };
    return cmocka_run_group_tests_name("loader", tests, make_photos, remove_photos);
}
