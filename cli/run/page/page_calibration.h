/* The temperature that `eval --calibrate` has kept in RUN/best.safetensors, and what it makes of the run's validation
 * photos. */
#ifndef FREEZETUNE_PAGE_CALIBRATION_H
#define FREEZETUNE_PAGE_CALIBRATION_H

#include <stdbool.h>

#include "core/base/error.h"
#include "core/train/calibration.h"

struct page_calibration {
    bool known; /* there is a temperature */
    double temperature;
    struct reliability reliability; /* at that temperature; without an answer where the run has no probabilities */
};

/* Reads the model's metadata and, where they hold a temperature, RUN/probabilities_val.csv in one pass, a row in
 * memory. Not known where there is no model yet. ERR_DATA, ERR_IO, ERR_SYSTEM. */
MUST_CHECK enum status page_calibration_read(struct page_calibration *out, const char *folder, struct error *err);

#endif
