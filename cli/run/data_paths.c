#define _GNU_SOURCE
#include "cli/run/data_paths.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/shell/paths.h"
#include "core/base/file.h"
#include "core/base/memory.h"

static enum status real_path(char **out, const char *path, struct error *err)
{
    char *real = realpath(path, NULL);
    if (!real)
        return error_set(err, ERR_NOINPUT, "%s: %s", path, strerror(errno));
    enum status status = memory_strdup(out, real, err);
    free(real);
    return status;
}

enum status data_paths_absolute(char **out, const char *file, struct error *err)
{
    char *folder = NULL, *real = NULL;
    const char *name;
    enum status status = path_split(&folder, &name, file, err);
    if (status == OK)
        status = real_path(&real, folder, err);
    if (status == OK)
        status = path_join(out, real, name, err);
    memory_free(real);
    memory_free(folder);
    return status;
}

enum status data_paths_find(struct data_paths *out, const struct train_values *values, struct error *err)
{
    struct data_paths paths = {0};
    char *given = NULL;
    enum status status = OK;
    if (values->val_labels && !values->labels)
        return error_set(err, ERR_USAGE, "--val-labels: needs --labels, which lists the photos that train");
    if (values->data || !values->labels)
        status = path_data(&given, values->data, err);
    if (status == OK && given)
        status = real_path(&paths.data, given, err);
    if (status == OK && values->labels)
        status = data_paths_absolute(&paths.labels, values->labels, err);
    if (status == OK && values->val_labels)
        status = data_paths_absolute(&paths.val_labels, values->val_labels, err);
    memory_free(given);
    if (status == OK)
        *out = paths;
    else
        data_paths_free(&paths);
    return status;
}

static enum status copy_one(char **out, const char *path, struct error *err)
{
    return path ? memory_strdup(out, path, err) : OK;
}

enum status data_paths_copy(struct data_paths *out, const struct data_paths *paths, struct error *err)
{
    struct data_paths copy = {0};
    enum status status = copy_one(&copy.data, paths->data, err);
    if (status == OK)
        status = copy_one(&copy.labels, paths->labels, err);
    if (status == OK)
        status = copy_one(&copy.val_labels, paths->val_labels, err);
    if (status == OK)
        *out = copy;
    else
        data_paths_free(&copy);
    return status;
}

void data_paths_free(struct data_paths *paths)
{
    memory_free(paths->data);
    memory_free(paths->labels);
    memory_free(paths->val_labels);
    *paths = (struct data_paths){0};
}

const char *data_paths_name(const struct data_paths *paths)
{
    return paths->labels ? paths->labels : paths->data;
}
