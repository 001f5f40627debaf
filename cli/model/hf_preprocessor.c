#include "cli/model/hf_preprocessor.h"

#include <math.h>
#include <string.h>

#include "core/base/json_text.h"

/* ---- kinds of processors ----------------------------------------------------------------------------------------- */

enum rule {
    RULE_PLAIN,      /* size, then the crop */
    RULE_CONVNEXT,   /* size / crop_pct and its middle; squashed from CONVNEXT_SQUASHES on */
    RULE_POOLFORMER, /* size / crop_pct, then the crop */
    RULE_LEVIT       /* size * 256 / 224, then the crop */
};
enum { CONVNEXT_SQUASHES = 384 };

enum colours { COLOURS_IMAGENET, COLOURS_HALF, COLOURS_CLIP };

/* transformers.utils.constants: IMAGENET_DEFAULT, IMAGENET_STANDARD, OPENAI_CLIP. */
static const struct {
    float mean[3], std[3];
} colours[] = {[COLOURS_IMAGENET] = {{0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}},
               [COLOURS_HALF] = {{0.5f, 0.5f, 0.5f}, {0.5f, 0.5f, 0.5f}},
               [COLOURS_CLIP] = {{0.48145466f, 0.4578275f, 0.40821073f}, {0.26862954f, 0.26130258f, 0.27577711f}}};

/* Classes of transformers.models.*.image_processing_* by the beginning of their names, and their values of what the
 * file does not say. */
static const struct processor {
    const char *name;
    enum rule rule;
    bool square; /* a size that is one number, or missing, means both sides */
    int size;
    bool crops;
    int crop;
    enum interpolation filter;
    enum colours colours;
    bool twice; /* divides by the deviation a second time, unless include_top is false */
} processors[] = {
    {"ConvNext", RULE_CONVNEXT, false, 384, false, 0, INTERPOLATION_BICUBIC, COLOURS_HALF, false},
    {"PoolFormer", RULE_POOLFORMER, false, 224, true, 224, INTERPOLATION_BICUBIC, COLOURS_IMAGENET, false},
    {"Levit", RULE_LEVIT, false, 224, true, 224, INTERPOLATION_BICUBIC, COLOURS_IMAGENET, false},
    {"ViT", RULE_PLAIN, true, 224, false, 0, INTERPOLATION_BILINEAR, COLOURS_HALF, false},
    {"DeiT", RULE_PLAIN, true, 256, true, 224, INTERPOLATION_BICUBIC, COLOURS_HALF, false},
    {"Beit", RULE_PLAIN, true, 224, false, 224, INTERPOLATION_BICUBIC, COLOURS_HALF, false},
    {"EfficientNet", RULE_PLAIN, true, 346, false, 289, INTERPOLATION_BICUBIC, COLOURS_HALF, true},
    {"Bit", RULE_PLAIN, false, 224, true, 224, INTERPOLATION_BICUBIC, COLOURS_CLIP, false},
    {"CLIP", RULE_PLAIN, false, 224, true, 224, INTERPOLATION_BICUBIC, COLOURS_CLIP, false},
    {"MobileNet", RULE_PLAIN, false, 256, true, 224, INTERPOLATION_BILINEAR, COLOURS_HALF, false},
};

static const cJSON *get(const cJSON *object, const char *key)
{
    return cJSON_GetObjectItemCaseSensitive(object, key);
}

static bool is_missing(const cJSON *item)
{
    return !item || cJSON_IsNull(item);
}

/* Any other type, or none, crops where the file has a crop_size, and is like ConvNext where it has a crop_pct. */
static struct processor find_processor(const cJSON *config)
{
    const cJSON *type = get(config, "image_processor_type");
    struct processor other = {.filter = INTERPOLATION_BILINEAR,
                              .crops = !is_missing(get(config, "crop_size")),
                              .rule = is_missing(get(config, "crop_pct")) ? RULE_PLAIN : RULE_CONVNEXT};
    if (!cJSON_IsString(type))
        type = get(config, "feature_extractor_type");
    for (size_t i = 0; cJSON_IsString(type) && i < sizeof processors / sizeof *processors; i++)
        if (strncmp(type->valuestring, processors[i].name, strlen(processors[i].name)) == 0)
            return processors[i];
    return other;
}

/* ---- sizes ------------------------------------------------------------------------------------------------------- */

static bool read_number(int *out, const cJSON *number)
{
    if (!cJSON_IsNumber(number) || number->valuedouble != (double)number->valueint || number->valueint < 1 ||
        number->valueint > PREPROCESS_MAX_SIDE)
        return false;
    *out = number->valueint;
    return true;
}

/* A whole number of pixels, alone or under a key of an object; both sides of a rectangle must be the same. *square: it
 * is that of both sides. */
static bool read_side(int *out, bool *square, const cJSON *item)
{
    const cJSON *edge = get(item, "shortest_edge"), *height = get(item, "height"), *width = get(item, "width");
    if (!cJSON_IsObject(item))
        return read_number(out, item);
    *square = is_missing(edge);
    if (!*square)
        return is_missing(get(item, "longest_edge")) && read_number(out, edge);
    int other;
    return read_number(out, height) && read_number(&other, width) && *out == other;
}

/* *part = crop_pct, or `usual` where it is missing. */
static bool read_part(double *part, const cJSON *config, double usual)
{
    const cJSON *item = get(config, "crop_pct");
    *part = usual;
    if (is_missing(item))
        return true;
    *part = cJSON_IsNumber(item) ? item->valuedouble : 0;
    return *part > 0.01 && *part <= 1;
}

static bool read_crop(int *out, const struct processor *processor, const cJSON *config)
{
    const cJSON *crop = get(config, "crop_size");
    bool unused;
    *out = processor->crop;
    return is_missing(crop) ? *out > 0 : read_side(out, &unused, crop);
}

static bool read_convnext(struct preprocess *out, const cJSON *config, int size, bool square, bool crops)
{
    double part;
    int again = size;
    const struct processor none = {.crop = size};
    if (square || !read_part(&part, config, 224.0 / 256.0) || (crops && !read_crop(&again, &none, config)))
        return false;
    out->crop = size;
    out->fit = size < CONVNEXT_SQUASHES ? FIT_SHORT : FIT_SQUASH;
    out->resize = size < CONVNEXT_SQUASHES ? (int)(size / part) : size;
    return again == size; /* else a second crop, out of the first */
}

static bool read_sizes(struct preprocess *out, bool *oblong, const struct processor *processor, const cJSON *config)
{
    const cJSON *asked = get(config, "do_center_crop");
    bool square = processor->square, crops = cJSON_IsBool(asked) ? cJSON_IsTrue(asked) : processor->crops;
    int size = processor->size;
    double part = 1;
    if (is_missing(get(config, "size")) && size == 0)
        return true; /* nobody says anything */
    if (!is_missing(get(config, "size")) && !read_side(&size, &square, get(config, "size")))
        return false;
    if (processor->rule == RULE_CONVNEXT)
        return read_convnext(out, config, size, square, crops && cJSON_IsTrue(asked));
    if (processor->rule == RULE_POOLFORMER && !read_part(&part, config, 0.9))
        return false;
    out->fit = square && processor->rule != RULE_POOLFORMER ? FIT_SQUASH : FIT_SHORT;
    out->resize = out->crop = (int)(size / part);
    if (processor->rule == RULE_LEVIT && !square)
        out->resize = out->crop = (int)(256.0 / 224.0 * size);
    *oblong = !crops && out->fit == FIT_SHORT;
    return !crops || read_crop(&out->crop, processor, config);
}

/* ---- the rest ---------------------------------------------------------------------------------------------------- */

static bool read_filter(enum interpolation *out, const struct processor *processor, const cJSON *config)
{
    static const enum interpolation pillow[] = {INTERPOLATION_NEAREST, INTERPOLATION_LANCZOS, INTERPOLATION_BILINEAR,
                                                INTERPOLATION_BICUBIC, INTERPOLATION_BOX,     INTERPOLATION_HAMMING};
    const cJSON *resample = get(config, "resample");
    *out = processor->filter;
    if (is_missing(resample))
        return true;
    if (!cJSON_IsNumber(resample) || resample->valuedouble != (double)resample->valueint || resample->valueint < 0 ||
        resample->valueint >= (int)(sizeof pillow / sizeof *pillow))
        return false;
    *out = pillow[resample->valueint];
    return true;
}

/* Three numbers, or `usual` where they are missing. */
static bool read_three(float out[3], const cJSON *list, const float usual[3])
{
    memcpy(out, usual, 3 * sizeof *out);
    if (is_missing(list))
        return true;
    return json_text_floats(out, 3, list);
}

static bool read_colours(struct preprocess *out, const struct processor *processor, const cJSON *config)
{
    static const float none[3] = {0, 0, 0}, one[3] = {1, 1, 1};
    float mean[3], std[3];
    bool normalises = !cJSON_IsFalse(get(config, "do_normalize"));
    if (!read_three(mean, get(config, "image_mean"), colours[processor->colours].mean) ||
        !read_three(std, get(config, "image_std"), colours[processor->colours].std))
        return false;
    memcpy(out->mean, normalises ? mean : none, sizeof mean);
    memcpy(out->std, normalises ? std : one, sizeof std);
    for (int i = 0; i < 3 && processor->twice && !cJSON_IsFalse(get(config, "include_top")); i++)
        out->std[i] *= std[i];
    return true;
}

/* A step that is always made here, or never, and the file wants otherwise. */
static const char *other_step(const char **why, const cJSON *config)
{
    static const struct {
        const char *key;
        bool refused;
        const char *why;
    } steps[] = {
        {"do_resize", false, "false, but photos are always resized and brought to 0..1"},
        {"do_rescale", false, "false, but photos are always resized and brought to 0..1"},
        {"do_flip_channel_order", true, "true, but the order of colours here is always RGB"},
        {"do_pad", true, "true, but photos are never padded to a size"},
        {"rescale_offset", true, "true, but photos are always brought to 0..1"},
        {"do_thumbnail", true, "true, but photos are resized once"},
        {"do_align_long_axis", true, "true, but photos are never turned to their frame"},
    };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        const cJSON *item = get(config, steps[i].key);
        *why = steps[i].why;
        if (steps[i].refused ? cJSON_IsTrue(item) : cJSON_IsFalse(item))
            return steps[i].key;
    }
    return NULL;
}

static enum status read_config(struct preprocess *out, bool *oblong, const cJSON *config, const char *path,
                               struct error *err)
{
    const cJSON *factor = get(config, "rescale_factor");
    const char *why, *key = other_step(&why, config);
    const struct processor processor = find_processor(config);
    struct preprocess made = preprocess_imagenet();
    made.center = CENTER_FLOOR;
    if (key)
        return error_set(err, ERR_DATA, "%.400s: %s: %s", path, key, why);
    if (factor && !cJSON_IsNull(factor) && !(cJSON_IsNumber(factor) && fabs(factor->valuedouble * 255 - 1) < 1e-3))
        return error_set(err, ERR_DATA, "%.400s: rescale_factor: not 1/255, but photos are always brought to 0..1",
                         path);
    if (!read_sizes(&made, oblong, &processor, config))
        return error_set(err, ERR_DATA,
                         "%.400s: size, crop_pct or crop_size: not understood: expected whole numbers of pixels of a "
                         "square",
                         path);
    if (!read_filter(&made.interpolation, &processor, config))
        return error_set(err, ERR_DATA, "%.400s: resample: expected Pillow's number of a filter, 0 to 5", path);
    if (!read_colours(&made, &processor, config))
        return error_set(err, ERR_DATA, "%.400s: image_mean or image_std: expected three numbers", path);
    enum status status = preprocess_check(&made, path, err);
    if (status == OK)
        *out = made;
    return status;
}

enum status hf_preprocessor_parse(struct preprocess *out, bool *oblong, const char *text, size_t size, const char *path,
                                  struct error *err)
{
    cJSON *config = json_text_parse(text, size);
    enum status status = OK;
    *oblong = false;
    if (!cJSON_IsObject(config))
        status =
            error_set(err, ERR_DATA,
                      "%.400s: not a JSON object in UTF-8, or a text in it contains a NUL character (\\u0000)", path);
    else
        status = read_config(out, oblong, config, path, err);
    cJSON_Delete(config);
    return status;
}
