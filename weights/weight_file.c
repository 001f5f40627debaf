#define _GNU_SOURCE
#include "weights/weight_file.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "weights/weight_file_private.h"

/* What people have in hand instead of a weight file, by its first bytes. */
static const struct {
    const char *begin;
    size_t size;
    const char *text;
} strangers[] = {
    {"PK\3\4", 4, "a zip file, such as a PyTorch .pth; scripts/convert_weights.py makes a safetensors file of it"},
    {"\x80\2", 2, "a pickle, such as an old PyTorch .pth; scripts/convert_weights.py makes a safetensors file of it"},
    {"version https://git-lfs", 23, "a Git LFS pointer, not the file itself; fetch it with 'git lfs pull'"},
    {"<!DOCTYPE", 9, "a web page, not a weight file; the download went wrong"},
    {"<html", 5, "a web page, not a weight file; the download went wrong"},
    {"\xfd"
     "7zXZ",
     5, "an xz archive; unpack it first"},
    {"\x1f\x8b", 2, "a gzip archive; unpack it first"},
    {"\x89HDF", 4, "an HDF5 file (Keras?), which is not read"},
    {"GGUF", 4, "a GGUF file, which is not read"},
};

static enum status refuse_strangers(const struct weight_file *file, struct error *err)
{
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++)
        if (file->map.size >= strangers[i].size + 8 &&
            memcmp(file->map.bytes, strangers[i].begin, strangers[i].size) == 0 &&
            !(file->map.bytes[8] == '{' && file->map.bytes[7] == 0))
            return error_set(err, ERR_DATA, "%.400s: byte 0: this is %s", file->path, strangers[i].text);
    return OK;
}

enum status weight_file_open(struct weight_file **out, const char *path, struct error *err)
{
    void *fresh;
    enum status status = memory_alloc(&fresh, 1, sizeof(struct weight_file), "a weight file", err);
    if (status != OK)
        return status;
    struct weight_file *file = fresh;
    status = memory_strdup(&file->path, path, err);
    if (status == OK)
        status = file_map_open(&file->map, path, err);
    if (status == OK)
        status = refuse_strangers(file, err);
    if (status == OK)
        status = safetensors_read(file, err);
    if (status != OK) {
        weight_file_close(file);
        return status;
    }
    *out = file;
    return OK;
}

void weight_file_close(struct weight_file *file)
{
    if (!file)
        return;
    memory_free(file->by_name);
    memory_free(file->metadata);
    memory_free(file->tensors);
    memory_free(file->text);
    file_map_close(&file->map);
    memory_free(file->path);
    memory_free(file);
}

const char *weight_file_path(const struct weight_file *file)
{
    return file->path;
}

size_t weight_file_count(const struct weight_file *file)
{
    return file->count;
}

const struct weight_tensor *weight_file_at(const struct weight_file *file, size_t i)
{
    return &file->tensors[i];
}

static int compare_name(const void *name, const void *entry)
{
    return strcmp(name, (*(const struct weight_tensor *const *)entry)->name);
}

const struct weight_tensor *weight_file_find(const struct weight_file *file, const char *name)
{
    const struct weight_tensor *const *found =
        bsearch(name, file->by_name, file->count, sizeof *file->by_name, compare_name);
    return found ? *found : NULL;
}

size_t weight_file_metadata_count(const struct weight_file *file)
{
    return file->metadata_count;
}

struct weight_metadata weight_file_metadata_at(const struct weight_file *file, size_t i)
{
    return file->metadata[i];
}

const char *weight_file_metadata_find(const struct weight_file *file, const char *key)
{
    for (size_t i = 0; i < file->metadata_count; i++)
        if (strcmp(file->metadata[i].key, key) == 0)
            return file->metadata[i].value;
    return NULL;
}

/* Whole pages around the bytes: a neighbour's part of a page is read again like the rest. */
static void drop(const void *data, size_t bytes)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t begin = (uintptr_t)data / page * page, end = (uintptr_t)data + bytes;
    if (bytes > 0)
        (void)madvise((void *)begin, end - begin, MADV_DONTNEED); /* advice: nothing is lost when it is refused */
}

void weight_tensor_drop(const struct weight_tensor *tensor, const struct weight_file *file)
{
    const uint8_t *begin = tensor->data;
    if (begin >= file->map.bytes && begin < file->map.bytes + file->map.size)
        drop(begin, tensor->bytes);
}

void weight_file_drop(const struct weight_file *file)
{
    drop(file->map.bytes, file->map.size);
}
