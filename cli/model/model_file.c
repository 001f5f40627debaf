#include "cli/model/model_file.h"

#include <string.h>

#include "cli/shell/choice_options.h"
#include "core/base/memory.h"
#include "core/train/checkpoint.h"
#include "models/resnet.h"
#include "weights/bind.h"
#include "weights/recognise.h"

static enum status fill(struct model *model, const struct weight_file *file, struct error *err)
{
    const struct weights_rules rules = {.ignore = CHECKPOINT_PREFIX};
    struct recognised found;
    if (!weights_recognise(&found, file) || strncmp(found.arch, "resnet", 6) != 0)
        return weights_refuse_unknown(file, err);
    if (found.classes == 0)
        return weights_refuse_body(file, err);
    enum status status = model_info_read(&model->info, file, found.classes, err);
    if (status == OK && model->info.arch && strcmp(model->info.arch, found.arch) != 0)
        status = error_set(err, ERR_DATA, "%s: its metadata says %s, its tensors are those of a %s",
                           weight_file_path(file), model->info.arch, found.arch);
    if (status == OK)
        status = resnet_create(&model->net, found.arch, found.classes, err);
    if (status == OK)
        status = weights_load(model->net, file, &rules, NULL, err);
    if (status == OK)
        remark_left(file);
    if (status == OK)
        status = memory_strdup(&model->path, weight_file_path(file), err);
    return status;
}

enum status model_read(struct model *out, const struct weight_file *file, struct error *err)
{
    struct model model = {0};
    enum status status = fill(&model, file, err);
    if (status == OK)
        *out = model;
    else
        model_close(&model);
    return status;
}

enum status model_open(struct model *out, const char *path, const struct weight_choice *choice, struct error *err)
{
    struct weight_file *file = NULL;
    enum status status = weight_file_open_choice(&file, path, choice, err);
    if (status == OK)
        status = model_read(out, file, err);
    weight_file_close(file);
    return status;
}

enum status model_check_answers(const struct model *model, bool one_class, struct error *err)
{
    enum problem problem = model->info.problem;
    if (problem == PROBLEM_REGRESSION)
        return error_set(err, ERR_DATA,
                         "%.400s: problem_type is \"regression\": its outputs are numbers, not classes; train "
                         "re-initialises its last layer",
                         model->path);
    if (problem == PROBLEM_MULTI_LABEL && one_class)
        return error_set(
            err, ERR_DATA,
            "%.400s: problem_type is \"multi_label_classification\": a photo may show several classes, and "
            "a folder names one, so accuracy cannot be measured; predict answers with each probability",
            model->path);
    if (problem != PROBLEM_MULTI_LABEL && model->info.classes.count == 1)
        return error_set(err, ERR_DATA,
                         "%.400s: has one output, and nothing says what it means (a problem_type could): softmax would "
                         "answer 100 %% to any photo; train re-initialises its last layer",
                         model->path);
    return OK;
}

void model_close(struct model *model)
{
    memory_free(model->path);
    net_destroy(model->net);
    model_info_free(&model->info);
    *model = (struct model){0};
}
