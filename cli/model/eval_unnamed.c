#include "cli/model/eval_unnamed.h"

#include <string.h>

#include "cli/shell/remark.h"
#include "core/base/text.h"
#include "core/data/dataset.h"
#include "models/imagenet_classes.h"

static bool has_name(const struct class_names *classes, const char *name)
{
    for (size_t i = 0; i < classes->count; i++)
        if (strcmp(classes->names[i], name) == 0)
            return true;
    return false;
}

/* The first folder that no output is called by, or NULL. */
static const char *find_stranger(const struct class_names *folders, const struct class_names *outputs)
{
    for (size_t i = 0; i < folders->count; i++)
        if (!has_name(outputs, folders->names[i]))
            return folders->names[i];
    return NULL;
}

enum status eval_unnamed_open(struct photo_list *out, struct model_info *info, const char *model, const char *dir,
                              struct error *err)
{
    struct photo_list list = {0};
    struct class_names folders = {0};
    char shown[200];
    size_t outputs = info->classes.count;
    bool imagenet = outputs == IMAGENET_CLASSES;
    enum status status = dataset_open_unnamed(&list, &folders, dir, err);
    if (status != OK)
        return status;
    const char *stranger = find_stranger(&folders, &info->classes);
    bool by_order = folders.count == outputs && (stranger || !imagenet);
    if (by_order) {
        remark("classes: %s names none; its %zu outputs are mapped to the %zu folders in order; --classes names them",
               model, outputs, outputs);
        class_names_free(&info->classes);
        info->classes = folders;
        *out = list;
        return OK;
    }
    if (stranger)
        status = error_set(err, ERR_DATA,
                           "%s: %s names no classes, so its %zu outputs cannot be mapped to %zu folders (%s%s); name "
                           "them with --classes",
                           list.root, model, outputs, folders.count, text_escape(shown, sizeof shown, stranger),
                           folders.count > 1 ? ", ..." : "");
    photo_list_free(&list);
    class_names_free(&folders);
    if (status != OK)
        return status;
    remark("classes: %s names none; folders are matched with %s; --classes names them", model,
           imagenet ? "ImageNet's names" : "the numbers of its outputs");
    return dataset_open_val(out, dir, &info->classes, err);
}
