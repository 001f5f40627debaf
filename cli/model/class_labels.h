/* Names of classes as others write them into JSON, by the outputs of a network:
 *
 *   ["tench", "goldfish"]            a list in the order of the outputs
 *   {"0": "tench", "1": "goldfish"}  names by number (Hugging Face's id2label)
 *   {"tench": 0, "goldfish": 1}      numbers by name (torchvision's class_to_idx)
 *   {"0": ["n01440764", "tench"]}    the second of two texts (Keras's imagenet_class_index.json)
 */
#ifndef FREEZETUNE_CLASS_LABELS_H
#define FREEZETUNE_CLASS_LABELS_H

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

#include "core/base/error.h"
#include "core/data/folder.h"

enum { CLASS_LABEL_MOST = 1000 }; /* bytes of a name */

/* *out = a name for each of `outputs` outputs; `distinguish`: all different (class_labels_distinguish), else as a
 * person types them, without control characters. *why = NULL, or what is wrong with the labels, and *out is then empty.
 * ERR_SYSTEM without memory. Free with class_names_free. */
MUST_CHECK enum status class_labels_read(struct class_names *out, const char **why, const cJSON *labels, size_t outputs,
                                         bool distinguish, struct error *err);

/* *found: two outputs have the same name; the first that repeats one, and the one that it repeats. ERR_SYSTEM without
 * memory. */
MUST_CHECK enum status class_labels_repeated(bool *found, size_t *output, size_t *earlier,
                                             const struct class_names *classes, struct error *err);

/* Adds its number to each name that an earlier class has: ImageNet has two cranes and two maillots. */
MUST_CHECK enum status class_labels_distinguish(struct class_names *classes, struct error *err);

/* "0".."outputs-1", written without leading zeros; -1 for another text. */
long class_labels_number(const char *text, size_t outputs);

#endif
