/* The files that other libraries need beside a model, written by `convert --format hf` and `timm`. The readers
 * of the same files are hugging_face.h and timm_config.h.
 *
 *   Hugging Face  config.json: the network as a ResNetConfig, the classes as id2label and label2id;
 *                 preprocessor_config.json: a BitImageProcessor, whose steps are ours: the short side is resized and
 *                 the long one follows as int(resize * long / short), or both are (FIT_SQUASH); the middle is cut out.
 *                 (A ConvNextImageProcessor is given a share, not the size, and squashes photos from 384 pixels on.)
 *   timm          config.json: the architecture, the classes as label_names, and pretrained_cfg with the size, the
 *                 share of the crop and its mode, the filter, mean and deviation
 *
 * Classes that nobody has named are counted and not named. timm has no word for what the outputs mean (enum problem).
 */
#ifndef FREEZETUNE_MODEL_EXPORT_H
#define FREEZETUNE_MODEL_EXPORT_H

#include <stdio.h>

#include "cli/model/model_card.h"
#include "core/data/folder.h"
#include "core/data/preprocess.h"
#include "models/resnet.h"

struct model_export {
    const struct resnet_shape *shape;
    size_t outputs;                    /* 0: a body without a last layer */
    const struct class_names *classes; /* of the outputs, all different; NULL: without names */
    const struct preprocess *preprocess;
    enum problem problem;
    const char *dtype; /* of all float tensors, as PyTorch names it: "float32"; NULL: they differ */
};

/* Whether writing worked is asked of the stream. */
void export_hugging_face_config(FILE *out, const struct model_export *model);
void export_hugging_face_preprocessor(FILE *out, const struct model_export *model);
void export_timm_config(FILE *out, const struct model_export *model);

/* The share of the resized short side that the crop shows, as timm wants it: a number with few digits for which
 * floor(crop / share) is `resize`. */
double timm_crop_share(int resize, int crop);

#endif
