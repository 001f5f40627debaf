#include "cli/run/fold_list.h"

#include <stdio.h>

#include "core/base/memory.h"

enum status fold_list_add(struct series *series, const struct train_values *values, const struct forecast *forecast,
                          struct error *err)
{
    enum status status = OK;
    for (long long fold = 1; fold <= values->folds && status == OK; fold++) {
        struct train_values run = series_values(series, values);
        char name[32];
        run.fold = fold;
        snprintf(name, sizeof name, "fold-%lld", fold);
        status = series_add(series, name, &run, forecast, err);
    }
    return status;
}

enum status fold_summary_of(struct fold_summary *out, const struct series *series, struct error *err)
{
    void *memory;
    double *values[3];
    struct fold_summary summary = {0};
    enum status status = memory_alloc(&memory, 3 * series->count, sizeof(double), "the folds", err);
    if (status != OK)
        return status;
    for (size_t v = 0; v < 3; v++)
        values[v] = (double *)memory + v * series->count;
    for (size_t i = 0; i < series->count; i++) {
        const struct record_result *result = &series->runs[i].result;
        if (series->runs[i].state != SERIES_DONE)
            continue;
        values[0][summary.folds] = record_result_accuracy(result);
        values[1][summary.folds] = result->macro_f1;
        values[2][summary.folds++] = result->loss;
        summary.photos += result->photos;
        summary.right += result->right;
    }
    if (summary.folds > 0) {
        summary.accuracy = mean_of(values[0], summary.folds);
        summary.macro_f1 = mean_of(values[1], summary.folds);
        summary.loss = mean_of(values[2], summary.folds);
    }
    memory_free(memory);
    *out = summary;
    return OK;
}

static void json_mean(struct json *json, const char *key, struct mean mean)
{
    json_open(json, key, '{');
    json_double(json, "mean", mean.mean);
    json_double(json, "standard_deviation", mean.deviation);
    json_close(json);
}

void fold_summary_json(struct json *json, const struct fold_summary *summary)
{
    json_int(json, "done", (int64_t)summary->folds);
    json_mean(json, "val_accuracy", summary->accuracy);
    json_mean(json, "val_macro_f1", summary->macro_f1);
    json_mean(json, "val_loss", summary->loss);
}
