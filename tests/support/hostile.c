#define _GNU_SOURCE
#include "tests/support/hostile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/support/test.h"
#include "tests/support/weight_sample.h"
#include "weights/safetensors.h"

static double slowest;
static long largest; /* kilobytes */

void hostile_assert_bounded(void)
{
#ifndef __SANITIZE_ADDRESS__
    if (!(slowest < 0.1))
        fail_msg("a file took %.3f s to open", slowest);
    if (!(largest < 16 * 1024))
        fail_msg("a file took %ld KiB to open", largest);
#endif
}

/* Memory in use, or the most since `reset`; 0 where the system does not tell. */
static long memory_in_use(const char *field)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[200];
    long kilobytes = 0;
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, field, strlen(field)) == 0)
            kilobytes = strtol(line + strlen(field), NULL, 10);
    if (file)
        fclose(file);
    return kilobytes;
}

static void reset_most(void)
{
    FILE *file = fopen("/proc/self/clear_refs", "w");
    if (file) {
        fputs("5", file);
        fclose(file);
    }
}

void hostile_assert_message(const struct error *err, const char *path)
{
    if (err->status != ERR_DATA || strpbrk(err->text, "\n\r") || strncmp(err->text, path, strlen(path)) != 0)
        fail_msg("not one line with the path, or not ERR_DATA: %s", err->text);
    const char *byte = strstr(err->text, "byte ");
    if (!byte || byte[5] < '0' || byte[5] > '9')
        fail_msg("names no byte: %s", err->text);
}

/* weight_file_open, measured; memory only where there is enough to see. */
static enum status open_bytes(struct weight_file **file, const void *bytes, size_t size, const char *path,
                              struct error *err)
{
    sample_write(path, bytes, size);
    struct timespec before, after;
    bool big = size > 100000;
    long in_use = 0;
    if (big) {
        reset_most();
        in_use = memory_in_use("VmRSS:");
    }
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
    enum status status = weight_file_open(file, path, err);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
    double seconds = (double)(after.tv_sec - before.tv_sec) + (double)(after.tv_nsec - before.tv_nsec) * 1e-9;
    if (big) {
        long more = memory_in_use("VmHWM:") - in_use - (long)(size / 1024);
        largest = more > largest ? more : largest;
    }
    slowest = seconds > slowest ? seconds : slowest;
    return status;
}

void hostile_assert_refused(const void *bytes, size_t size, const char *wanted)
{
    const char *path = sample_path("bad");
    struct weight_file *untouched = (struct weight_file *)&untouched, *file = untouched;
    struct error err = {0};
    if (open_bytes(&file, bytes, size, path, &err) != ERR_DATA)
        fail_msg("not refused; expected: %s", wanted);
    assert_ptr_equal(file, untouched);
    hostile_assert_message(&err, path);
    if (!strstr(err.text, wanted))
        fail_msg("'%s' does not say '%s'", err.text, wanted);
}

/* The file's content as a safetensors file at `path`. */
static void rewrite(const struct weight_file *file, const char *path)
{
    size_t count = weight_file_count(file), notes = weight_file_metadata_count(file);
    struct weight_tensor *tensors = calloc(count + 1, sizeof *tensors);
    struct weight_metadata *metadata = calloc(notes + 1, sizeof *metadata);
    struct error err = {0};
    assert_true(tensors && metadata);
    for (size_t i = 0; i < count; i++)
        tensors[i] = *weight_file_at(file, i);
    for (size_t i = 0; i < notes; i++)
        metadata[i] = weight_file_metadata_at(file, i);
    if (safetensors_write(path, tensors, count, metadata, notes, &err) != OK)
        fail_msg("%s", err.text);
    free(tensors);
    free(metadata);
}

bool hostile_refused_or_rewritten(const void *bytes, size_t size)
{
    const char *path = sample_path("flipped"), *again = sample_path("rewritten");
    struct weight_file *file, *copy = NULL;
    struct error err = {0};
    if (open_bytes(&file, bytes, size, path, &err) != OK) {
        hostile_assert_message(&err, path);
        return false;
    }
    rewrite(file, again);
    if (weight_file_open(&copy, again, &err) != OK)
        fail_msg("%s", err.text);
    assert_true(sample_same(file, copy));
    weight_file_close(copy);
    weight_file_close(file);
    return true;
}

bool hostile_refused_or_same(const void *bytes, size_t size, const char *good)
{
    const char *path = sample_path("flipped");
    struct weight_file *file, *other = NULL;
    struct error err = {0};
    if (open_bytes(&file, bytes, size, path, &err) != OK) {
        hostile_assert_message(&err, path);
        return false;
    }
    assert_int_equal(weight_file_open(&other, good, NULL), OK);
    assert_true(sample_same(file, other));
    weight_file_close(other);
    weight_file_close(file);
    return true;
}
