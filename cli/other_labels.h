/* Names of classes as scripts of all kinds leave them with their weights, where no known library says them.
 *
 *   in the file      classes, class_to_idx, names, id2label or label_names: texts of JSON in the metadata of a
 * safetensors file, or values at the root of a .pth checkpoint (class_labels.h says in which forms) config.json beside
 * it, with one of these keys at the root classes.txt, labels.txt   beside it, a name a line
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

/* The first that fit, in this order. *found says whether *out was filled: free it with class_names_free. ERR_SYSTEM
 * without memory, ERR_IO when a file beside it cannot be read to its end. */
MUST_CHECK enum status other_labels_read(struct class_names *out, bool *found, const struct weight_file *file,
                                         size_t outputs, struct error *err);

/* A name a line, from text[size] that ends in a NUL. */
MUST_CHECK enum status other_labels_lines(struct class_names *out, bool *found, const char *text, size_t size,
                                          size_t outputs, struct error *err);

#endif
