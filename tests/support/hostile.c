#define _GNU_SOURCE
#include "tests/support/hostile.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/emulator.h"
#include "tests/support/test.h"
#include "tests/support/weight_sample.h"
#include "weights/safetensors/safetensors.h"

static double slowest; /* seconds, as a share of what the file's size allows */
enum { PICKLE_MEMORY = 160 << 20 };

void hostile_assert_bounded(void)
{
    if (emulator()) {
        print_message("# skipped: an emulator takes many times as long as a processor\n");
        skip();
    }
    if (!(slowest < 1))
        fail_msg("a file took %.2f times as long to open as it may", slowest);
}

/* Lets the process have so much more address space from here on, touched or not; 0: as much as before. A sanitizer's
 * shadow knows no such limit, and where OpenBLAS is linked and has threads (run_test.sh lets it have none) these take
 * some as well. */
static void limit_memory(size_t more)
{
#ifndef __SANITIZE_ADDRESS__
    static struct rlimit before;
    const char *blas = getenv("OPENBLAS_NUM_THREADS");
    if (!blas || strcmp(blas, "1") != 0)
        return;
    if (more == 0) {
        assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
        return;
    }
    mallopt(M_MMAP_THRESHOLD, 1 << 17); /* what was freed is given back, and not there to be had again uncounted */
    FILE *file = fopen("/proc/self/statm", "r");
    size_t pages = 0;
    if (file) {
        assert_int_equal(fscanf(file, "%zu", &pages), 1);
        fclose(file);
    }
    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    struct rlimit limit = before;
    if (pages > 0)
        limit.rlim_cur = pages * (size_t)sysconf(_SC_PAGESIZE) + more;
    assert_int_equal(setrlimit(RLIMIT_AS, &limit), 0);
#else
    (void)more;
#endif
}

size_t hostile_assert_message(const struct error *err, const char *path)
{
    if (err->status != ERR_DATA || strpbrk(err->text, "\n\r") || strncmp(err->text, path, strlen(path)) != 0)
        fail_msg("not one line with the path, or not ERR_DATA: %s", err->text);
    if (strstr(err->text, ": truncated: ")) /* the end of the file is the place */
        return 0;
    const char *byte = strstr(err->text, "byte ");
    if (!byte || byte[5] < '0' || byte[5] > '9')
        fail_msg("names no byte: %s", err->text);
    return (size_t)strtoull(byte + 5, NULL, 10);
}

/* weight_file_open, measured. */
static enum status open_bytes(struct weight_file **file, const void *bytes, size_t size, const char *path,
                              struct error *err)
{
    struct timespec before, after;
    sample_write(path, bytes, size);
    limit_memory(size + HOSTILE_MEMORY + (size < PICKLE_MEMORY / 36 ? 36 * size : PICKLE_MEMORY));
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
    enum status status = weight_file_open(file, path, err);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
    limit_memory(0);
    double seconds = (double)(after.tv_sec - before.tv_sec) + (double)(after.tv_nsec - before.tv_nsec) * 1e-9;
    /* What this is to find is work that grows with the square of the size: a hundred times as long. Time of a processor
     * that others use as well is half as long again. */
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
    const double by_byte = 8e-7;
#else
    const double by_byte = 2e-7;
#endif
    double share = seconds / (0.4 + (size > 1 << 20 ? by_byte * (double)size : 0));
    slowest = share > slowest ? share : slowest;
    return status;
}

size_t hostile_assert_refused(const void *bytes, size_t size, const char *wanted)
{
    const char *path = sample_path("bad");
    struct weight_file *untouched = (struct weight_file *)&untouched, *file = untouched;
    struct error err = {0};
    if (open_bytes(&file, bytes, size, path, &err) == OK)
        fail_msg("read; expected: %s", wanted);
    assert_ptr_equal(file, untouched);
    size_t at = hostile_assert_message(&err, path);
    if (!strstr(err.text, wanted))
        fail_msg("'%s' does not say '%s'", err.text, wanted);
    return at;
}

/* The file's content as a safetensors file at `path`. */
static void rewrite(const struct weight_file *file, const char *path)
{
    size_t count = weight_file_count(file), notes = weight_file_metadata_count(file);
    struct weight_tensor *tensors = calloc(count + 1, sizeof *tensors);
    struct weight_metadata *metadata = calloc(notes + 1, sizeof *metadata);
    struct error err = {0};
    assert_true(tensors && metadata);
    for (size_t i = 0; i < count; i++) {
        tensors[i] = *weight_file_at(file, i);
        assert_int_equal(weight_tensor_fetch(&tensors[i], file, NULL), OK);
    }
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
