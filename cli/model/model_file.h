/* A model file: weights that carry what predict needs, in the metadata of the safetensors file.
 *
 *   format                 "pt", as other readers of safetensors want it
 *   freezetune.arch        "resnet50"
 *   freezetune.classes     ["ants", "bees"]: the names in the order of the outputs
 *   freezetune.preprocess  {"resize": 256, "crop": 224, "interpolation": "bilinear", "mean": [0.485, 0.456, 0.406],
 *                          "std": [0.229, 0.224, 0.225]}; without "interpolation", as older files are, bilinear. Where
 *                          they are not the usual, "resize_mode": "squash" and "center_crop": "floor" (preprocess.h)
 *   freezetune.problem_type  what the outputs mean (model_card.h), where it is not one class of several
 *   freezetune.temperature, freezetune.coverage  see model_calibration.h
 *
 * The files beside the weights of a Hugging Face model say the same (hugging_face.h), and so does timm's
 * (timm_config.h). Class names that scripts keep in the file or beside it come last (other_labels.h).
 *
 * A file without classes that has 1000 outputs is taken for ImageNet weights as they are published; without classes and
 * with other outputs the names are "0", "1", ... Without preprocessing it is torchvision's, 256 and 224, but for the
 * files that are known to want another (known_weights.h).
 */
#ifndef FREEZETUNE_MODEL_FILE_H
#define FREEZETUNE_MODEL_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/model/model_calibration.h"
#include "cli/model/model_card.h"
#include "core/base/error.h"
#include "core/data/folder.h"
#include "core/data/preprocess.h"
#include "core/net/net.h"
#include "weights/weight_file.h"

/* What a model file says of itself. */
struct model_info {
    char *arch;                 /* NULL when it does not say */
    struct class_names classes; /* in the order of the outputs, all different unless ImageNet's */
    struct preprocess preprocess;
    bool own_classes;         /* the file, one beside it or --classes named them */
    const char *classes_from; /* the name of the file beside it that did, or NULL */
    bool config_unused;       /* a config.json lies beside it, and neither it nor anything else named them */
    bool says_preprocess;     /* the file, one beside it or known_weights.h said how photos are prepared */
    bool oblong;              /* as model_card.h */
    enum problem problem;
    struct model_calibration calibration;
};

/* Reads the metadata of a file whose network has `outputs` outputs. ERR_DATA, naming the file and the key, when an
 * entry is not what it should be or the number of classes is not that of the outputs. Free with model_info_free. */
MUST_CHECK enum status model_info_read(struct model_info *out, const struct weight_file *file, size_t outputs,
                                       struct error *err);
void model_info_free(struct model_info *info);

/* A network with its weights and what belongs to it. */
struct model {
    char *path; /* of the file that was opened */
    struct net *net;
    struct model_info info;
};

/* Opens a model file or plain weights of a ResNet. A checkpoint (last.safetensors) is fine too: what it holds besides
 * the network is skipped. ERR_NOINPUT when the file cannot be opened, ERR_DATA when it does not fit. Free with
 * model_close, which a zeroed model survives. `choice` names one of several networks, or is NULL. */
MUST_CHECK enum status model_open(struct model *out, const char *path, const struct weight_choice *choice,
                                  struct error *err);
/* The same from a file that is open. */
MUST_CHECK enum status model_read(struct model *out, const struct weight_file *file, struct error *err);
void model_close(struct model *model);

/* ERR_DATA, with the reason, when the outputs of the model are no answer to what a photo shows: numbers, or a single
 * one that nothing says the meaning of; with `one_class`, also when a photo may be of several classes at once. */
MUST_CHECK enum status model_check_answers(const struct model *model, bool one_class, struct error *err);

extern const char model_key_problem[]; /* the key in the metadata */
enum { MODEL_CLASSES = 2, MODEL_METADATA = 4 };

/* Fills entries[MODEL_METADATA] for safetensors_write, entries[MODEL_CLASSES] with the classes; *text owns the values
 * (free with memory_free) . */
MUST_CHECK enum status model_metadata(struct weight_metadata entries[MODEL_METADATA], char **text, const char *arch,
                                      const struct class_names *classes, const struct preprocess *preprocess,
                                      struct error *err);

#endif
