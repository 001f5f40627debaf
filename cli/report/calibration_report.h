/* How honest a model's probabilities are, at temperature 1 and at another one, as eval tells it. */
#ifndef FREEZETUNE_CALIBRATION_REPORT_H
#define FREEZETUNE_CALIBRATION_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "cli/model/model_calibration.h"
#include "cli/shell/json.h"
#include "core/train/calibration.h"

struct calibration_report {
    bool fitted;        /* on these photos; else the temperature was known before */
    bool none;          /* fitted, and there is none (temperature_fit): it is 1 */
    double temperature; /* of `after` */
    size_t photos;
    struct calibration_scores before, after;
    struct coverage_point points[CALIBRATION_POINTS]; /* at that temperature */
    size_t points_count;
};

/* Of logits[photos >= 1, classes] with labels[photos]. `temperature` is the model's, or 0: it is fitted. ERR_SYSTEM
 * without memory. */
MUST_CHECK enum status calibration_report_make(struct calibration_report *out, const float *logits,
                                               const int32_t *labels, size_t photos, size_t classes, double temperature,
                                               struct error *err);

/* A table of NLL, Brier and ECE before and after, and what there is to know about them. */
MUST_CHECK enum status calibration_report_text(FILE *out, const struct calibration_report *report, struct error *err);
/* "calibration": an object in an open one. */
void calibration_report_json(struct json *json, const struct calibration_report *report);

#endif
