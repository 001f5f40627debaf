#include "cli/hugging_face.h"

#include <math.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "cli/class_labels.h"
#include "cli/paths.h"
#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/base/text.h"

enum { MAX_BYTES = 1 << 24, MAX_SIDE = 1 << 14 };

static enum status wrong(const char *path, const char *key, const char *what, struct error *err)
{
    return error_set(err, ERR_DATA, "%.400s: %s: %s", path, key, what);
}

/* The object that the text is, or NULL. The whole of it must be JSON, and no text in it may hold a zero byte. */
static cJSON *parse(const char *text, size_t size)
{
    cJSON *object = strlen(text) == size && !text_json_has_nul(text) ? cJSON_ParseWithOpts(text, NULL, true) : NULL;
    if (cJSON_IsObject(object))
        return object;
    cJSON_Delete(object);
    return NULL;
}

static const cJSON *get(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

static bool is_text(const cJSON *item, const char *text)
{
    return cJSON_IsString(item) && strcmp(item->valuestring, text) == 0;
}

const char *const problem_names[] = {[PROBLEM_UNSAID] = "",
                                     [PROBLEM_SINGLE_LABEL] = "single_label_classification",
                                     [PROBLEM_MULTI_LABEL] = "multi_label_classification",
                                     [PROBLEM_REGRESSION] = "regression",
                                     [PROBLEM_REGRESSION + 1] = NULL};

/* ---- config.json ------------------------------------------------------------------------------------------------- */

static enum status read_labels(struct class_names *out, const cJSON *labels, const char *path, size_t outputs,
                               struct error *err)
{
    void *names;
    enum status status = memory_alloc(&names, outputs, sizeof *out->names, "the class names", err);
    if (status != OK)
        return status;
    *out = (struct class_names){.names = names, .count = outputs};
    size_t filled = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, labels)
    {
        long number = class_labels_number(item->string, outputs);
        if (number < 0 || !cJSON_IsString(item) || item->valuestring[0] == '\0' || out->names[number])
            return wrong(path, "id2label", "expected a name for each of the network's outputs, from \"0\" on", err);
        status = memory_strdup(&out->names[number], item->valuestring, err);
        if (status != OK)
            return status;
        filled++;
    }
    if (filled != outputs)
        return error_set(err, ERR_DATA, "%.400s: id2label: %zu names, the network has %zu outputs", path, filled,
                         outputs);
    return class_labels_distinguish(out, err);
}

static enum status read_problem(enum problem *out, const cJSON *item, const char *path, struct error *err)
{
    for (enum problem p = PROBLEM_UNSAID; item && !cJSON_IsNull(item); p++) {
        if (!problem_names[p])
            return wrong(path, "problem_type",
                         "not one that is known: single_label_classification, "
                         "multi_label_classification or regression",
                         err);
        if (is_text(item, problem_names[p])) {
            *out = p;
            break;
        }
    }
    return OK;
}

static enum status read_config(struct class_names *out, bool *found, enum problem *problem, const cJSON *config,
                               const char *path, size_t outputs, struct error *err)
{
    const cJSON *type = get(config, "model_type"), *act = get(config, "hidden_act"), *labels = get(config, "id2label");
    if (type && !is_text(type, "resnet"))
        return OK;
    if (cJSON_IsTrue(get(config, "downsample_in_bottleneck")))
        return wrong(path, "downsample_in_bottleneck",
                     "true: the stride lies on the first convolution of a block, which is another network", err);
    if (cJSON_IsTrue(get(config, "downsample_in_first_stage")))
        return wrong(path, "downsample_in_first_stage", "true: the first stage has a stride, which is another network",
                     err);
    if (act && !is_text(act, "relu"))
        return wrong(path, "hidden_act", "not relu, so this is another network", err);
    enum status status = read_problem(problem, get(config, "problem_type"), path, err);
    if (status != OK)
        return status;
    if (!labels || outputs == 0) /* a body has no outputs that could be named */
        return OK;
    if (!cJSON_IsObject(labels))
        return wrong(path, "id2label", "not a JSON object", err);
    status = read_labels(out, labels, path, outputs, err);
    *found = status == OK;
    if (status != OK)
        class_names_free(out);
    return status;
}

enum status hugging_face_classes(struct class_names *out, bool *found, enum problem *problem, const char *text,
                                 size_t size, const char *path, size_t outputs, struct error *err)
{
    cJSON *config = parse(text, size);
    *found = false;
    *problem = PROBLEM_UNSAID;
    if (!config)
        return error_set(err, ERR_DATA, "%.400s: not a JSON object, or with a zero byte (\\u0000) in a text", path);
    enum status status = read_config(out, found, problem, config, path, outputs, err);
    cJSON_Delete(config);
    return status;
}

/* ---- preprocessor_config.json ------------------------------------------------------------------------------------ */

/* A whole number of pixels, alone or under a key of an object; both sides of a rectangle must be the same. */
static bool read_side(int *out, const cJSON *item, bool *shortest)
{
    const cJSON *edge = get(item, "shortest_edge"), *height = get(item, "height"), *width = get(item, "width");
    *shortest = !cJSON_IsObject(item) || edge;
    const cJSON *number = cJSON_IsObject(item) ? (edge ? edge : height) : item;
    if (cJSON_IsObject(item) && !edge &&
        (!cJSON_IsNumber(width) || !cJSON_IsNumber(height) || width->valueint != height->valueint))
        return false;
    if (!cJSON_IsNumber(number) || number->valuedouble != (double)number->valueint || number->valueint < 1 ||
        number->valueint > MAX_SIDE)
        return false;
    *out = number->valueint;
    return true;
}

/* ConvNextImageProcessor: below 384 pixels the short side becomes size / crop_pct (224 / 256 when it is not said) and
 * the middle is taken; from 384 on there is no crop. Others: size, then crop_size when there is a crop. */
static bool read_sizes(struct preprocess *out, const cJSON *config)
{
    const cJSON *percent = get(config, "crop_pct"), *crop = get(config, "crop_size");
    const cJSON *type = get(config, "image_processor_type") ? get(config, "image_processor_type")
                                                            : get(config, "feature_extractor_type");
    bool shortest, unused, convnext = cJSON_IsString(type) && strncmp(type->valuestring, "ConvNext", 8) == 0;
    int size;
    if (!read_side(&size, get(config, "size"), &shortest))
        return false;
    out->resize = out->crop = size;
    if (cJSON_IsNumber(percent) || (convnext && !percent)) {
        double part = percent ? percent->valuedouble : 224.0 / 256.0;
        if (!(part > 0.01 && part <= 1))
            return false;
        if (size < 384)
            out->resize = (int)(size / part);
        return true;
    }
    if (percent && !cJSON_IsNull(percent))
        return false;
    if (crop && !cJSON_IsNull(crop) && !cJSON_IsFalse(get(config, "do_center_crop")))
        return read_side(&out->crop, crop, &unused);
    return shortest || size == out->crop;
}

/* Pillow's numbers of filters. */
static bool read_filter(enum interpolation *out, const cJSON *resample)
{
    enum { PILLOW_BILINEAR = 2, PILLOW_BICUBIC = 3 };
    if (!resample || cJSON_IsNull(resample))
        return true;
    if (!cJSON_IsNumber(resample) ||
        (resample->valuedouble != PILLOW_BILINEAR && resample->valuedouble != PILLOW_BICUBIC))
        return false;
    *out = resample->valueint == PILLOW_BICUBIC ? INTERPOLATION_BICUBIC : INTERPOLATION_BILINEAR;
    return true;
}

static bool read_three(float out[3], const cJSON *list)
{
    if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) != 3)
        return false;
    for (int i = 0; i < 3; i++) {
        const cJSON *item = cJSON_GetArrayItem(list, i);
        if (!cJSON_IsNumber(item))
            return false;
        out[i] = (float)item->valuedouble;
    }
    return true;
}

/* Both sides are set without a look at the photo's, and nothing is cut out of the middle after it: processors that know
 * height and width alone, and ConvNeXt's from 384 pixels on. */
static bool squashes_photos(const cJSON *config)
{
    const cJSON *size = get(config, "size"), *crop = get(config, "crop_size"), *percent = get(config, "crop_pct");
    const cJSON *type = get(config, "image_processor_type") ? get(config, "image_processor_type")
                                                            : get(config, "feature_extractor_type");
    bool convnext = cJSON_IsNumber(percent) || (cJSON_IsString(type) && strncmp(type->valuestring, "ConvNext", 8) == 0);
    const cJSON *edge = cJSON_IsObject(size) ? get(size, "shortest_edge") : size;
    bool crops = !cJSON_IsFalse(get(config, "do_center_crop")) && crop && !cJSON_IsNull(crop);
    if (convnext)
        return cJSON_IsNumber(edge) && edge->valuedouble >= 384;
    return cJSON_IsObject(size) && !edge && !crops;
}

static enum status read_preprocessor(struct preprocess *out, const cJSON *config, const char *path, struct error *err)
{
    struct preprocess made = preprocess_imagenet();
    static const char *const steps[] = {"do_resize", "do_rescale"};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (cJSON_IsFalse(get(config, steps[i])))
            return wrong(path, steps[i], "false, but photos are always resized and brought to 0..1", err);
    const cJSON *factor = get(config, "rescale_factor");
    if (factor && !cJSON_IsNull(factor) && !(cJSON_IsNumber(factor) && fabs(factor->valuedouble * 255 - 1) < 1e-3))
        return wrong(path, "rescale_factor", "not 1/255, but photos are always brought to 0..1", err);
    if (get(config, "size") && !read_sizes(&made, config))
        return wrong(path, "size, crop_pct or crop_size",
                     "not understood: expected whole numbers of pixels of a square", err);
    if (!read_filter(&made.interpolation, get(config, "resample")))
        return wrong(path, "resample",
                     "only 2 (bilinear) and 3 (bicubic) are there; take the line out to have bilinear", err);
    if (cJSON_IsFalse(get(config, "do_normalize"))) {
        memcpy(made.mean, (float[]){0, 0, 0}, sizeof made.mean);
        memcpy(made.std, (float[]){1, 1, 1}, sizeof made.std);
    } else if ((get(config, "image_mean") && !read_three(made.mean, get(config, "image_mean"))) ||
               (get(config, "image_std") && !read_three(made.std, get(config, "image_std")))) {
        return wrong(path, "image_mean or image_std", "expected three numbers", err);
    }
    enum status status = preprocess_check(&made, path, err);
    if (status == OK)
        *out = made;
    return status;
}

enum status hugging_face_preprocess(struct preprocess *out, bool *squashes, const char *text, size_t size,
                                    const char *path, struct error *err)
{
    cJSON *config = parse(text, size);
    if (!config)
        return error_set(err, ERR_DATA, "%.400s: not a JSON object, or with a zero byte (\\u0000) in a text", path);
    enum status status = read_preprocessor(out, config, path, err);
    *squashes = squashes_photos(config);
    cJSON_Delete(config);
    return status;
}

/* ---- both -------------------------------------------------------------------------------------------------------- */

/* A file beside `weights`; *text is NULL when there is none. */
static enum status read_beside(char **path, uint8_t **text, size_t *size, const char *weights, const char *name,
                               struct error *err)
{
    *text = NULL;
    enum status status = path_beside(path, weights, name, err);
    if (status != OK)
        return status;
    status = file_read(text, size, *path, MAX_BYTES, err);
    return status == ERR_NOINPUT ? OK : status;
}

enum status hugging_face_read(struct model_card *card, const char *weights, size_t outputs, struct error *err)
{
    struct model_card made = {0};
    char *path = NULL;
    uint8_t *text;
    size_t size;
    enum status status = read_beside(&path, &text, &size, weights, "config.json", err);
    if (status == OK && text)
        status = hugging_face_classes(&made.classes, &made.has_classes, &made.problem, (const char *)text, size, path,
                                      outputs, err);
    memory_free(text);
    memory_free(path);
    if (status != OK)
        return status;
    path = NULL;
    status = read_beside(&path, &text, &size, weights, "preprocessor_config.json", err);
    if (status == OK && text) {
        status = hugging_face_preprocess(&made.preprocess, &made.squashes, (const char *)text, size, path, err);
        made.has_preprocess = status == OK;
    }
    memory_free(text);
    memory_free(path);
    if (status == OK)
        *card = made;
    else
        class_names_free(&made.classes);
    return status;
}
