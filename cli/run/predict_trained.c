#define _XOPEN_SOURCE 700
#include "cli/run/predict_trained.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/run/run_photos.h"
#include "cli/shell/remark.h"
#include "core/base/memory.h"

/* Absolute paths of photos, one after the other. Neighbours mostly lie in one folder, which is resolved once. */
struct resolver {
    char given[PATH_MAX], folder[PATH_MAX]; /* the last folder, and where it is; "" where that is not known */
    char path[PATH_MAX];
};

/* NULL where the folder does not exist or the path is too long. Links to files are not followed. */
static const char *resolve(struct resolver *resolver, const struct photo_list *photos, size_t photo)
{
    char path[PATH_MAX];
    if (!photo_path(path, sizeof path, photos, photo))
        return NULL;
    char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path, *folder = slash ? (slash == path ? "/" : path) : ".";
    size_t length = strlen(base);
    char name[PATH_MAX];
    memcpy(name, base, length + 1);
    if (slash && slash > path)
        *slash = '\0';
    if (strcmp(folder, resolver->given) != 0) {
        snprintf(resolver->given, sizeof resolver->given, "%s", folder);
        if (!realpath(folder, resolver->folder))
            resolver->folder[0] = '\0';
    }
    size_t used = strlen(resolver->folder);
    if (used == 0 || used + length + 2 > sizeof resolver->path)
        return NULL;
    memcpy(resolver->path, resolver->folder, used);
    resolver->path[used] = '/';
    memcpy(resolver->path + used + 1, name, length + 1);
    return resolver->path;
}

/* The part of the path below the root, or NULL. */
static const char *below(const char *path, const char *root)
{
    size_t length = strlen(root);
    while (length > 0 && root[length - 1] == '/')
        length--;
    return path && strncmp(path, root, length) == 0 && path[length] == '/' ? path + length + 1 : NULL;
}

static bool any_below(const struct photo_list *photos, const char *root)
{
    struct resolver resolver = {.given = ""};
    for (size_t i = 0; i < photos->count; i++)
        if (below(resolve(&resolver, photos, i), root))
            return true;
    return false;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum status count_trained(size_t *count, const struct photo_list *photos, const struct photo_list *trained,
                                 struct error *err)
{
    struct resolver resolver = {.given = ""};
    void *memory;
    enum status status = memory_alloc(&memory, trained->count, sizeof(const char *), "the list of photos", err);
    if (status != OK)
        return status;
    const char **names = memory;
    for (size_t i = 0; i < trained->count; i++)
        names[i] = photo_name(trained, i);
    qsort(names, trained->count, sizeof *names, by_text);
    *count = 0;
    for (size_t i = 0; i < photos->count; i++) {
        const char *name = below(resolve(&resolver, photos, i), trained->root);
        *count += name && bsearch(&name, names, trained->count, sizeof *names, by_text);
    }
    memory_free(memory);
    return OK;
}

/* An error of the run's photos does not concern predict. */
static enum status remark_on(const struct record_config *record, const struct model *model,
                             const struct photo_list *photos, struct error *err)
{
    struct run_photos run;
    struct error why;
    size_t count = 0;
    enum status status = run_photos_open(&run, record, record->data, &model->info.classes, &why);
    if (status == OK)
        status = count_trained(&count, photos, &run.dataset.train, err);
    else
        status = OK;
    if (count > 0)
        remark("%zu of the %zu photos %s in the training part of %s%s: answers for these do not show how good the "
               "model is",
               count, photos->count, count == 1 ? "is" : "are", record->folder,
               run.changed ? " or were added to it since" : "");
    run_photos_free(&run);
    return status;
}

enum status predict_remark_trained(const struct model *model, const struct photo_list *photos, struct error *err)
{
    struct record_config record;
    enum status status = record_config_read(&record, model, err);
    if (status == OK && record.folder && any_below(photos, record.data))
        status = remark_on(&record, model, photos, err);
    record_config_free(&record);
    return status;
}
