#include "cli/model/model_export.h"

#include <math.h>

#include "cli/shell/json.h"

/* Channels that come out of layer 1..4. */
static size_t layer_channels(const struct resnet_shape *shape, int layer)
{
    return (shape->width << (layer - 1)) * (shape->bottleneck ? 4 : 1);
}

static void put_three(struct json *json, const char *key, const float values[3])
{
    json_open(json, key, '[');
    for (int i = 0; i < 3; i++)
        json_float(json, NULL, values[i]);
    json_close(json);
}

/* ---- Hugging Face ------------------------------------------------------------------------------------------------ */

/* {"0": "ants", ...} and {"ants": 0, ...}. */
static void put_labels(struct json *json, const struct class_names *classes)
{
    json_open(json, "id2label", '{');
    for (size_t i = 0; i < classes->count; i++) {
        char number[24];
        snprintf(number, sizeof number, "%zu", i);
        json_text(json, number, classes->names[i]);
    }
    json_close(json);
    json_open(json, "label2id", '{');
    for (size_t i = 0; i < classes->count; i++)
        json_int(json, classes->names[i], (int64_t)i);
    json_close(json);
}

void export_hugging_face_config(FILE *out, const struct model_export *model)
{
    const struct resnet_shape *shape = model->shape;
    struct json json = json_start(out, true);
    json_open(&json, NULL, '{');
    json_open(&json, "architectures", '[');
    json_text(&json, NULL, model->outputs ? "ResNetForImageClassification" : "ResNetModel");
    json_close(&json);
    json_text(&json, "model_type", "resnet");
    json_int(&json, "num_channels", 3);
    json_int(&json, "embedding_size", (int64_t)shape->width);
    json_open(&json, "hidden_sizes", '[');
    for (int layer = 1; layer <= 4; layer++)
        json_int(&json, NULL, (int64_t)layer_channels(shape, layer));
    json_close(&json);
    json_open(&json, "depths", '[');
    for (int layer = 0; layer < 4; layer++)
        json_int(&json, NULL, (int64_t)shape->blocks[layer]);
    json_close(&json);
    json_text(&json, "layer_type", shape->bottleneck ? "bottleneck" : "basic");
    json_text(&json, "hidden_act", "relu");
    json_bool(&json, "downsample_in_first_stage", false);
    json_bool(&json, "downsample_in_bottleneck", false); /* the stride is on the 3x3 convolution: "v1.5" */
    if (model->outputs)
        json_int(&json, "num_labels", (int64_t)model->outputs);
    if (model->outputs && model->classes)
        put_labels(&json, model->classes);
    if (model->problem != PROBLEM_UNSAID)
        json_text(&json, "problem_type", problem_names[model->problem]);
    if (model->dtype)
        json_text(&json, "torch_dtype", model->dtype); /* read as "dtype" from transformers 4.56 on */
    json_close(&json);
    json_end(&json);
}

void export_hugging_face_preprocessor(FILE *out, const struct model_export *model)
{
    /* Pillow's numbers. */
    static const int filters[] = {
        [INTERPOLATION_NEAREST] = 0, [INTERPOLATION_LANCZOS] = 1, [INTERPOLATION_BILINEAR] = 2,
        [INTERPOLATION_BICUBIC] = 3, [INTERPOLATION_BOX] = 4,     [INTERPOLATION_HAMMING] = 5};
    const struct preprocess *preprocess = model->preprocess;
    struct json json = json_start(out, true);
    json_open(&json, NULL, '{');
    json_text(&json, "image_processor_type", "BitImageProcessor");
    json_bool(&json, "do_convert_rgb", true);
    json_bool(&json, "do_resize", true);
    json_open(&json, "size", '{');
    if (preprocess->fit == FIT_SHORT)
        json_int(&json, "shortest_edge", preprocess->resize);
    if (preprocess->fit == FIT_SQUASH) {
        json_int(&json, "height", preprocess->resize);
        json_int(&json, "width", preprocess->resize);
    }
    json_close(&json);
    json_int(&json, "resample", filters[preprocess->interpolation]);
    json_bool(&json, "do_center_crop", true);
    json_open(&json, "crop_size", '{');
    json_int(&json, "height", preprocess->crop);
    json_int(&json, "width", preprocess->crop);
    json_close(&json);
    json_bool(&json, "do_rescale", true);
    json_double(&json, "rescale_factor", 1.0 / 255);
    json_bool(&json, "do_normalize", true);
    put_three(&json, "image_mean", preprocess->mean);
    put_three(&json, "image_std", preprocess->std);
    json_close(&json);
    json_end(&json);
}

/* ---- timm -------------------------------------------------------------------------------------------------------- */

double timm_crop_share(int resize, int crop)
{
    for (double scale = 1e2; scale <= 1e15; scale *= 10) {
        double share = nearbyint(scale * crop / resize) / scale;
        if (floor(crop / share) == resize)
            return share;
    }
    return crop / (resize + 0.5); /* well within what gives `resize` */
}

static void put_pretrained_config(struct json *json, const struct model_export *model)
{
    const struct preprocess *preprocess = model->preprocess;
    const int side = preprocess->crop, pooled = (side + 31) / 32; /* halved five times, rounded up */
    json_open(json, "pretrained_cfg", '{');
    json_bool(json, "custom_load", false);
    json_open(json, "input_size", '[');
    json_int(json, NULL, 3);
    json_int(json, NULL, side);
    json_int(json, NULL, side);
    json_close(json);
    json_bool(json, "fixed_input_size", false);
    json_text(json, "interpolation", interpolation_names[preprocess->interpolation]);
    json_double(json, "crop_pct", timm_crop_share(preprocess->resize, side));
    json_text(json, "crop_mode", preprocess->fit == FIT_SQUASH ? "squash" : "center");
    put_three(json, "mean", preprocess->mean);
    put_three(json, "std", preprocess->std);
    json_int(json, "num_classes", (int64_t)model->outputs);
    json_open(json, "pool_size", '[');
    json_int(json, NULL, pooled);
    json_int(json, NULL, pooled);
    json_close(json);
    json_text(json, "first_conv", "conv1");
    json_text(json, "classifier", "fc");
    json_close(json);
}

void export_timm_config(FILE *out, const struct model_export *model)
{
    struct json json = json_start(out, true);
    json_open(&json, NULL, '{');
    json_text(&json, "architecture", model->shape->arch);
    json_int(&json, "num_classes", (int64_t)model->outputs);
    json_int(&json, "num_features", (int64_t)layer_channels(model->shape, 4));
    json_text(&json, "global_pool", "avg");
    if (model->outputs && model->classes) {
        json_open(&json, "label_names", '[');
        for (size_t i = 0; i < model->classes->count; i++)
            json_text(&json, NULL, model->classes->names[i]);
        json_close(&json);
    }
    put_pretrained_config(&json, model);
    json_close(&json);
    json_end(&json);
}
