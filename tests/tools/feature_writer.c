/* feature_writer fill DIR COUNT: appends entries 0..COUNT-1, those that are not there, to the sample store in DIR, a
 * few at a time, and reads each back. feature_writer check DIR COUNT: reads all that is there and prints how many
 * entries are right, how many are damaged and how many bytes of a torn one are at the end. feature_writer hold DIR
 * SECONDS: keeps the file open. A fourth number, the second byte of the key, makes it another store. Exit code 1 when
 * an entry is wrong, or 2 with a line when a call fails. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/features/feature_header.h"
#include "tests/support/feature_sample.h"

enum { FLOATS = 20000, TOGETHER = 16 }; /* 80 KB an entry, more than a megabyte in a call */

static struct feature_store *store;
static struct feature_store_about about;

static void require(enum status status, const struct error *err)
{
    if (status != OK) {
        fprintf(stderr, "feature_writer: %s\n", err->text);
        exit(2);
    }
}

/* Is the entry there? A wrong one ends the program. */
static bool holds(uint32_t number)
{
    static float features[FLOATS];
    struct error err = {0};
    struct feature_id id = feature_sample_id(number);
    bool found;
    require(feature_store_read(features, &found, store, &id, &err), &err);
    if (found && !feature_sample_right(features, &about, number)) {
        fprintf(stderr, "feature_writer: entry %u is wrong\n", number);
        exit(1);
    }
    return found;
}

/* What is there already is left to `check`. */
static void fill(uint32_t count)
{
    static float features[TOGETHER * FLOATS];
    struct feature_id ids[TOGETHER];
    uint32_t numbers[TOGETHER], filled = 0;
    struct error err = {0};
    for (uint32_t i = 0; i < count; i++) {
        ids[filled] = feature_sample_id(i);
        numbers[filled] = i;
        if (!feature_store_has(store, &ids[filled]))
            feature_sample(features + filled++ * FLOATS, FLOATS, i);
        if (filled < TOGETHER && i + 1 < count)
            continue;
        require(feature_store_append(store, ids, features, filled, &err), &err);
        for (; filled > 0; filled--)
            if (!holds(numbers[filled - 1])) {
                fprintf(stderr, "feature_writer: entry %u is not there\n", numbers[filled - 1]);
                exit(1);
            }
    }
}

static void check(const char *dir, uint32_t count)
{
    char path[4096];
    struct stat info;
    uint32_t right = 0;
    for (uint32_t i = 0; i < count; i++)
        right += holds(i);
    snprintf(path, sizeof path, "%s/01112233445566778899aabbccddeeff.features", dir);
    long long torn = stat(path, &info) == 0
                         ? (long long)(info.st_size - FEATURE_HEADER_BYTES) % (long long)feature_record_bytes(&about)
                         : -1;
    printf("%u right, %zu damaged, %lld bytes torn\n", right, feature_store_damaged(store), torn);
}

int main(int argc, char **argv)
{
    struct error err = {0};
    if (argc < 4) {
        fprintf(stderr, "usage: feature_writer fill|check|hold DIR COUNT [BYTE]\n");
        return 64;
    }
    about = feature_sample_about(FLOATS, FEATURE_F32);
    about.key[1] = argc > 4 ? (uint8_t)atoi(argv[4]) : about.key[1];
    uint32_t count = (uint32_t)strtoul(argv[3], NULL, 10);
    require(feature_store_open_disk(&store, argv[2], &about, &err), &err);
    if (strcmp(argv[1], "fill") == 0)
        fill(count);
    else if (strcmp(argv[1], "check") == 0)
        check(argv[2], count);
    else {
        puts("open");
        fflush(stdout);
        sleep(count);
    }
    feature_store_close(store);
    return 0;
}
