/* What the readers of formats (safetensors_read.c) fill and weight_file.c hands out. Nobody else includes this. */
#ifndef FREEZETUNE_WEIGHT_FILE_PRIVATE_H
#define FREEZETUNE_WEIGHT_FILE_PRIVATE_H

#include <stddef.h>

#include "core/base/file.h"
#include "weights/weight_file.h"

struct weight_file {
    char *path;
    struct file_map map;
    char *text;                    /* owns all names, keys and values below */
    struct weight_tensor *tensors; /* in the order of the data */
    size_t count, capacity;
    struct weight_metadata *metadata; /* in the order of the file */
    size_t metadata_count, metadata_capacity;
    const struct weight_tensor **by_name; /* tensors sorted by strcmp of the name */
};

/* Fills everything but path and map, from map. What has been allocated on failure is freed by weight_file_close. */
MUST_CHECK enum status safetensors_read(struct weight_file *file, struct error *err);

#endif
