#include "cli/run/page/page_calibration.h"

#include <stddef.h>

#include "cli/model/model_calibration.h"
#include "cli/report/probabilities_reader.h"
#include "core/base/file.h"
#include "core/base/memory.h"
#include "weights/weight_file.h"

static enum status read_temperature(struct page_calibration *out, const char *folder, struct error *err)
{
    char *path;
    struct weight_file *file;
    struct model_calibration kept;
    enum status status = path_join(&path, folder, "best.safetensors", err);
    if (status != OK)
        return status;
    status = weight_file_open(&file, path, err);
    bool missing = status == ERR_NOINPUT && path_is_missing(path);
    memory_free(path);
    if (status != OK)
        return missing ? OK : status;
    status = model_calibration_read(&kept, file, err);
    if (status == OK) {
        out->known = kept.known;
        out->temperature = kept.temperature;
        model_calibration_free(&kept);
    }
    weight_file_close(file);
    return status;
}

static enum status add_rows(struct reliability *out, struct probabilities_reader *reader, double temperature,
                            struct error *err)
{
    size_t classes = probabilities_classes(reader)->count;
    const struct probability_row *row;
    void *memory;
    enum status status = memory_alloc(&memory, classes, sizeof(double), "a row of probabilities", err);
    if (status != OK)
        return status;
    double *probability = memory;
    for (status = probabilities_next(&row, reader, err); status == OK && row;
         status = probabilities_next(&row, reader, err)) {
        temperature_apply(probability, row->probability, classes, temperature);
        struct photo_score score = photo_score_of(probability, classes, row->label);
        reliability_add(out, score.confidence, score.right);
    }
    memory_free(probability);
    return status;
}

/* A run of an earlier version has no table of probabilities: its temperature is told alone. */
enum status page_calibration_read(struct page_calibration *out, const char *folder, struct error *err)
{
    char *path;
    struct probabilities_reader *reader;
    *out = (struct page_calibration){0};
    enum status status = read_temperature(out, folder, err);
    if (status != OK || !out->known)
        return status;
    status = path_join(&path, folder, "probabilities_val.csv", err);
    if (status != OK)
        return status;
    status = probabilities_open(&reader, path, err);
    bool missing = status == ERR_NOINPUT && path_is_missing(path);
    memory_free(path);
    if (status != OK)
        return missing ? OK : status;
    status = add_rows(&out->reliability, reader, out->temperature, err);
    probabilities_close(reader);
    return status;
}
