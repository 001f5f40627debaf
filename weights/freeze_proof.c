#include "weights/freeze_proof.h"

#include <string.h>

#include "core/base/hash.h"
#include "core/base/memory.h"
#include "weights/param_rows.h"

/* What freezing promises to keep; freeze.h says which statistics the recipe lets move. */
static bool must_stay(const struct param *param, const struct freeze *freeze)
{
    return param->learnable || freeze_bn_mode(freeze, param->child) == BN_EVAL;
}

static enum status other_file(const struct param *param, const struct weight_file *file, struct error *err)
{
    return error_set(err, ERR_DATA, "%.400s: tensor '%s' has changed since it was loaded: the file was replaced",
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
                         "the frozen part has changed: '%s' is %lld, %.400s has %lld; this is a bug in freezetune",
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
            "the frozen part has changed: value %zu of '%s' is %.9g, %.400s has %.9g; this is a bug in freezetune",
            i * rows.floats + at, param->name, (double)found[at], weight_file_path(file), (double)expected[at]);
    }
    weight_tensor_drop(tensor, file);
    return status;
}

/* What a parameter is compared with: the file, or what it was when it was loaded. */
struct original {
    const struct weight_file *file; /* NULL: */
    const struct loaded_param *loaded;
};

static struct hash128 hash_param(const struct param *param)
{
    bool batches = param->role == PARAM_BATCHES;
    return batches ? hash_bytes(&param->batches, sizeof param->batches, 0)
                   : hash_bytes(param->data, param->count * sizeof *param->data, 0);
}

static enum status compare_loaded(const struct param *param, const struct loaded_param *loaded, struct error *err)
{
    struct hash128 now = hash_param(param);
    if (now.high == loaded->hash.high && now.low == loaded->hash.low)
        return OK;
    return error_set(err, ERR_PROMISE,
                     "the frozen part has changed: '%s' differs from the loaded values; this is a bug in freezetune",
                     param->name);
}

/* *rounded = the file has it as float64. */
static enum status compare_one(bool *rounded, const struct param *param, size_t i, const struct original *original,
                               float *scratch, struct error *err)
{
    bool batches = param->role == PARAM_BATCHES;
    if (!original->file) {
        *rounded = original->loaded[i].rounded;
        return compare_loaded(param, &original->loaded[i], err);
    }
    const struct weight_tensor *tensor = weight_file_find(original->file, param->name);
    *rounded = !batches && tensor && tensor->dtype == WEIGHT_F64;
    return batches ? compare_batches(param, original->file, err) : compare_floats(param, original->file, scratch, err);
}

static enum status compare(struct frozen_proof *out, const struct net *net, const struct freeze *freeze,
                           const struct original *original, float *scratch, struct error *err)
{
    enum status status = OK;
    *out = (struct frozen_proof){0};
    for (size_t i = 0; i < net->params_count && status == OK; i++) {
        const struct param *param = &net->params[i];
        bool rounded;
        if (!freeze_covers(freeze, param->child))
            continue;
        if (!must_stay(param, freeze)) {
            out->moving++;
            continue;
        }
        status = compare_one(&rounded, param, i, original, scratch, err);
        if (status == OK) {
            out->rounded = out->rounded || rounded;
            out->tensors++;
            out->values += param->role == PARAM_BATCHES ? 1 : param->count;
        }
    }
    return status;
}

enum status weights_compare_frozen(struct frozen_proof *out, const struct net *net, const struct freeze *freeze,
                                   const struct weight_file *file, struct error *err)
{
    const struct original original = {.file = file};
    void *scratch;
    *out = (struct frozen_proof){0};
    enum status status = memory_alloc(&scratch, 2 * param_rows_longest(net), sizeof(float), "rows of weights", err);
    if (status != OK)
        return status;
    status = compare(out, net, freeze, &original, scratch, err);
    memory_free(scratch);
    return status;
}

enum status weights_compare_loaded(struct frozen_proof *out, const struct net *net, const struct freeze *freeze,
                                   const struct loaded_param *loaded, struct error *err)
{
    const struct original original = {.loaded = loaded};
    return compare(out, net, freeze, &original, NULL, err);
}

enum status weights_remember(struct loaded_param **out, const struct net *net, const struct weight_file *file,
                             struct error *err)
{
    void *memory;
    enum status status = memory_alloc(&memory, net->params_count, sizeof **out, "hashes of the weights", err);
    if (status != OK)
        return status;
    struct loaded_param *loaded = memory;
    for (size_t i = 0; i < net->params_count; i++) {
        const struct weight_tensor *tensor = weight_file_find(file, net->params[i].name);
        loaded[i].hash = hash_param(&net->params[i]);
        loaded[i].rounded = tensor && tensor->dtype == WEIGHT_F64;
    }
    *out = loaded;
    return OK;
}
