/* The formats of weight files. A new one is a file with a struct weight_format, declared here, and a row of the
 * table in weight_open.c. */
#ifndef FREEZETUNE_WEIGHT_FORMATS_H
#define FREEZETUNE_WEIGHT_FORMATS_H

#include <stdbool.h>

#include "weights/weight_file_private.h"

enum { WEIGHT_FORMAT_BEGINNING = 4096 };

struct weight_format {
    /* Whether the file has this format, by its first WEIGHT_FORMAT_BEGINNING bytes (fewer in a smaller file, which is
     * not empty): map.bytes may be looked at so far. */
    bool (*recognises)(const struct weight_file *file);
    /* Fills everything but path and map, from map. What has been allocated on failure is freed by weight_file_close. */
    enum status (*read)(struct weight_file *file, struct error *err);
};

extern const struct weight_format safetensors_format;  /* weights/safetensors/safetensors_read.c */
extern const struct weight_format torch_zip_format;    /* weights/torch/: what torch.save writes since PyTorch 1.6 */
extern const struct weight_format torch_folder_format; /* the same, unpacked */
extern const struct weight_format torch_legacy_format; /* what it wrote before */

#endif
