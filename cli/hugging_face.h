/* What lies beside the weights of a Hugging Face model: config.json names the classes, preprocessor_config.json says
 * what happens to a photo. They are read as JSON and nothing else; keys that are not named here are passed over.
 *
 *   config.json               id2label {"0": "tench", ...}; downsample_in_bottleneck, downsample_in_first_stage and
 *                             hidden_act: must be as in our networks
 *   preprocessor_config.json  size 224, {"shortest_edge": 224} or {"height": 224, "width": 224}; crop_pct 0.875;
 * crop_size; resample 2 (bilinear, also when it is missing) or 3 (bicubic); image_mean, image_std; do_resize,
 * do_rescale, do_normalize, do_center_crop; rescale_factor: must be 1/255
 */
#ifndef FREEZETUNE_HUGGING_FACE_H
#define FREEZETUNE_HUGGING_FACE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/data/folder.h"
#include "core/data/preprocess.h"

/* Reads both files beside `weights`. *found_classes and *found_preprocess say which of the outputs were filled; a file
 * that is missing, or that belongs to another kind of model, fills nothing. Classes that have the name of an earlier
 * one get their number added. ERR_DATA names the file and the key. Free classes with class_names_free. */
MUST_CHECK enum status hugging_face_read(struct class_names *classes, bool *found_classes,
                                         struct preprocess *preprocess, bool *found_preprocess, const char *weights,
                                         size_t outputs, struct error *err);

/* The same from text that ends in a NUL; `path` is for errors. */
MUST_CHECK enum status hugging_face_classes(struct class_names *out, bool *found, const char *text, size_t size,
                                            const char *path, size_t outputs, struct error *err);
MUST_CHECK enum status hugging_face_preprocess(struct preprocess *out, const char *text, size_t size, const char *path,
                                               struct error *err);

#endif
