/* What `eval --calibrate` found out about a model, in its metadata (convert keeps it, also as ONNX's metadata_props):
 *
 *   freezetune.temperature  "1.8342": logits are divided by it before softmax (core/train/calibration.h)
 *   freezetune.coverage     [[0.93, 61, 0], [0.71, 122, 3], [0, 153, 9]]: how many of the validation photos have a
 *                           confidence of so much or more at that temperature, and how many of these are wrong
 *                           (core/train/coverage.h); the last one answers all photos
 */
#ifndef FREEZETUNE_MODEL_CALIBRATION_H
#define FREEZETUNE_MODEL_CALIBRATION_H

#include <stdbool.h>

#include "core/base/error.h"
#include "core/train/coverage.h"
#include "weights/weight_file.h"

enum { CALIBRATION_POINTS = 200 };

struct model_calibration {
    bool known; /* else temperature is 1 and there are no points */
    double temperature;
    struct coverage_point *points; /* owned */
    size_t count;
};

/* ERR_DATA, naming file and key, when an entry is not what it should be. Free with model_calibration_free. */
MUST_CHECK enum status model_calibration_read(struct model_calibration *out, const struct weight_file *file,
                                              struct error *err);
void model_calibration_free(struct model_calibration *calibration);
bool model_calibration_is_key(const char *key);

/* Puts both entries into the metadata of a safetensors file in place of former ones; tensors and all other entries
 * stay. The file is replaced whole (outfile.h). Errors of model_calibration_check, weight_file_open and
 * convert_tensors. */
MUST_CHECK enum status model_calibration_write(const char *path, const struct model_calibration *calibration,
                                               struct error *err);
/* ERR_DATA when model_calibration_write could not change the file: it is no safetensors file, or one with the names of
 * another library. */
MUST_CHECK enum status model_calibration_check(const char *path, struct error *err);

#endif
