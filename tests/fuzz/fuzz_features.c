/* A file of features. The first byte says how the rest becomes one, so that checksums, which chance would never find,
 * do not end every attempt: bit 0, the first 144 bytes are those of the header page, the rest is what comes behind it;
 * bit 1, the header's checksum is made right; bit 2, those of all whole records are. Without them: the file as it
 * is. */
#define _GNU_SOURCE
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/hash.h"
#include "core/features/feature_file.h"
#include "tests/support/feature_sample.h"

enum { FLOATS = 3, RECORD = 40, WRITTEN = 144, SIZE_MOST = FEATURE_HEADER_BYTES + (1 << 16) };

static char folder[64], path[128];

static void require(int truth)
{
    if (!truth)
        abort();
}

static void remove_folder(void)
{
    unlink(path);
    rmdir(folder);
}

/* file[SIZE_MOST] from the input; its size. */
static size_t make_file(uint8_t *file, const struct feature_store_about *about, const uint8_t *data, size_t size)
{
    unsigned how = size ? data[0] : 0;
    size_t head, end;
    data += size > 0;
    size -= size > 0;
    memset(file, 0, FEATURE_HEADER_BYTES);
    size = size > 1 << 16 ? 1 << 16 : size;
    head = how & 1 && size > WRITTEN ? WRITTEN : size;
    memcpy(file, data, head);
    memcpy(file + FEATURE_HEADER_BYTES, data + head, size - head);
    end = how & 1 ? FEATURE_HEADER_BYTES + size - head : size;
    if (how & 2 && end >= FEATURE_HEADER_BYTES) {
        uint64_t checksum = hash_bytes(file, FEATURE_HEADER_BYTES - sizeof checksum, 0).low;
        memcpy(file + FEATURE_HEADER_BYTES - sizeof checksum, &checksum, sizeof checksum);
    }
    for (size_t at = FEATURE_HEADER_BYTES; how & 4 && at + RECORD <= end; at += RECORD) {
        struct feature_id id;
        memcpy(&id, file + at + 8, sizeof id);
        feature_record_seal(file + at, about, &id);
    }
    return end;
}

/* Every record of the file is the one that is found under its id, or one behind it is. */
static void read_all(struct feature_store *store, const uint8_t *file, size_t size, struct error *err)
{
    float features[FLOATS];
    bool found;
    for (size_t at = FEATURE_HEADER_BYTES; at + RECORD <= size; at += RECORD) {
        struct feature_id id;
        memcpy(&id, file + at + 8, sizeof id);
        require(feature_store_read(features, &found, store, &id, err) == OK);
        require(feature_store_has(store, &id) == found);
    }
}

static void append_and_find(struct feature_store *store, const struct feature_store_about *about, struct error *err)
{
    float features[FLOATS];
    bool found;
    const struct feature_id id = feature_sample_id(1);
    size_t before = feature_store_count(store);
    bool had = feature_store_has(store, &id);
    feature_sample(features, FLOATS, 1);
    require(feature_store_append(store, &id, features, 1, err) == OK);
    require(feature_store_count(store) == before + !had);
    require(feature_store_read(features, &found, store, &id, err) == OK);
    require(had || (found && feature_sample_right(features, about, 1)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t bytes[SIZE_MOST];
    const struct feature_store_about about = feature_sample_about(FLOATS, FEATURE_F16);
    struct feature_store_about looked;
    enum feature_header header;
    struct feature_store *store;
    struct error err = {0};
    uint64_t length;
    int64_t used;
    fuzz_folder_make(folder, remove_folder);
    snprintf(path, sizeof path, "%s/00112233445566778899aabbccddeeff" FEATURE_FILE_SUFFIX, folder);
    size_t end = make_file(bytes, &about, data, size);
    FILE *file = fopen(path, "wb");
    require(file && fwrite(bytes, 1, end, file) == end && fclose(file) == 0);
    require(feature_file_look(&header, &looked, &length, &used, path, &err) == OK && length == end);
    require(header != FEATURE_HEADER_GOOD || (feature_about_valid(&looked) && length >= FEATURE_HEADER_BYTES));
    enum status status = feature_store_open_disk(&store, folder, &about, &err);
    require(status == OK || (status == ERR_DATA && header != FEATURE_HEADER_UNFINISHED));
    require(status != OK || header == FEATURE_HEADER_GOOD || header == FEATURE_HEADER_UNFINISHED);
    if (status != OK)
        return 0;
    require(feature_store_count(store) <= (end < FEATURE_HEADER_BYTES ? 0 : (end - FEATURE_HEADER_BYTES) / RECORD));
    read_all(store, bytes, end, &err);
    append_and_find(store, &about, &err);
    feature_store_close(store);
    return 0;
}
