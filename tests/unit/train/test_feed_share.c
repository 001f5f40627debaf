/* Feeds of a group (core/train/feed_share.h): the batches are those of one process, and each rank decodes what it needs
 * of them and nothing else, also where photos cannot be read. (Whole runs: test_train_peers.c.) */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/train/feed.h"
#include "tests/support/own_folder.h"
#include "tests/support/test_files.h"
#include "tests/support/thread_peers.h"

enum { PHOTOS = 23, SIDE = 12, BYTES = SIDE * SIDE * 3, BATCH = 6, BATCHES = 4, RANKS = 3 };

/* Numbers 4, 5 and 17 cannot be decoded; below other/, 8 neither. */
static bool is_bad(uint32_t photo)
{
    return photo == 4 || photo == 5 || photo == 17;
}

static int make_photos(void **state)
{
    folder_setup(state);
    for (uint32_t i = 0; i < 2 * PHOTOS; i++) {
        size_t size;
        char name[64];
        uint32_t photo = i % PHOTOS;
        uint8_t *bytes = test_bmp(&size, 20, 20, photo);
        snprintf(name, sizeof name, "%s/a/%02u.bmp", i < PHOTOS ? "photos" : "other", photo);
        test_write(test_path(folder, name), bytes, is_bad(photo) || i == PHOTOS + 8 ? size / 2 : size);
        memory_free(bytes);
    }
    return 0;
}

struct seen {
    size_t count;
    uint32_t photos[BATCH];
    uint8_t pixels[BATCH][BYTES]; /* of a rank: zeros before the first batch */
};

struct trial {
    bool differs; /* the last rank has the photos of other/ */
    size_t from;  /* where the pass begins */
    char roots[2][300];
    struct seen seen[RANKS][BATCHES];
    size_t skipped[RANKS], known[RANKS];
};

/* A third of the batch each, as even as can be. */
static size_t needs(void *context, uint32_t *places, size_t rank, size_t batch, size_t count)
{
    const struct peers *peers = context;
    size_t n = 0;
    (void)batch;
    for (size_t i = peers_first(peers, rank, count); i < peers_first(peers, rank + 1, count); i++)
        places[n++] = (uint32_t)i;
    return n;
}

static enum status read_pass(struct trial *trial, struct feed *feed, struct loader *loader, size_t rank,
                             struct error *err)
{
    uint32_t order[PHOTOS];
    for (uint32_t i = 0; i < PHOTOS; i++)
        order[i] = PHOTOS - 1 - i;
    enum status status = feed_start(feed, order, PHOTOS, trial->from, photo_view_plain(), NULL, NULL, err);
    for (size_t b = 0; status == OK && b < BATCHES + 1; b++) {
        const struct photo_batch *batch;
        status = feed_next(feed, &batch, err);
        if (status != OK || !batch)
            break;
        struct seen *seen = &trial->seen[rank][b];
        seen->count = batch->count;
        memcpy(seen->photos, batch->photos, batch->count * sizeof *batch->photos);
        memcpy(seen->pixels, batch->pixels, sizeof seen->pixels);
    }
    trial->skipped[rank] = loader_bad_count(loader);
    for (uint32_t i = 0; i < PHOTOS; i++)
        trial->known[rank] += !is_bad(i) && loader_hash(loader, i) != 0;
    return status;
}

static enum status read_rank(void *context, const struct peers *peers, struct error *err)
{
    struct trial *trial = context;
    struct photo_list list;
    struct class_names classes;
    struct loader *loader = NULL;
    struct feed *feed = NULL;
    const struct loader_options options = {
        .threads = 2, .batch = BATCH, .ahead = 8, .preprocess = preprocess_for_size(SIDE)};
    const char *root = trial->roots[trial->differs && peers->rank + 1 == peers->count];
    enum status status = folder_list(&list, &classes, root, NULL, NULL, err);
    if (status == OK)
        status = loader_create(&loader, &list, &options, err);
    if (status == OK)
        status = feed_create(&feed, loader, &list, BATCH, false, err);
    if (status == OK)
        status = feed_join(feed, peers, needs, (void *)peers, err);
    if (status == OK)
        status = read_pass(trial, feed, loader, peers->rank, err);
    feed_destroy(feed);
    loader_destroy(loader);
    photo_list_free(&list);
    class_names_free(&classes);
    return status;
}

static void run(struct error *ends, struct trial *trial, size_t ranks, bool differs, size_t from)
{
    *trial = (struct trial){.differs = differs, .from = from};
    snprintf(trial->roots[0], sizeof trial->roots[0], "%s/photos", folder);
    snprintf(trial->roots[1], sizeof trial->roots[1], "%s/other", folder);
    thread_peers_run(ends, ranks, read_rank, trial);
}

static bool is_zero(const uint8_t *bytes)
{
    for (size_t i = 0; i < BYTES; i++)
        if (bytes[i])
            return false;
    return true;
}

static struct trial alone, shared; /* large */

/* From the last photo to the first; also where the pass is gone on with, and then ends with a full batch. */
static void ranks_see_the_batches_of_one_and_decode_their_part(void **state)
{
    (void)state;
    for (size_t from = 0; from < 3; from += 2)
        for (size_t ranks = 2; ranks <= RANKS; ranks++) {
            struct error ends[RANKS];
            run(ends, &alone, 1, false, from);
            assert_int_equal(ends[0].status, OK);
            assert_int_equal(alone.seen[0][BATCHES - 1].count, from ? 0 : 2);
            run(ends, &shared, ranks, false, from);
            for (size_t r = 0; r < ranks; r++) {
                const struct peers peers = {.rank = r, .count = ranks};
                assert_int_equal(ends[r].status, OK);
                assert_int_equal(shared.skipped[r], alone.skipped[0]);
                assert_int_equal(shared.known[r], alone.known[0]);
                for (size_t b = 0; b < BATCHES; b++) {
                    const struct seen *own = &shared.seen[r][b], *wanted = &alone.seen[0][b];
                    assert_int_equal(own->count, wanted->count);
                    assert_memory_equal(own->photos, wanted->photos, sizeof own->photos);
                    for (size_t i = 0; i < own->count; i++) {
                        bool mine =
                            i >= peers_first(&peers, r, own->count) && i < peers_first(&peers, r + 1, own->count);
                        if (mine)
                            assert_memory_equal(own->pixels[i], wanted->pixels[i], BYTES);
                        else if (b == 0)
                            assert_true(is_zero(own->pixels[i]));
                    }
                }
            }
        }
}

/* Whose part of a batch a photo is; `ranks` where it is in none. */
static size_t owner_of(uint32_t photo, size_t ranks)
{
    const struct peers peers = {.rank = 0, .count = ranks};
    for (size_t b = 0; b < BATCHES; b++)
        for (size_t i = 0; i < alone.seen[0][b].count; i++)
            for (size_t r = 0; alone.seen[0][b].photos[i] == photo && r < ranks; r++)
                if (i < peers_first(&peers, r + 1, alone.seen[0][b].count))
                    return r;
    return ranks;
}

/* The last rank cannot read number 8. Where that is its part the others try the photo, and can; else nobody notices. */
static void a_photo_that_only_others_can_read_ends_the_pass(void **state)
{
    (void)state;
    size_t errors = 0, rounds = 0;
    for (size_t ranks = 2; ranks <= RANKS; ranks++)
        for (size_t from = 0; from < 6; from++, rounds++) {
            struct error ends[RANKS];
            char text[80];
            run(ends, &alone, 1, false, from);
            run(ends, &shared, ranks, true, from);
            bool wanted = owner_of(8, ranks) == ranks - 1;
            errors += wanted;
            snprintf(text, sizeof text, "rank %zu could not read the same photos as rank 0", ranks - 1);
            for (size_t r = 0; r < ranks; r++) {
                assert_int_equal(ends[r].status, wanted ? ERR_NOINPUT : OK);
                assert_int_equal(strstr(ends[r].text, text) != NULL, wanted);
            }
        }
    assert_in_range(errors, 1, rounds - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranks_see_the_batches_of_one_and_decode_their_part),
        cmocka_unit_test(a_photo_that_only_others_can_read_ends_the_pass),
    };
    return cmocka_run_group_tests(tests, make_photos, folder_teardown);
}
