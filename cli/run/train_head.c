#define _GNU_SOURCE
#include "cli/run/train_head.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/model/classes_option.h"
#include "cli/shell/json.h"
#include "cli/shell/remark.h"
#include "cli/shell/wrap.h"
#include "core/base/memory.h"
#include "core/base/text.h"
#include "models/imagenet_classes.h"

enum status train_head_check(const struct train_values *values, struct error *err)
{
    if (values->classes && values->new_head)
        return error_set(err, ERR_USAGE,
                         "--classes names the outputs of the file's last layer, and --new-head re-initialises it: "
                         "choose one of them");
    if (values->classes && values->weights && strcmp(values->weights, "random") == 0)
        return error_set(err, ERR_USAGE, "--classes names the outputs of a weight file, not of --weights random");
    return OK;
}

/* Keeps the names as config.json will hold them. */
static enum status record_classes(struct run_setup *t, const struct class_names *classes, struct error *err)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return error_memory(err, "the class names", 0);
    struct json json = json_start(out, false);
    json_open(&json, NULL, '[');
    for (size_t i = 0; i < classes->count; i++)
        json_text(&json, NULL, classes->names[i]);
    json_close(&json);
    bool failed = ferror(out) != 0;
    failed |= fclose(out) != 0;
    enum status status = failed ? error_memory(err, "the class names", size) : memory_strdup(&t->classes, text, err);
    free(text);
    return status;
}

/* --classes was given for a layer that cannot be kept. */
static enum status refuse(const struct run_setup *t, const char *stranger, struct error *err)
{
    char shown[200], data[300];
    text_escape(data, sizeof data, data_paths_name(&t->paths));
    if (!stranger && t->file_classes == t->dataset.classes.count)
        return error_set(err, ERR_DATA,
                         "--classes: the last layer does not choose one of several classes (problem_type), so it is "
                         "re-initialised in any case; leave --classes out");
    if (stranger)
        return error_set(
            err, ERR_DATA,
            "--classes: no output of the last layer is called '%s', which is a class of %s; leave --classes "
            "out, and --new-head re-initialises the layer",
            text_escape(shown, sizeof shown, stranger), data);
    return error_set(err, ERR_DATA,
                     "--classes: names %zu outputs, and %s has %zu classes, so the last layer is re-initialised in "
                     "any case; leave --classes out",
                     t->file_classes, data, t->dataset.classes.count);
}

static void draw(struct run_setup *t, enum head_fate fate)
{
    t->head = fate;
    if (!t->head_drawn)
        head_draw(t->net, (uint64_t)t->values->seed);
    t->head_drawn = true;
}

/* As many outputs as folders, and names for them: of the file or --classes (info->own_classes), or ImageNet's. */
static enum status keep_by_name(struct run_setup *t, const struct model_info *info, struct error *err)
{
    const struct class_names *folders = &t->dataset.classes;
    const char *stranger;
    void *memory;
    bool same;
    enum status status = memory_alloc(&memory, folders->count, sizeof(size_t), "the class names", err);
    if (status != OK)
        return status;
    size_t *map = memory;
    status = head_map_make(map, &same, &stranger, &info->classes, folders, err);
    if (status == OK && !same && t->values->classes)
        status = refuse(t, stranger, err);
    else if (status == OK && !same && info->own_classes)
        draw(t, HEAD_OTHER);
    if (status == OK && same) {
        t->head = HEAD_BY_NAME;
        for (size_t i = 0; i < folders->count; i++)
            if (map[i] != i)
                t->head = HEAD_REORDERED;
    }
    if (status == OK && t->head == HEAD_REORDERED)
        status = head_map_apply(t->net, map, err);
    memory_free(memory);
    return status;
}

enum status train_head_settle(struct run_setup *t, struct model_info *info, struct error *err)
{
    const char *given = t->values->classes;
    bool other = info->problem == PROBLEM_MULTI_LABEL || info->problem == PROBLEM_REGRESSION;
    enum status status = classes_override(info, given, t->weights, err);
    if (status == OK && given)
        status = record_classes(t, &info->classes, err);
    t->head = HEAD_BY_ORDER;
    t->classes_from = info->classes_from;
    t->config_unused = info->config_unused;
    if (status != OK)
        return status;
    if (t->head_drawn || other || t->values->new_head) {
        status = given ? refuse(t, NULL, err) : OK;
        draw(t, other && !t->head_drawn ? HEAD_OTHER : HEAD_NEW);
        return status;
    }
    bool named = info->own_classes || info->classes.count == IMAGENET_CLASSES;
    return named ? keep_by_name(t, info, err) : OK;
}

void train_head_remark(const struct run_setup *t)
{
    const char *name = t->net->child_names[t->net->children];
    const struct class_names *classes = &t->dataset.classes;
    char first[100], last[100], path[PATH_SHOWN], from[64] = "";
    if (!t->weights)
        return;
    if (t->config_unused)
        classes_warn_unused(weight_file_path(t->file));
    path_shown(path, t->weights, stderr);
    if (t->classes_from)
        snprintf(from, sizeof from, " (%s)", t->classes_from);
    text_escape(first, sizeof first, classes->names[0]);
    text_escape(last, sizeof last, classes->names[classes->count - 1]);
    switch (t->head) {
    case HEAD_NEW:
        if (t->file_classes == 0)
            remark("head: %s is re-initialised for %zu classes (the file has none)", name, classes->count);
        else
            remark("head: %s is re-initialised for %zu classes (the file's has %zu outputs%s)", name, classes->count,
                   t->file_classes, t->values->new_head ? "; --new-head" : "");
        break;
    case HEAD_OTHER:
        remark("head: %s is re-initialised for %zu classes (the file's has %zu outputs for others%s)", name,
               classes->count, t->file_classes, from);
        break;
    case HEAD_BY_NAME:
        remark("head: %s is kept: its outputs are the %zu folders, by name%s", name, classes->count, from);
        break;
    case HEAD_REORDERED:
        remark("head: %s is kept: its outputs are the %zu folders, by name%s, and are put into their order", name,
               classes->count, from);
        break;
    case HEAD_BY_ORDER:
        remark("head: %s is kept: %s names no classes, so its outputs are mapped to the folders in order (%s%s%s); "
               "--classes names them, --new-head re-initialises it",
               name, path, first, classes->count > 2 ? ", ..., " : ", ", last);
        break;
    }
}
