#define _GNU_SOURCE
#include "tests/support/feature_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "core/features/feature_file.h"
#include "tests/support/feature_sample.h"
#include "tests/support/test.h"
#include "tests/support/test_files.h"

char feature_folder[256], feature_path[300];
struct feature_store_about feature_about;
uint8_t *feature_good;
size_t feature_good_size;

struct feature_store *feature_fixture_open(void)
{
    struct feature_store *store = NULL;
    struct error err = {0};
    if (feature_store_open_disk(&store, feature_folder, &feature_about, &err) != OK)
        fail_msg("%s", err.text);
    return store;
}

enum status feature_fixture_append(struct feature_store *store, uint32_t first, uint32_t count, struct error *err)
{
    float features[100 * FEATURE_FLOATS];
    struct feature_id ids[100];
    assert_in_range(count, 0, 100);
    for (uint32_t i = 0; i < count; i++) {
        ids[i] = feature_sample_id(first + i);
        feature_sample(features + i * FEATURE_FLOATS, FEATURE_FLOATS, first + i);
    }
    return feature_store_append(store, ids, features, count, err);
}

void feature_fixture_append_all(struct feature_store *store, uint32_t first, uint32_t count)
{
    struct error err = {0};
    if (feature_fixture_append(store, first, count, &err) != OK)
        fail_msg("%s", err.text);
}

bool feature_fixture_holds(struct feature_store *store, uint32_t number)
{
    float features[FEATURE_FLOATS];
    struct error err = {0};
    struct feature_id id = feature_sample_id(number);
    bool found;
    assert_int_equal(feature_store_read(features, &found, store, &id, &err), OK);
    assert_true(!found || feature_sample_right(features, &feature_about, number));
    return found;
}

int feature_fixture_enter(void **state)
{
    (void)state;
    test_folder_make(feature_folder);
    feature_about = feature_sample_about(FEATURE_FLOATS, FEATURE_F32);
    snprintf(feature_path, sizeof feature_path, "%s/01112233445566778899aabbccddeeff.features", feature_folder);
    struct feature_store *store = feature_fixture_open();
    feature_fixture_append_all(store, 0, 3);
    feature_store_close(store);
    feature_good = test_read(feature_path, &feature_good_size);
    assert_int_equal(feature_good_size, FEATURE_HEADER_BYTES + 3 * FEATURE_RECORD);
    return 0;
}

int feature_fixture_leave(void **state)
{
    (void)state;
    memory_free(feature_good);
    test_folder_remove(feature_folder);
    return 0;
}
