/* The half of `inspect` that looks into a file. */
#ifndef FREEZETUNE_INSPECT_FILE_H
#define FREEZETUNE_INSPECT_FILE_H

#include <stdbool.h>

#include "core/base/error.h"
#include "weights/weight_file.h"

/* `choice` is that of weight_file_open_choice. Prints the file's metadata, children and tensors to stdout, as tables or
 * as one JSON object. */
MUST_CHECK enum status inspect_file(const char *path, const struct weight_choice *choice, bool json, struct error *err);

#endif
