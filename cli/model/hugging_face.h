/* What lies beside the weights of a Hugging Face model: config.json names the classes, preprocessor_config.json says
 * what happens to a photo. They are read as JSON and nothing else; other keys are skipped.
 *
 *   config.json               id2label {"0": "tench", ...}; downsample_in_bottleneck, downsample_in_first_stage and
 *                             hidden_act: must be as in our networks; problem_type
 *   preprocessor_config.json  hf_preprocessor.h
 */
#ifndef FREEZETUNE_HUGGING_FACE_H
#define FREEZETUNE_HUGGING_FACE_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/model/model_card.h"
#include "core/base/error.h"
#include "core/data/folder.h"

/* Reads both files beside `weights` into *card; a file that is missing, or that belongs to another kind of model, fills
 * nothing. Classes that have the name of an earlier one get their number added. ERR_DATA names the file and the key;
 * *card is then untouched. card->classes is for class_names_free. */
MUST_CHECK enum status hugging_face_read(struct model_card *card, const char *weights, size_t outputs,
                                         struct error *err);

/* config.json alone, from text that ends in a NUL; `path` is for errors. *found: the classes are named. */
MUST_CHECK enum status hugging_face_classes(struct class_names *out, bool *found, enum problem *problem,
                                            const char *text, size_t size, const char *path, size_t outputs,
                                            struct error *err);

#endif
