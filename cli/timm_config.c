#include "cli/timm_config.h"

#include <math.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "cli/paths.h"
#include "core/base/file.h"
#include "core/base/memory.h"
#include "models/resnet.h"

enum { MAX_BYTES = 1 << 20 };

static const cJSON *get(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

/* Missing, or null. */
static bool is_default(const cJSON *item)
{
    return !item || cJSON_IsNull(item);
}

static bool is_text(const cJSON *item, const char *text)
{
    return cJSON_IsString(item) && strcmp(item->valuestring, text) == 0;
}

/* timm has networks whose tensors are named like a ResNet's, with other pooling or activations between them. */
static bool is_known(const cJSON *architecture)
{
    bool known = is_default(architecture);
    for (const struct resnet_shape *shape = resnet_shapes; shape->arch && !known; shape++)
        known = is_text(architecture, shape->arch);
    return known;
}

static bool read_sizes(struct preprocess *out, const cJSON *config)
{
    const cJSON *input = get(config, "input_size"), *part = get(config, "crop_pct");
    const cJSON *height = cJSON_GetArrayItem(input, 1), *width = cJSON_GetArrayItem(input, 2);
    double side = 224, share = 0.875;
    if (!is_default(input)) {
        if (!cJSON_IsArray(input) || cJSON_GetArraySize(input) != 3 || !cJSON_IsNumber(height) ||
            !cJSON_IsNumber(width))
            return false;
        side = height->valuedouble;
        if (!(side >= 1 && side <= PREPROCESS_MAX_SIDE) || side != floor(side) || side != width->valuedouble)
            return false;
    }
    if (!is_default(part)) {
        share = cJSON_IsNumber(part) ? part->valuedouble : 0;
        if (!(share > 0.01 && share <= 1))
            return false;
    }
    out->crop = (int)side;
    out->resize = (int)floor(side / share);
    return true;
}

static bool read_filter(enum interpolation *out, const cJSON *filter)
{
    *out = is_text(filter, "bilinear") ? INTERPOLATION_BILINEAR : INTERPOLATION_BICUBIC;
    return is_default(filter) || is_text(filter, interpolation_names[*out]);
}

static bool read_three(float out[3], const cJSON *list)
{
    if (is_default(list))
        return true;
    for (int i = 0; i < 3; i++) {
        const cJSON *item = cJSON_GetArrayItem(list, i);
        if (!cJSON_IsNumber(item))
            return false;
        out[i] = (float)item->valuedouble;
    }
    return cJSON_GetArraySize(list) == 3;
}

static enum status read_config(struct preprocess *out, const cJSON *root, const char *path, struct error *err)
{
    const cJSON *config = get(root, "pretrained_cfg");
    struct preprocess made = preprocess_imagenet();
    const char *wrong = NULL;
    if (!is_known(get(root, "architecture")))
        wrong = "architecture: not one of resnet18, 34, 50, 101 and 152, so this is another network";
    else if (!read_sizes(&made, config))
        wrong = "input_size or crop_pct: not understood: expected [3, N, N] and a part of 1";
    else if (!is_default(get(config, "crop_mode")) && !is_text(get(config, "crop_mode"), "center"))
        wrong = "crop_mode: only \"center\" is there";
    else if (!read_filter(&made.interpolation, get(config, "interpolation")))
        wrong = "interpolation: only \"bilinear\" and \"bicubic\" are there";
    else if (!read_three(made.mean, get(config, "mean")) || !read_three(made.std, get(config, "std")))
        wrong = "mean or std: expected three numbers";
    if (wrong)
        return error_set(err, ERR_DATA, "%.400s: %s", path, wrong);
    enum status status = preprocess_check(&made, path, err);
    if (status == OK)
        *out = made;
    return status;
}

enum status timm_config_parse(struct preprocess *out, bool *found, const char *text, size_t size, const char *path,
                              struct error *err)
{
    cJSON *root = strlen(text) == size ? cJSON_ParseWithOpts(text, NULL, true) : NULL;
    bool is_timm = cJSON_IsObject(get(root, "pretrained_cfg"));
    enum status status = is_timm ? read_config(out, root, path, err) : OK;
    *found = is_timm && status == OK;
    cJSON_Delete(root);
    return status;
}

enum status timm_config_read(struct preprocess *out, bool *found, const char *weights, struct error *err)
{
    char *path;
    uint8_t *text = NULL;
    size_t size;
    *found = false;
    enum status status = path_beside(&path, weights, "config.json", err);
    if (status != OK)
        return status;
    status = file_read(&text, &size, path, MAX_BYTES, err);
    if (status == OK)
        status = timm_config_parse(out, found, (const char *)text, size, path, err);
    else if (status == ERR_NOINPUT || status == ERR_DATA)
        status = OK; /* none, or none of timm's */
    memory_free(text);
    memory_free(path);
    return status;
}
