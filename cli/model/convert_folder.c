/* convert --format hf and timm: a folder for another library. */
#include <string.h>

#include "cli/model/convert.h"
#include "cli/model/model_export.h"
#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/base/outfile.h"
#include "core/base/outfolder.h"
#include "models/imagenet_classes.h"
#include "weights/bind.h"

/* Other libraries draw what is missing and say so in a remark that many do not see, so that the whole network must be
 * there: it is loaded once. */
static enum status check_whole(const struct weight_file *file, const struct recognised *found,
                               const struct convert_rules *rules, struct error *err)
{
    const struct weights_rules load = {.new_head = found->classes == 0, .ignore = rules->ignore};
    struct net *net = NULL;
    enum status status = resnet_create(&net, found->arch, found->classes ? found->classes : 1, err);
    if (status == OK)
        status = weights_load(net, file, &load, NULL, err);
    net_destroy(net);
    return status;
}

static const struct resnet_shape *shape_of(const char *arch)
{
    const struct resnet_shape *shape = resnet_shapes;
    while (strcmp(shape->arch, arch) != 0)
        shape++;
    return shape;
}

static enum status write_text(const struct outfolder *folder, const char *name,
                              void (*write)(FILE *out, const struct model_export *model),
                              const struct model_export *model, struct error *err)
{
    struct outfile file;
    enum status status = outfile_open_in(&file, folder->temporary, name, err);
    if (status != OK)
        return status;
    write(file.stream, model);
    return outfile_end(&file, OK, err);
}

static enum status fill_folder(struct convert_result *out, const struct outfolder *folder,
                               const struct weight_file *file, struct model_export *model,
                               const struct convert_rules *rules, const struct convert_texts *texts, struct error *err)
{
    char *path = NULL;
    enum status status = path_join(&path, folder->temporary, "model.safetensors", err);
    if (status == OK)
        status = convert_tensors(out, path, file, rules, texts, err);
    memory_free(path);
    if (status != OK)
        return status;
    model->dtype = out->dtype;
    if (rules->format == CONVERT_TIMM)
        return write_text(folder, "config.json", export_timm_config, model, err);
    status = write_text(folder, "config.json", export_hugging_face_config, model, err);
    if (status == OK)
        status = write_text(folder, "preprocessor_config.json", export_hugging_face_preprocessor, model, err);
    return status;
}

enum status convert_folder(struct convert_result *out, const char *path, const struct weight_file *file,
                           const struct recognised *found, const struct model_info *info,
                           const struct convert_rules *rules, const struct convert_texts *texts, struct error *err)
{
    const bool named = info->own_classes || info->classes.count == IMAGENET_CLASSES;
    struct model_export model = {.shape = shape_of(found->arch),
                                 .outputs = found->classes,
                                 .classes = named ? &info->classes : NULL,
                                 .preprocess = &info->preprocess,
                                 .problem = info->problem};
    struct convert_rules folder_rules = *rules;
    struct outfolder folder = {0};
    folder_rules.hugging_face = rules->format == CONVERT_HUGGING_FACE;
    folder_rules.counters = true;
    enum status status = outfolder_open(&folder, path, err);
    if (status == OK)
        status = check_whole(file, found, rules, err);
    if (status == OK)
        status = fill_folder(out, &folder, file, &model, &folder_rules, texts, err);
    return outfolder_end(&folder, status, err);
}
