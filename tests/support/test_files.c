#define _GNU_SOURCE
#include "tests/support/test_files.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/memory.h"
#include "tests/support/test.h"

void test_folder_make(char out[256])
{
    const char *where = getenv("TMPDIR");
    if (!where || !*where)
        where =
            access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"; /* memory: thousands of synced files cost nothing */
    snprintf(out, 256, "%s/freezetune-test-XXXXXX", where);
    assert_non_null(mkdtemp(out));
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)info;
    (void)type;
    (void)walk;
    return remove(path);
}

void test_folder_remove(const char *folder)
{
    assert_int_equal(nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

const char *test_path(const char *folder, const char *name)
{
    static char buffers[4][1024];
    static unsigned turn;
    char *buffer = buffers[turn++ % 4];
    assert_true(snprintf(buffer, sizeof buffers[0], "%s/%s", folder, name) < (int)sizeof buffers[0]);
    return buffer;
}

void test_write(const char *path, const void *bytes, size_t size)
{
    struct error err;
    char *folder;
    assert_int_equal(memory_strdup(&folder, path, &err), OK);
    *strrchr(folder, '/') = '\0';
    assert_int_equal(folder_create(folder, &err), OK);
    memory_free(folder);
    unlink(path); /* a file cut to nothing and written again is flushed to the disk by some file systems: slow */
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

uint8_t *test_read(const char *path, size_t *size)
{
    struct error err = {0};
    uint8_t *bytes = NULL;
    if (file_read(&bytes, size, path, (size_t)1 << 30, &err) != OK)
        fail_msg("%s", err.text);
    return bytes;
}

static struct image new_image(int height, int width)
{
    void *pixels;
    assert_int_equal(memory_alloc(&pixels, (size_t)height * (size_t)width, 3, "a picture", NULL), OK);
    return (struct image){.height = height, .width = width, .pixels = pixels};
}

struct image test_pattern(int height, int width)
{
    struct image image = new_image(height, width);
    uint8_t *out = image.pixels;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < 3; c++)
                *out++ = (uint8_t)(y * 7 + x * 5 + c * 60 + (x / 5 + y / 7) % 2 * 90 +
                                   (int)((long long)x * y * (c + 3) % 31));
    return image;
}

struct image test_ppm(const char *path)
{
    size_t size;
    int height = 0, width = 0, start = 0;
    uint8_t *bytes = test_read(path, &size);
    assert_int_equal(sscanf((const char *)bytes, "P6 %d %d 255%n", &width, &height, &start), 2);
    struct image image = new_image(height, width);
    assert_int_equal(size, (size_t)start + 1 + (size_t)height * (size_t)width * 3);
    memcpy(image.pixels, bytes + start + 1, (size_t)height * (size_t)width * 3);
    memory_free(bytes);
    return image;
}

uint8_t *test_bmp(size_t *size, int height, int width, uint32_t seed)
{
    enum { HEAD = 54 };
    size_t row = ((size_t)width * 3 + 3) / 4 * 4;
    void *memory;
    *size = HEAD + row * (size_t)height;
    assert_int_equal(memory_alloc(&memory, *size, 1, "a picture", NULL), OK);
    uint8_t *bytes = memory;
    uint32_t fields[] = {(uint32_t)*size, 0, HEAD, 40, (uint32_t)width, (uint32_t)height, 1 | 24 << 16};
    memcpy(bytes, "BM", 2);
    memcpy(bytes + 2, fields, sizeof fields);
    for (size_t i = HEAD; i < *size; i++) {
        seed = seed * 1664525 + 1013904223;
        bytes[i] = (uint8_t)(seed >> 24);
    }
    return bytes;
}

uint64_t test_fnv(const void *bytes, size_t size)
{
    uint64_t value = 0xCBF29CE484222325;
    for (size_t i = 0; i < size; i++)
        value = (value ^ ((const uint8_t *)bytes)[i]) * 0x100000001B3;
    return value;
}
