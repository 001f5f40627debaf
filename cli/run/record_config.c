#include "cli/run/record_config.h"

#include <stdio.h>
#include <string.h>

#include "cli/shell/paths.h"
#include "core/base/file.h"
#include "core/base/json_text.h"
#include "core/base/memory.h"
#include "core/ops/conv.h"
#include "core/ops/precision.h"

enum { CONFIG_MOST = 64 << 20, FOLDS_MOST = 1000000 };

static const cJSON *get(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

/* The number under the key; `otherwise` where there is none, or none in this range. */
static double number_of(const cJSON *options, const char *key, double low, double high, double otherwise)
{
    const cJSON *item = get(options, key);
    return cJSON_IsNumber(item) && item->valuedouble >= low && item->valuedouble <= high ? item->valuedouble
                                                                                         : otherwise;
}

/* Where the text under the key stands among the choices; 0 where it does not. */
static int choice_of(const cJSON *options, const char *key, const char *const *choices)
{
    const cJSON *item = get(options, key);
    for (int i = 0; cJSON_IsString(item) && choices[i]; i++)
        if (strcmp(choices[i], item->valuestring) == 0)
            return i;
    return 0;
}

static bool has_classes(const cJSON *root, const struct class_names *classes)
{
    const cJSON *names = get(root, "classes"), *name;
    size_t i = 0;
    if (!cJSON_IsArray(names) || (size_t)cJSON_GetArraySize(names) != classes->count)
        return false;
    cJSON_ArrayForEach(name, names)
    {
        if (!cJSON_IsString(name) || strcmp(name->valuestring, classes->names[i++]) != 0)
            return false;
    }
    return true;
}

/* One that says what was --data, and of the folds which, if there are any. */
static bool is_record(const cJSON *root, const struct class_names *classes)
{
    const cJSON *options = get(root, "options");
    double folds = number_of(options, "folds", 2, FOLDS_MOST, 0);
    return (cJSON_IsString(get(options, "data")) || cJSON_IsString(get(options, "labels"))) &&
           has_classes(root, classes) && (folds == 0 || number_of(options, "fold", 1, folds, 0) > 0);
}

/* The folder of a file as a person would write it: "runs/1" of "runs/1/best.safetensors", "." of "best.safetensors". */
static enum status folder_of(char **out, const char *file, struct error *err)
{
    enum status status = memory_strdup(out, file, err);
    char *slash = status == OK ? strrchr(*out, '/') : NULL;
    if (status == OK && !slash) {
        memory_free(*out);
        return memory_strdup(out, ".", err);
    }
    while (slash && slash > *out && *slash == '/')
        *slash-- = '\0';
    return status;
}

static enum status take_text(char **out, const cJSON *item, struct error *err)
{
    return cJSON_IsString(item) ? memory_strdup(out, item->valuestring, err) : OK;
}

static enum status take_paths(struct record_config *record, const cJSON *options, struct error *err)
{
    const char *name;
    enum status status = take_text(&record->labels, get(options, "labels"), err);
    if (status == OK)
        status = take_text(&record->val_labels, get(options, "val-labels"), err);
    if (status == OK)
        status = take_text(&record->data, get(options, "data"), err);
    record->based = record->data != NULL;
    if (status == OK && !record->data)
        status = path_split(&record->data, &name, record->labels, err);
    return status;
}

static enum status take(struct record_config *record, const cJSON *root, const char *model, struct error *err)
{
    const cJSON *options = get(root, "options"), *photos = get(root, "photos");
    *record = (struct record_config){
        .val_split = number_of(options, "val-split", 0, 1, 0),
        .folds = (unsigned)number_of(options, "folds", 2, FOLDS_MOST, 0),
        .seed = (uint64_t)number_of(options, "seed", 0, 0x1p53, 0),
        .limit = (size_t)number_of(options, "limit", 1, 0x1p53, 0),
        .group_by = choice_of(options, "group-by", group_by_names),
        .exif = choice_of(options, "exif", exif_choices),
        .decode = choice_of(options, "decode", decode_choices),
        .conv = choice_of(options, "conv", conv_engine_names),
        .precision = choice_of(options, "precision", precision_names),
    };
    record->count =
        (uint64_t)(number_of(root, "train_photos", 0, 0x1p53, 0) + number_of(root, "val_photos", 0, 0x1p53, 0));
    record->fold = (unsigned)number_of(options, "fold", 1, record->folds, 0);
    if (cJSON_IsString(photos))
        snprintf(record->photos, sizeof record->photos, "%s", photos->valuestring);
    enum status status = take_paths(record, options, err);
    if (status == OK)
        status = folder_of(&record->folder, model, err);
    if (status != OK)
        record_config_free(record);
    return status;
}

enum status record_config_read(struct record_config *out, const struct model *model, struct error *err)
{
    char *path;
    uint8_t *text = NULL;
    size_t size;
    *out = (struct record_config){0};
    enum status status = path_beside(&path, model->path, "config.json", err);
    if (status != OK)
        return status;
    struct error why;
    status = file_read(&text, &size, path, CONFIG_MOST, &why);
    if (status == ERR_SYSTEM || status == ERR_IO) {
        status = error_set(err, status, "%s", why.text);
    } else if (status != OK) {
        status = OK;
    } else {
        cJSON *root = json_text_parse((const char *)text, size);
        if (is_record(root, &model->info.classes))
            status = take(out, root, model->path, err);
        cJSON_Delete(root);
    }
    memory_free(text);
    memory_free(path);
    return status;
}

struct dataset_source record_config_source(const struct record_config *record, const char *data)
{
    bool beside = !record->based && strcmp(data, record->data) == 0;
    return (struct dataset_source){.data = beside ? NULL : data,
                                   .labels = record->labels,
                                   .val_labels = record->val_labels,
                                   .val_split = record->folds ? 0 : record->val_split,
                                   .folds = record->folds,
                                   .fold = record->fold,
                                   .seed = record->seed,
                                   .group_by = (enum group_by)record->group_by,
                                   .limit = record->limit};
}

void record_config_prepare(struct engine_options *engine, const struct record_config *record,
                           const struct arguments *args)
{
    if (!arguments_given(args, "exif"))
        engine->exif = record->exif;
    if (!arguments_given(args, "decode"))
        engine->decode = record->decode;
    if (!arguments_given(args, "conv"))
        engine->conv = record->conv;
    if (!arguments_given(args, "precision"))
        engine->precision = record->precision;
}

void record_config_free(struct record_config *record)
{
    memory_free(record->labels);
    memory_free(record->val_labels);
    memory_free(record->folder);
    memory_free(record->data);
    *record = (struct record_config){0};
}
