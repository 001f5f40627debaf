#define _GNU_SOURCE
#include "tests/support/weight_sample.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/own_folder.h"
#include "tests/support/test.h"

static int is_entry(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

const char *sample_path(const char *name)
{
    static char paths[8][600];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

size_t sample_folder_entries(void)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, is_entry, NULL);
    assert_true(count >= 0);
    for (int i = 0; i < count; i++)
        free(entries[i]);
    free(entries);
    return (size_t)count;
}

void sample_write(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(size ? fwrite(bytes, 1, size, file) : 0, size);
    assert_int_equal(fclose(file), 0);
}

size_t sample_read(void *bytes, size_t size, const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t count = fread(bytes, 1, size, file);
    while (fgetc(file) != EOF)
        count++;
    fclose(file);
    return count;
}

size_t sample_build(uint8_t *out, size_t size, const char *header, size_t header_size, size_t data)
{
    assert_true(8 + header_size + data <= size);
    for (size_t i = 0; i < 8; i++)
        out[i] = (uint8_t)((uint64_t)header_size >> (8 * i));
    memcpy(out + 8, header, header_size);
    for (size_t i = 0; i < data; i++)
        out[8 + header_size + i] = (uint8_t)i;
    return 8 + header_size + data;
}

int sample_same(const struct weight_file *a, const struct weight_file *b)
{
    if (weight_file_count(a) != weight_file_count(b) || weight_file_metadata_count(a) != weight_file_metadata_count(b))
        return 0;
    for (size_t i = 0; i < weight_file_count(a); i++) {
        const struct weight_tensor *x = weight_file_at(a, i), *y = weight_file_at(b, i);
        if (weight_tensor_fetch(x, a, NULL) != OK || weight_tensor_fetch(y, b, NULL) != OK)
            return 0;
        if (strcmp(x->name, y->name) != 0 || x->dtype != y->dtype || !weight_tensor_same_shape(x, y) ||
            x->bytes != y->bytes || (x->bytes && memcmp(x->data, y->data, x->bytes) != 0))
            return 0;
    }
    for (size_t i = 0; i < weight_file_metadata_count(a); i++) {
        struct weight_metadata x = weight_file_metadata_at(a, i), y = weight_file_metadata_at(b, i);
        if (strcmp(x.key, y.key) != 0 || strcmp(x.value, y.value) != 0)
            return 0;
    }
    return 1;
}

struct weight_file *sample_open(const char *name)
{
    struct weight_file *file = NULL;
    struct error err;
    if (weight_file_open(&file, sample_path(name), &err) != OK)
        fail_msg("%s", err.text);
    return file;
}
