#define _GNU_SOURCE
#include "weights/weight_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/base/text.h"
#include "weights/weight_file_private.h"

enum { COUNT_TEXT = 32 };

/* 1,234,567 */
static const char *grouped(char out[COUNT_TEXT], uint64_t value)
{
    char digits[24];
    size_t length = (size_t)snprintf(digits, sizeof digits, "%llu", (unsigned long long)value), end = 0;
    for (size_t i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0)
            out[end++] = ',';
        out[end++] = digits[i];
    }
    out[end] = '\0';
    return out;
}

enum status weight_file_truncated(const char *path, size_t size, uint64_t expected, bool at_least, const char *missing,
                                  struct error *err)
{
    char there[COUNT_TEXT], wanted[COUNT_TEXT];
    grouped(there, size);
    if (expected == 0)
        return error_set(err, ERR_DATA, "%.400s: truncated: %s bytes, %s is missing; download it again", path, there,
                         missing);
    return error_set(err, ERR_DATA, "%.400s: truncated: %s bytes, expected %s%s; download it again", path, there,
                     at_least ? "at least " : "", grouped(wanted, expected));
}

void weight_file_close(struct weight_file *file)
{
    if (!file)
        return;
    weight_file_left_free(file);
    memory_free(file->key);
    memory_free(file->prefix);
    memory_free(file->by_name);
    memory_free(file->metadata_text);
    memory_free(file->metadata);
    memory_free(file->tensors);
    memory_free(file->copies);
    memory_free(file->renamed);
    memory_free(file->text);
    weight_file_let_go(file);
    memory_free(file->path);
    memory_free(file);
}

enum status weight_file_add(struct weight_file *file, const struct weight_tensor *tensor, struct error *err)
{
    void *list = file->tensors;
    enum status status = memory_grow(&list, &file->capacity, file->count + 1, sizeof *tensor, "a list of tensors", err);
    file->tensors = list;
    if (status == OK)
        file->tensors[file->count++] = *tensor;
    return status;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp((*(const struct weight_tensor *const *)a)->name, (*(const struct weight_tensor *const *)b)->name);
}

enum status weight_file_sort(struct weight_file *file, const struct weight_tensor *twice[2], struct error *err)
{
    void *list = file->by_name;
    twice[0] = twice[1] = NULL;
    enum status status = OK;
    if (!list)
        status = memory_alloc(&list, file->count, sizeof *file->by_name, "a list of tensors", err);
    if (status != OK)
        return status;
    file->by_name = list;
    for (size_t i = 0; i < file->count; i++)
        file->by_name[i] = &file->tensors[i];
    qsort(file->by_name, file->count, sizeof *file->by_name, compare_names);
    for (size_t i = 1; i < file->count && !twice[0]; i++)
        if (strcmp(file->by_name[i - 1]->name, file->by_name[i]->name) == 0) {
            twice[0] = file->by_name[i - 1];
            twice[1] = file->by_name[i];
        }
    return OK;
}

bool weight_file_is_hugging_face(const struct weight_file *file)
{
    return file->hugging_face;
}

const char *weight_file_path(const struct weight_file *file)
{
    return file->path;
}

bool weight_file_was_searched(const struct weight_file *file)
{
    return file->searched;
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
