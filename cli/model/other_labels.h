/* Names of classes as scripts of all kinds leave them with their weights, where no known library says them:
 *
 *   in the file   under one of class_keys (weights/class_keys.h): texts of JSON, or with commas, in the metadata of a
 *                 safetensors file; values in a .pth checkpoint (weights/torch/torch_classes.c)
 *   beside it     config.json, with one of these keys; then classes.txt, labels.txt, class_indices.json and the like,
 *                 in any form of label_text.h
 *
 * They are taken where there are as many as outputs; any others are about something else.
 */
#ifndef FREEZETUNE_OTHER_LABELS_H
#define FREEZETUNE_OTHER_LABELS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/data/folder.h"
#include "weights/weight_file.h"

/* The first that fit, in this order. *found says whether *out was filled: free it with class_names_free. *from = the
 * name of the file beside it, or NULL. ERR_SYSTEM without memory, ERR_IO when a file beside it cannot be read to its
 * end. */
MUST_CHECK enum status other_labels_read(struct class_names *out, bool *found, const char **from,
                                         const struct weight_file *file, size_t outputs, struct error *err);

/* The same from text[size], which ends in a NUL; `keys_only`: under one of class_keys alone. */
MUST_CHECK enum status other_labels_text(struct class_names *out, bool *found, const char *text, size_t size,
                                         bool keys_only, size_t outputs, struct error *err);

#endif
