/* Files and pictures for tests. All of these end the test on failure. */
#ifndef FREEZETUNE_TEST_FILES_H
#define FREEZETUNE_TEST_FILES_H

#include <stddef.h>
#include <stdint.h>

#include "core/data/image.h"

/* A new empty folder below $TMPDIR, /dev/shm or /tmp, removed with all it holds by test_folder_remove. */
void test_folder_make(char out[256]);
void test_folder_remove(const char *folder);

/* "folder/name" in one of four turning buffers. */
const char *test_path(const char *folder, const char *name);

/* Writes a file; missing folders above it are made. */
void test_write(const char *path, const void *bytes, size_t size);

/* The bytes of a file, owned by the caller (memory_free). */
uint8_t *test_read(const char *path, size_t *size);

/* The picture that scripts/make_photo_fixtures.py calls pattern(); owned by the caller (image_free). */
struct image test_pattern(int height, int width);

/* A binary PPM file, as the fixtures have it. */
struct image test_ppm(const char *path);

/* A valid 24-bit BMP file of a picture whose pixels all depend on `seed`: owned by the caller. */
uint8_t *test_bmp(size_t *size, int height, int width, uint32_t seed);

/* FNV-1a, 64 bits. */
uint64_t test_fnv(const void *bytes, size_t size);

#endif
