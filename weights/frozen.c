/* The freeze proof. */
#include <string.h>

#include "core/base/memory.h"
#include "weights/bind.h"
#include "weights/param_rows.h"

/* What freezing promises to keep; freeze.h says which statistics the recipe lets move. */
static bool must_stay(const struct param *param, const struct freeze *freeze)
{
    return param->learnable || freeze_bn_mode(freeze, param->child) == BN_EVAL;
}

static enum status other_file(const struct param *param, const struct weight_file *file, struct error *err)
{
    return error_set(err, ERR_DATA,
                     "%.400s: tensor '%s' is no longer as it was when it was loaded: the file was replaced meanwhile",
                     weight_file_path(file), param->name);
}

static enum status compare_batches(const struct param *param, const struct weight_file *file, struct error *err)
{
    const struct weight_tensor *tensor = weight_file_find(file, param->name);
    int64_t expected = 0;
    if (tensor && weight_tensor_read_i64(&expected, tensor, file, NULL) != OK)
        return other_file(param, file, err);
    if (expected != param->batches)
        return error_set(err, ERR_PROMISE,
                         "the frozen part has changed: '%s' is %lld, %.400s has %lld; this is a fault of freezetune",
                         param->name, (long long)param->batches, weight_file_path(file), (long long)expected);
    return OK;
}

/* Reading through the map makes the file's pages part of the process. They are given back every so often, or a large
 * tensor would show up in the peak of memory. */
enum { DROP_BYTES = 1 << 20 };

/* scratch holds two rows. */
static enum status compare_floats(const struct param *param, const struct weight_file *file, float *scratch,
                                  struct error *err)
{
    const struct weight_tensor *tensor = weight_file_find(file, param->name), own = param_describe(param);
    if (!tensor || !weight_tensor_same_shape(tensor, &own))
        return other_file(param, file, err);
    struct param_rows rows = param_rows_of(param);
    float *expected = scratch, *found = scratch + rows.floats;
    enum status status = OK;
    size_t row_bytes = rows.floats * sizeof(float), read = 0;
    for (size_t i = 0; i < rows.count && status == OK; i++) {
        if ((read += row_bytes) >= DROP_BYTES) {
            weight_tensor_drop(tensor, file);
            read = 0;
        }
        if (param_rows_read(expected, &rows, i, tensor, file, NULL) != OK)
            return other_file(param, file, err);
        param_buffer_to_torch(found, &rows.row, param->data + i * rows.floats);
        if (memcmp(expected, found, rows.floats * sizeof *found) == 0)
            continue;
        size_t at = 0;
        while (memcmp(&expected[at], &found[at], sizeof *found) == 0)
            at++;
        status = error_set(
            err, ERR_PROMISE,
            "the frozen part has changed: value %zu of '%s' is %.9g, %.400s has %.9g; this is a fault of "
            "freezetune",
            i * rows.floats + at, param->name, (double)found[at], weight_file_path(file), (double)expected[at]);
    }
    weight_tensor_drop(tensor, file);
    return status;
}

enum status weights_compare_frozen(struct frozen_proof *out, const struct net *net, const struct freeze *freeze,
                                   const struct weight_file *file, struct error *err)
{
    void *scratch;
    *out = (struct frozen_proof){0};
    enum status status = memory_alloc(&scratch, 2 * param_rows_longest(net), sizeof(float), "rows of weights", err);
    if (status != OK)
        return status;
    for (size_t i = 0; i < net->params_count && status == OK; i++) {
        const struct param *param = &net->params[i];
        if (!freeze_covers(freeze, param->child))
            continue;
        if (!must_stay(param, freeze)) {
            out->moving++;
            continue;
        }
        bool batches = param->role == PARAM_BATCHES;
        status = batches ? compare_batches(param, file, err) : compare_floats(param, file, scratch, err);
        if (status == OK) {
            const struct weight_tensor *tensor = weight_file_find(file, param->name);
            out->rounded = out->rounded || (!batches && tensor && tensor->dtype == WEIGHT_F64);
            out->tensors++;
            out->values += batches ? 1 : param->count;
        }
    }
    memory_free(scratch);
    return status;
}
