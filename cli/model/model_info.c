/* What a model file says of itself (struct model_info of model_file.h): its architecture, classes and preprocessing,
 * from its own metadata, else from the files beside it, else from what is known of published weights. */
#define _POSIX_C_SOURCE 200809L
#include "cli/model/model_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/model/hugging_face.h"
#include "cli/model/known_weights.h"
#include "cli/model/model_card.h"
#include "cli/model/other_labels.h"
#include "cli/model/timm_config.h"
#include "cli/shell/json.h"
#include "cli/shell/paths.h"
#include "core/base/file.h"
#include "core/base/json_text.h"
#include "core/base/memory.h"
#include "core/base/text.h"
#include "models/imagenet_classes.h"

static const char key_arch[] = "freezetune.arch", key_classes[] = "freezetune.classes",
                  key_preprocess[] = "freezetune.preprocess", key_fit[] = "resize_mode", key_center[] = "center_crop";

const char model_key_problem[] = "freezetune.problem_type";

static enum status wrong(const struct weight_file *file, const char *key, const char *what, struct error *err)
{
    return error_set(err, ERR_DATA, "%s: metadata %s: %s", weight_file_path(file), key, what);
}

static enum status names_make(struct class_names *out, size_t count, struct error *err)
{
    void *names = NULL;
    enum status status = memory_alloc(&names, count, sizeof(char *), "the class names", err);
    *out = (struct class_names){.names = names, .count = status == OK ? count : 0};
    return status;
}

/* The names that are known without the file saying them. */
static enum status default_classes(struct class_names *out, size_t outputs, struct error *err)
{
    enum status status = names_make(out, outputs, err);
    for (size_t i = 0; i < outputs && status == OK; i++) {
        char number[24];
        snprintf(number, sizeof number, "%zu", i);
        status = memory_strdup(&out->names[i], outputs == IMAGENET_CLASSES ? imagenet_classes[i] : number, err);
    }
    return status;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The first name that occurs twice, or NULL. Sorts. */
static const char *find_double(char **names, size_t count)
{
    qsort(names, count, sizeof *names, by_text);
    for (size_t i = 1; i < count; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            return names[i];
    return NULL;
}

static enum status check_different(const struct class_names *classes, const struct weight_file *file, struct error *err)
{
    void *sorted = NULL;
    enum status status = memory_alloc(&sorted, classes->count, sizeof(char *), "the class names", err);
    if (status != OK)
        return status;
    memcpy(sorted, classes->names, classes->count * sizeof(char *));
    const char *twice = find_double(sorted, classes->count);
    if (twice)
        status = error_set(err, ERR_DATA, "%s: metadata %s: class %s occurs twice", weight_file_path(file), key_classes,
                           twice);
    memory_free(sorted);
    return status;
}

static enum status read_classes(struct class_names *out, const cJSON *list, const struct weight_file *file,
                                size_t outputs, struct error *err)
{
    if (!cJSON_IsArray(list))
        return wrong(file, key_classes, "not a JSON list of names", err);
    if ((size_t)cJSON_GetArraySize(list) != outputs)
        return error_set(err, ERR_DATA, "%s: metadata %s names %d classes, the network has %zu outputs",
                         weight_file_path(file), key_classes, cJSON_GetArraySize(list), outputs);
    enum status status = names_make(out, outputs, err);
    const cJSON *item;
    size_t i = 0;
    cJSON_ArrayForEach(item, list)
    {
        if (status == OK && (!cJSON_IsString(item) || item->valuestring[0] == '\0'))
            status = wrong(file, key_classes, "not a JSON list of names", err);
        if (status == OK)
            status = memory_strdup(&out->names[i++], item->valuestring, err);
    }
    return status == OK ? check_different(out, file, err) : status;
}

static bool read_size(int *out, const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    if (!cJSON_IsNumber(item) || item->valuedouble != (double)item->valueint)
        return false;
    *out = item->valueint;
    return true;
}

/* The place of the key's text in `names`, or 0 where it is missing, as in older files; -1 for another value. */
static int read_choice(const cJSON *object, const char *key, const char *const *names)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    if (!item)
        return 0;
    for (int i = 0; names[i] && cJSON_IsString(item); i++)
        if (strcmp(names[i], item->valuestring) == 0)
            return i;
    return -1;
}

static bool read_three(float out[3], const cJSON *object, const char *name)
{
    return json_text_floats(out, 3, cJSON_GetObjectItemCaseSensitive(object, name));
}

static enum status read_preprocess(struct preprocess *out, const cJSON *object, const struct weight_file *file,
                                   struct error *err)
{
    char where[512];
    if (!cJSON_IsObject(object) || !read_size(&out->resize, object, "resize") ||
        !read_size(&out->crop, object, "crop") || !read_three(out->mean, object, "mean") ||
        !read_three(out->std, object, "std"))
        return wrong(file, key_preprocess,
                     "needs whole numbers resize and crop, and three numbers each for mean and std", err);
    int filter = read_choice(object, "interpolation", interpolation_names);
    int fit = read_choice(object, key_fit, fit_names), center = read_choice(object, key_center, center_names);
    if (filter < 0)
        return wrong(file, key_preprocess, "interpolation has an unknown value", err);
    if (fit < 0 || center < 0)
        return wrong(file, key_preprocess, "resize_mode or center_crop has an unknown value", err);
    out->interpolation = (enum interpolation)filter;
    out->fit = (enum fit)fit;
    out->center = (enum center)center;
    snprintf(where, sizeof where, "%s: metadata %s", weight_file_path(file), key_preprocess);
    return preprocess_check(out, where, err);
}

static enum status read_problem(enum problem *out, const char *text, const struct weight_file *file, struct error *err)
{
    for (enum problem p = PROBLEM_SINGLE_LABEL; problem_names[p]; p++)
        if (strcmp(problem_names[p], text) == 0) {
            *out = p;
            return OK;
        }
    return wrong(file, model_key_problem, "unknown value", err);
}

/* The names of the card, if the file has none; frees the others. */
static void take_classes(struct model_info *info, struct model_card *card)
{
    if (card->has_classes && !info->own_classes) {
        info->classes = card->classes;
        info->own_classes = true;
    } else {
        class_names_free(&card->classes);
    }
    card->classes = (struct class_names){0};
}

/* What lies beside a Hugging Face model; the file's own metadata goes before it. */
static enum status read_beside(struct model_info *info, const struct weight_file *file, size_t outputs,
                               struct error *err)
{
    struct model_card card = {0};
    enum status status = hugging_face_read(&card, weight_file_path(file), outputs, err);
    if (status != OK)
        return status;
    info->says_preprocess = card.has_preprocess;
    info->oblong = card.oblong;
    info->problem = card.problem;
    if (card.has_preprocess)
        info->preprocess = card.preprocess;
    take_classes(info, &card);
    return OK;
}

/* The same of timm's. What our own file says of its photos was read from there, or set by hand, when it was made. */
static enum status read_timm(struct model_info *info, const struct weight_file *file, size_t outputs, bool own,
                             struct error *err)
{
    struct model_card card = {0};
    bool found;
    if (own)
        return OK;
    enum status status = timm_config_read(&card, &found, weight_file_path(file), outputs, err);
    if (status == OK && found) {
        info->preprocess = card.preprocess;
        info->says_preprocess = true;
        take_classes(info, &card);
    }
    return status;
}

/* A config.json that neither timm nor Hugging Face wrote may belong to anything. */
static enum status find_config(bool *there, const struct weight_file *file, struct error *err)
{
    struct stat info;
    char *path;
    enum status status = path_beside(&path, weight_file_path(file), "config.json", err);
    if (status != OK)
        return status;
    *there = path_stat(&info, path) == 0;
    memory_free(path);
    return OK;
}

enum status model_info_read(struct model_info *out, const struct weight_file *file, size_t outputs, struct error *err)
{
    struct model_info info = {.preprocess = preprocess_imagenet()};
    const char *arch = weight_file_metadata_find(file, key_arch);
    const char *classes = weight_file_metadata_find(file, key_classes);
    const char *preprocess = weight_file_metadata_find(file, key_preprocess);
    const char *problem = weight_file_metadata_find(file, model_key_problem);
    cJSON *classes_json = classes ? json_text_parse(classes, strlen(classes)) : NULL;
    cJSON *preprocess_json = preprocess ? json_text_parse(preprocess, strlen(preprocess)) : NULL;
    enum status status = OK;
    bool known = false;
    info.own_classes = classes != NULL;
    if (arch)
        status = memory_strdup(&info.arch, arch, err);
    if (status == OK && classes && text_json_has_nul(classes))
        status = wrong(file, key_classes, "a name contains a NUL character (\\u0000)", err);
    if (status == OK && weight_file_is_hugging_face(file))
        status = read_beside(&info, file, outputs, err);
    else if (status == OK)
        status = read_timm(&info, file, outputs, preprocess != NULL, err);
    if (status == OK && classes)
        status = read_classes(&info.classes, classes_json, file, outputs, err);
    else if (status == OK && !info.own_classes)
        status = other_labels_read(&info.classes, &info.own_classes, &info.classes_from, file, outputs, err);
    bool used = info.says_preprocess || weight_file_is_hugging_face(file); /* timm's, or Hugging Face's */
    if (status == OK && !info.own_classes && outputs > 0 && !used)
        status = find_config(&info.config_unused, file, err);
    if (status == OK && !info.own_classes)
        status = default_classes(&info.classes, outputs, err);
    if (status == OK && problem)
        status = read_problem(&info.problem, problem, file, err);
    if (status == OK)
        status = model_calibration_read(&info.calibration, file, err);
    if (preprocess) {
        info.says_preprocess = true;
        info.oblong = false; /* as it says itself: nobody else's way is followed */
    }
    if (status == OK && preprocess)
        status = read_preprocess(&info.preprocess, preprocess_json, file, err);
    else if (status == OK)
        status = known_weights_preprocess(&info.preprocess, &known, weight_file_path(file), known_weights, err);
    info.says_preprocess = info.says_preprocess || known;
    cJSON_Delete(classes_json);
    cJSON_Delete(preprocess_json);
    if (status == OK)
        *out = info;
    else
        model_info_free(&info);
    return status;
}

void model_info_free(struct model_info *info)
{
    memory_free(info->arch);
    for (size_t i = 0; i < info->classes.count; i++)
        memory_free(info->classes.names[i]);
    memory_free(info->classes.names);
    model_calibration_free(&info->calibration);
    *info = (struct model_info){0};
}

static void write_three(struct json *json, const char *key, const float values[3])
{
    json_open(json, key, '[');
    for (int i = 0; i < 3; i++)
        json_float(json, NULL, values[i]);
    json_close(json);
}

/* The two JSON texts, each ending in a NUL (in place of json_end's newline). */
static void write_values(FILE *out, long *second, const struct class_names *classes,
                         const struct preprocess *preprocess)
{
    struct json json = json_start(out, false);
    json_open(&json, NULL, '[');
    for (size_t i = 0; i < classes->count; i++)
        json_text(&json, NULL, classes->names[i]);
    json_close(&json);
    putc('\0', out);
    *second = ftell(out);
    json = json_start(out, false);
    json_open(&json, NULL, '{');
    json_int(&json, "resize", preprocess->resize);
    json_int(&json, "crop", preprocess->crop);
    json_text(&json, "interpolation", interpolation_names[preprocess->interpolation]);
    write_three(&json, "mean", preprocess->mean);
    write_three(&json, "std", preprocess->std);
    if (preprocess->fit != FIT_SHORT)
        json_text(&json, key_fit, fit_names[preprocess->fit]);
    if (preprocess->center != CENTER_ROUND)
        json_text(&json, key_center, center_names[preprocess->center]);
    json_close(&json);
    putc('\0', out);
}

enum status model_metadata(struct weight_metadata entries[MODEL_METADATA], char **text, const char *arch,
                           const struct class_names *classes, const struct preprocess *preprocess, struct error *err)
{
    char *values = NULL;
    size_t size = 0;
    long second = 0;
    FILE *out = open_memstream(&values, &size);
    if (out)
        write_values(out, &second, classes, preprocess);
    bool failed = !out || ferror(out);
    if (out && fclose(out) != 0)
        failed = true;
    if (failed) {
        free(values);
        return error_memory(err, "the metadata", size);
    }
    void *copy = NULL;
    enum status status = memory_alloc(&copy, size, 1, "the metadata", err);
    if (status == OK) {
        memcpy(copy, values, size);
        *text = copy;
        entries[0] = (struct weight_metadata){"format", "pt"};
        entries[1] = (struct weight_metadata){key_arch, arch};
        entries[MODEL_CLASSES] = (struct weight_metadata){key_classes, *text};
        entries[3] = (struct weight_metadata){key_preprocess, *text + second};
    }
    free(values);
    return status;
}
