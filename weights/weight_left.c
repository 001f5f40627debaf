/* What a weight file holds besides the tensors that are read. */
#include <string.h>

#include "core/base/memory.h"
#include "weights/weight_file_private.h"

enum status weight_file_leave(struct weight_file *file, const char *name, const char *what, bool network,
                              struct error *err)
{
    void *list = file->left;
    char *name_copy = NULL, *what_copy = NULL;
    if (file->left_count == WEIGHT_LEFT_MOST)
        return OK;
    enum status status = memory_grow(&list, &file->left_room, file->left_count + 1, sizeof *file->left,
                                     "a list of what is not read", err);
    file->left = list;
    if (status == OK)
        status = memory_strdup(&name_copy, name, err);
    if (status == OK)
        status = memory_strdup(&what_copy, what, err);
    if (status == OK)
        file->left[file->left_count++] = (struct weight_left){.name = name_copy, .what = what_copy, .network = network};
    else
        memory_free(name_copy);
    return status;
}

size_t weight_file_left_count(const struct weight_file *file)
{
    return file->left_count;
}

struct weight_left weight_file_left_at(const struct weight_file *file, size_t i)
{
    return file->left[i];
}

const char *weight_file_left_find(const struct weight_file *file, const char *name)
{
    for (size_t i = 0; i < file->left_count; i++)
        if (strcmp(file->left[i].name, name) == 0)
            return file->left[i].what;
    return NULL;
}

void weight_file_left_free(struct weight_file *file)
{
    for (size_t i = 0; i < file->left_count; i++) {
        memory_free((void *)file->left[i].name);
        memory_free((void *)file->left[i].what);
    }
    memory_free(file->left);
}

const char *weight_file_key(const struct weight_file *file)
{
    return file->key ? file->key : "";
}

const char *weight_file_prefix(const struct weight_file *file)
{
    return file->prefix ? file->prefix : "";
}
