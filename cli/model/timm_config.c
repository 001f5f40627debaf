#include "cli/model/timm_config.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "cli/model/class_labels.h"
#include "cli/model/timm_args.h"
#include "cli/shell/paths.h"
#include "core/base/file.h"
#include "core/base/json_text.h"
#include "core/base/memory.h"
#include "core/base/text.h"

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

static bool is_three(const cJSON *item)
{
    return cJSON_IsNumber(item) && item->valuedouble == 3;
}

static bool read_sizes(struct preprocess *out, const cJSON *config)
{
    const cJSON *input = get(config, "input_size"), *part = get(config, "crop_pct");
    const cJSON *height = cJSON_GetArrayItem(input, 1), *width = cJSON_GetArrayItem(input, 2);
    double side = 224, share = 0.875;
    if (!is_default(input)) {
        if (!cJSON_IsArray(input) || cJSON_GetArraySize(input) != 3 || !cJSON_IsNumber(height) ||
            !cJSON_IsNumber(width) || !is_three(cJSON_GetArrayItem(input, 0)))
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
    *out = INTERPOLATION_BICUBIC;
    for (int i = 0; interpolation_names[i] && !is_default(filter); i++)
        if (is_text(filter, interpolation_names[i])) {
            *out = (enum interpolation)i;
            return true;
        }
    return is_default(filter);
}

static bool read_three(float out[3], const cJSON *list)
{
    return is_default(list) || json_text_floats(out, 3, list);
}

enum { OTHER_TEXT = 200, SHOWN_TEXT = 60 };

/* An entry of model_args with its value, which may be of any type. */
static const char *other_argument(char out[OTHER_TEXT], const cJSON *argument)
{
    char key[SHOWN_TEXT], value[SHOWN_TEXT];
    char *json = cJSON_IsString(argument) ? NULL : cJSON_PrintUnformatted(argument);
    const char *text = cJSON_IsString(argument) ? argument->valuestring : json ? json : "?";
    snprintf(out, OTHER_TEXT, "model_args: %s: %s differs from the default, so this is another network",
             text_escape(key, sizeof key, argument->string), text_escape(value, sizeof value, text));
    cJSON_free(json);
    return out;
}

/* What of the config makes another network of the same tensors, or NULL. */
static const char *other_network(char out[OTHER_TEXT], const cJSON *root, const cJSON *config, bool is_body)
{
    const cJSON *own = get(root, "architecture"), *name = is_default(own) ? get(config, "architecture") : own;
    const cJSON *args = get(root, "model_args"), *channels = get(config, "in_chans");
    char shown[SHOWN_TEXT];
    if (!is_default(name) && !cJSON_IsString(name))
        return "architecture: expected a name";
    if (!is_default(name) && !timm_args_knows(name->valuestring)) {
        snprintf(out, OTHER_TEXT,
                 "architecture: not one of resnet18, 34, 50, 101 and 152, so this is another network: %s",
                 text_escape(shown, sizeof shown, name->valuestring));
        return out;
    }
    if (!is_default(args) && !cJSON_IsObject(args))
        return "model_args: not a JSON object";
    const cJSON *other = timm_args_other(args, is_body);
    if (other)
        return other_argument(out, other);
    if (!timm_args_pools(get(root, "global_pool"), is_body) || !timm_args_pools(get(config, "global_pool"), is_body))
        return "global_pool: not \"avg\", so this is another network";
    if ((!is_default(channels) && !is_three(channels)) ||
        (!is_default(get(root, "in_chans")) && !is_three(get(root, "in_chans"))))
        return "in_chans: not 3, so this is another network";
    return NULL;
}

static const char *read_preprocess(struct preprocess *made, const cJSON *config)
{
    const cJSON *mode = get(config, "crop_mode");
    if (!read_sizes(made, config))
        return "input_size or crop_pct: not understood: expected [3, N, N] and a part of 1";
    if (!is_default(mode) && !is_text(mode, "center") && !is_text(mode, "squash"))
        return "crop_mode: neither \"center\" nor \"squash\"; photos are never given a border";
    made->fit = is_text(mode, "squash") ? FIT_SQUASH : FIT_SHORT;
    if (!read_filter(&made->interpolation, get(config, "interpolation")))
        return "interpolation: not one of bilinear, bicubic, lanczos, box, hamming and nearest";
    if (!read_three(made->mean, get(config, "mean")) || !read_three(made->std, get(config, "std")))
        return "mean or std: expected three numbers";
    return NULL;
}

/* The key in front of the other one's value: at the root before pretrained_cfg, today's before the older one. */
static const cJSON *find_labels(const cJSON *root, const cJSON *config)
{
    static const char *const keys[] = {"label_names", "labels"};
    const cJSON *const places[] = {root, config};
    for (size_t i = 0; i < 2; i++)
        for (size_t k = 0; k < 2; k++)
            if (!is_default(get(places[i], keys[k])))
                return get(places[i], keys[k]);
    return NULL;
}

static enum status read_config(struct model_card *card, const cJSON *root, const cJSON *config, size_t outputs,
                               const char *path, struct error *err)
{
    struct model_card made = {.has_preprocess = true, .preprocess = preprocess_imagenet()};
    const cJSON *labels = outputs > 0 ? find_labels(root, config) : NULL;
    char text[OTHER_TEXT];
    const char *wrong = other_network(text, root, config, outputs == 0);
    if (!wrong)
        wrong = read_preprocess(&made.preprocess, config);
    if (wrong)
        return error_set(err, ERR_DATA, "%.400s: %s", path, wrong);
    enum status status = preprocess_check(&made.preprocess, path, err);
    if (status == OK && labels)
        status = class_labels_read(&made.classes, &wrong, labels, outputs, true, err);
    if (status != OK)
        return status;
    if (wrong)
        return error_set(err, ERR_DATA, "%.400s: %s: %s (%zu)", path, labels->string, wrong, outputs);
    made.has_classes = labels != NULL;
    *card = made;
    return OK;
}

/* Where pretrained_cfg's values stand, or NULL when timm did not write the file. Other programs have files of that
 * name, with an architecture in it too: the older form has what only timm writes beside it. */
static const cJSON *find_config(const cJSON *root)
{
    static const char *const keys[] = {"input_size",  "crop_pct",   "crop_mode",    "first_conv",       "pool_size",
                                       "custom_load", "model_args", "hf_hub_id",    "fixed_input_size", "classifier",
                                       "global_pool", "origin_url", "interpolation"};
    const cJSON *config = get(root, "pretrained_cfg");
    if (cJSON_IsObject(config))
        return config;
    if (config || !cJSON_IsString(get(root, "architecture")))
        return NULL;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (get(root, keys[i]))
            return root;
    return NULL;
}

enum status timm_config_parse(struct model_card *card, bool *found, const char *text, size_t size, size_t outputs,
                              const char *path, struct error *err)
{
    /* Not json_text_parse: a file that timm did not write may hold anything; only the parsed text tells whose it is. */
    cJSON *root = strlen(text) == size ? cJSON_ParseWithOpts(text, NULL, true) : NULL;
    const cJSON *config = find_config(root);
    enum status status = OK;
    if (config && text_json_has_nul(text))
        status = error_set(err, ERR_DATA, "%.400s: a text contains a NUL character (\\u0000)", path);
    else if (config)
        status = read_config(card, root, config, outputs, path, err);
    *found = config && status == OK;
    cJSON_Delete(root);
    return status;
}

enum status timm_config_read(struct model_card *card, bool *found, const char *weights, size_t outputs,
                             struct error *err)
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
        status = timm_config_parse(card, found, (const char *)text, size, outputs, path, err);
    else if (status == ERR_NOINPUT || status == ERR_DATA)
        status = OK; /* none, or none of timm's */
    memory_free(text);
    memory_free(path);
    return status;
}
