/* The half of `inspect` that looks into a file. */
#ifndef FREEZETUNE_INSPECT_FILE_H
#define FREEZETUNE_INSPECT_FILE_H

#include <stdbool.h>

#include "core/base/error.h"

/* Prints the file's metadata, children and tensors to stdout, as tables or as one JSON object. */
MUST_CHECK enum status inspect_file(const char *path, bool json, struct error *err);

#endif
