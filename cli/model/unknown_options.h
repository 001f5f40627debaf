/* When predict answers "unknown": the options, and the threshold that they stand for. */
#ifndef FREEZETUNE_UNKNOWN_OPTIONS_H
#define FREEZETUNE_UNKNOWN_OPTIONS_H

#include <stdbool.h>

#include "cli/model/model_file.h"
#include "cli/shell/options.h"

struct unknown_options {
    double threshold, coverage, error;
};

#define UNKNOWN_ROWS(type, field)                                                                                      \
    OPTION_ROW("Unknown", OPTION_FLOAT, "threshold", type, field.threshold, .placeholder = "X", .high = 1,             \
               .shown = "answer every photo",                                                                          \
               .help = "answer unknown (index -1, null in jsonl) when the largest probability is below X"),            \
        OPTION_ROW("Unknown", OPTION_FLOAT, "coverage", type, field.coverage, .placeholder = "C", .high = 1,           \
                   .shown = "answer every photo",                                                                      \
                   .help = "use the threshold that answered the share C of the photos of eval --calibrate"),           \
        OPTION_ROW("Unknown", OPTION_FLOAT, "error", type, field.error, .placeholder = "E", .high = 1,                 \
                   .shown = "answer every photo",                                                                      \
                   .help = "use the lowest threshold at which at most the share E of the answers is wrong, with 95 % " \
                           "confidence by the photos of eval --calibrate")

/* *threshold as the options say, 0 without one; stderr: a remark on what it means, and on the model's temperature.
 * ERR_USAGE for more than one of the options, for a multi-label model, and for coverage or error with `tta`; ERR_DATA
 * when the model has no calibration, or too few photos for such a promise. */
MUST_CHECK enum status unknown_threshold(double *threshold, const struct unknown_options *options,
                                         const struct arguments *args, const struct model *model, bool tta,
                                         struct error *err);

#endif
