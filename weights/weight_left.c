/* What a weight file holds besides the tensors that are read. */
#include <string.h>

#include "core/base/memory.h"
#include "weights/weight_file_private.h"

bool weight_left_is_record(const char *name)
{
    /* Somewhere in the first part of the name. */
    static const char *const first[] = {"optim",     "sched", "scaler",    "rng",   "random",   "loss",
                                        "criterion", "amp_",  "callbacks", "loops", "n_averag", "hyper_para"};
    /* At its end: what thop.profile leaves in each module. */
    static const char *const last[] = {"total_ops", "total_params"};
    size_t length = strcspn(name, "."), whole = strlen(name);
    for (size_t i = 0; i < sizeof first / sizeof *first; i++) {
        const char *found = strstr(name, first[i]);
        if (found && found < name + length)
            return true;
    }
    for (size_t i = 0; i < sizeof last / sizeof *last; i++) {
        size_t size = strlen(last[i]);
        if (whole >= size && strcmp(name + whole - size, last[i]) == 0 &&
            (whole == size || name[whole - size - 1] == '.'))
            return true;
    }
    return false;
}

enum status weight_file_leave(struct weight_file *file, const struct weight_left *left, struct error *err)
{
    void *list = file->left;
    char *name_copy = NULL, *what_copy = NULL;
    if (file->left_count == WEIGHT_LEFT_MOST)
        return OK;
    enum status status = memory_grow(&list, &file->left_room, file->left_count + 1, sizeof *file->left,
                                     "a list of what is not read", err);
    file->left = list;
    if (status == OK)
        status = memory_strdup(&name_copy, left->name, err);
    if (status == OK)
        status = memory_strdup(&what_copy, left->what, err);
    if (status == OK)
        file->left[file->left_count++] =
            (struct weight_left){.name = name_copy, .what = what_copy, .kind = left->kind, .key = left->key};
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
