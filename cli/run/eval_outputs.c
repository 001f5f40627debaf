#include "cli/run/eval_outputs.h"

#include "cli/shell/remark.h"
#include "core/base/memory.h"

enum status eval_outputs_start(struct eval_outputs *out, const struct model *model, const char *path, bool calibrate,
                               struct error *err)
{
    struct eval_outputs outputs = {.write = path != NULL, .calibrate = calibrate};
    enum status status = OK;
    outputs.kept = path || calibrate || model->info.calibration.known;
    outputs.logits.classes = model->info.classes.count;
    if (calibrate)
        status = model_calibration_check(model->path, err);
    if (status == OK && path)
        status = logits_file_start(&outputs.logits, path, model->info.classes.count, err);
    *out = outputs;
    return status;
}

enum status eval_outputs_add(struct eval_outputs *outputs, const struct photo_batch *batch, const float *logits,
                             struct error *err)
{
    return outputs->kept ? logits_file_add(&outputs->logits, logits, batch->photos, batch->count, err) : OK;
}

/* *labels[logits.count], owned by the caller. */
static enum status list_labels(int32_t **labels, const struct logits_file *logits, const struct photo_list *photos,
                               struct error *err)
{
    void *memory;
    enum status status = memory_alloc(&memory, logits->count, sizeof **labels, "the classes of the photos", err);
    if (status != OK)
        return status;
    *labels = memory;
    for (size_t i = 0; i < logits->count; i++)
        (*labels)[i] = (int32_t)photos->photos[logits->photos[i]].class;
    return OK;
}

static enum status measure(struct eval_outputs *outputs, const struct model *model, const struct photo_list *photos,
                           struct error *err)
{
    const struct logits_file *logits = &outputs->logits;
    int32_t *labels = NULL;
    enum status status = list_labels(&labels, logits, photos, err);
    if (status == OK)
        status = calibration_report_make(&outputs->report, logits->logits, labels, logits->count, logits->classes,
                                         outputs->calibrate ? 0 : model->info.calibration.temperature, err);
    outputs->measured = status == OK;
    memory_free(labels);
    return status;
}

static enum status keep(struct eval_outputs *outputs, const struct model *model, struct error *err)
{
    struct calibration_report *report = &outputs->report;
    const struct model_calibration calibration = {
        .known = true, .temperature = report->temperature, .points = report->points, .count = report->points_count};
    enum status status = model_calibration_write(model->path, &calibration, err);
    if (status != OK)
        return status;
    if (report->none)
        warn("%s: no temperature fits these %zu photos, as all are right or the model knows nothing: it stays 1; the "
             "thresholds for predict are kept",
             model->path, report->photos);
    else
        remark("%s: keeps temperature %.6g and the thresholds for predict", model->path, report->temperature);
    return OK;
}

enum status eval_outputs_finish(struct eval_outputs *outputs, const struct model *model,
                                const struct photo_list *photos, struct error *err)
{
    enum status status = OK;
    if (outputs->calibrate || (outputs->kept && model->info.calibration.known))
        status = measure(outputs, model, photos, err);
    if (status == OK && outputs->calibrate)
        status = keep(outputs, model, err);
    if (status == OK && outputs->write)
        status = logits_file_write(&outputs->logits, photos, err);
    return status;
}

void eval_outputs_free(struct eval_outputs *outputs)
{
    logits_file_free(&outputs->logits);
    *outputs = (struct eval_outputs){0};
}
