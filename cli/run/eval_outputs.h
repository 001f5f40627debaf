/* The outputs of the network for the photos that eval measures, where something is done with them: --logits writes
 * them, --calibrate fits a temperature to them, and a model that has one is measured with it. They are kept in memory:
 * 4 bytes a photo and class. */
#ifndef FREEZETUNE_EVAL_OUTPUTS_H
#define FREEZETUNE_EVAL_OUTPUTS_H

#include "cli/model/model_file.h"
#include "cli/report/calibration_report.h"
#include "cli/report/logits_file.h"
#include "core/data/loader.h"

/* Begins as {0}. */
struct eval_outputs {
    bool kept;             /* at all */
    bool write, calibrate; /* --logits, --calibrate */
    struct logits_file logits;
    bool measured; /* after eval_outputs_finish: */
    struct calibration_report report;
};

/* `path` is that of --logits or NULL. ERR_CANTCREATE for a path where no file can be; errors of
 * model_calibration_check. */
MUST_CHECK enum status eval_outputs_start(struct eval_outputs *out, const struct model *model, const char *path,
                                          bool calibrate, struct error *err);
MUST_CHECK enum status eval_outputs_add(struct eval_outputs *outputs, const struct photo_batch *batch,
                                        const float *logits, struct error *err);
/* After the last batch, of at least one photo: writes the file of --logits; with --calibrate fits the temperature and
 * writes it into the model's file. stderr: a remark on that. Errors of safetensors_write and model_calibration_write.
 */
MUST_CHECK enum status eval_outputs_finish(struct eval_outputs *outputs, const struct model *model,
                                           const struct photo_list *photos, struct error *err);
void eval_outputs_free(struct eval_outputs *outputs);

#endif
