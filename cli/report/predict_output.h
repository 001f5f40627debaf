/* The answers of predict, in the format asked for.
 *
 *   table, tsv, csv   a row for each of a photo's top classes
 *   jsonl             {"file": "a.jpg", "top": [{"index": 1, "class": "goldfish", "probability": 0.865948}, ...]}; with
 *                     "multi_label": true before "top" where it is so, "temperature" and "threshold" where there are;
 *                     with maps (cam_folder.h) behind it "cam": {"file": "0001_a_goldfish.jpg", "height": 7, "width":
 *                     7, "maps": [{"index": 1, "class": "goldfish", "logit": 9.2, "bias": 0.1, "values": [49 numbers,
 *                     row by row]}]}
 *
 * A photo whose largest probability is below the threshold has one answer: the class "unknown" with index -1 (null in
 * jsonl) and that probability.
 */
#ifndef FREEZETUNE_PREDICT_OUTPUT_H
#define FREEZETUNE_PREDICT_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "cli/report/cam_folder.h"
#include "cli/shell/table.h"
#include "core/data/folder.h"

struct predict_output {
    FILE *out;
    enum table_format format;
    const struct class_names *classes; /* borrowed */
    size_t top;                        /* classes shown of each photo, at most all */
    bool multi_label;                  /* each class has its own probability (sigmoid); false after _start */
    /* The logits are divided by the temperature before softmax (core/train/calibration.h); 1 after _start. */
    double temperature;
    double threshold;             /* 0: everything is answered; 0 after _start */
    size_t unknown;               /* photos below it so far */
    const struct cam_answer *cam; /* set by the caller: what was drawn of the next photo, for jsonl; or NULL */
    float *probability;           /* [classes] */
    struct table table;
};

MUST_CHECK enum status predict_output_start(struct predict_output *output, FILE *out, enum table_format format,
                                            const struct class_names *classes, size_t top, struct error *err);

/* The same for answers that are read as they come: tsv and csv have a last column, "error". Not for a text table, whose
 * rows wait for one another. */
MUST_CHECK enum status predict_output_start_stream(struct predict_output *output, FILE *out, enum table_format format,
                                                   const struct class_names *classes, size_t top, struct error *err);

/* The answer for one photo from its logits[classes]. Ties go to the class with the smaller number. */
MUST_CHECK enum status predict_output_photo(struct predict_output *output, const char *file, const float *logits,
                                            struct error *err);

/* After predict_output_start_stream: a photo without an answer; jsonl has {"file": "a.jpg", "error": "truncated"}. */
MUST_CHECK enum status predict_output_error(struct predict_output *output, const char *file, const char *reason,
                                            struct error *err);

/* Writes what waits (a table's rows wait for their widths). */
void predict_output_end(struct predict_output *output);
/* Frees; fine after _end, and on a zeroed one. */
void predict_output_discard(struct predict_output *output);

#endif
