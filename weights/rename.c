/* Names that mean the same as torchvision's. All tensors are renamed or none. */
#include <string.h>

#include "core/base/memory.h"
#include "weights/names.h"
#include "weights/weight_file_private.h"

/* DataParallel and ExponentialMovingAverage, torch.compile, Lightning. */
static const char *const prefixes[] = {"module.", "_orig_mod.", "model."};

/* Takes the prefix off when all names have it and something is left of each. */
static bool strip(struct weight_file *file, const char *prefix)
{
    size_t length = strlen(prefix);
    for (size_t i = 0; i < file->count; i++)
        if (strncmp(file->tensors[i].name, prefix, length) != 0 || file->tensors[i].name[length] == '\0')
            return false;
    for (size_t i = 0; i < file->count; i++)
        file->tensors[i].name += length;
    return file->count > 0;
}

/* Again and again: what is written from the result is read as the same. */
static void strip_all(struct weight_file *file)
{
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes;)
        i = strip(file, prefixes[i]) ? 0 : i + 1;
}

static bool all_hugging_face(const struct weight_file *file)
{
    char name[WEIGHT_NAME_MAX];
    for (size_t i = 0; i < file->count; i++)
        if (!name_from_hugging_face(name, file->tensors[i].name))
            return false;
    return file->count > 0;
}

static enum status translate(struct weight_file *file, struct error *err)
{
    void *text;
    const struct weight_tensor *twice[2];
    enum status status = memory_alloc(&text, file->count, WEIGHT_NAME_MAX, "the names of tensors", err);
    if (status != OK)
        return status;
    file->renamed = text;
    for (size_t i = 0; i < file->count; i++) {
        char *name = file->renamed + i * WEIGHT_NAME_MAX;
        if (name_from_hugging_face(name, file->tensors[i].name))
            file->tensors[i].name = name;
    }
    file->hugging_face = true;
    return weight_file_sort(file, twice, err); /* other names stay other names, so none is there twice */
}

enum status weight_file_rename(struct weight_file *file, struct error *err)
{
    strip_all(file);
    return all_hugging_face(file) ? translate(file, err) : OK;
}
