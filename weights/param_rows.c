#include "weights/param_rows.h"

#include <assert.h>

struct param_rows param_rows_of(const struct param *param)
{
    struct param_rows rows = {.count = param->rank >= 2 ? param->shape[0] : 1, .row = *param};
    rows.floats = rows.count ? param->count / rows.count : 0;
    if (param->rank >= 2)
        rows.row.shape[0] = 1;
    rows.row.count = rows.floats;
    return rows;
}

size_t param_rows_longest(const struct net *net)
{
    size_t longest = 0;
    for (size_t i = 0; i < net->params_count; i++) {
        struct param_rows rows = param_rows_of(&net->params[i]);
        longest = rows.floats > longest ? rows.floats : longest;
    }
    return longest;
}

enum status param_rows_read(float *dst, const struct param_rows *rows, size_t i, const struct weight_tensor *tensor,
                            const struct weight_file *file, struct error *err)
{
    struct weight_tensor row = *tensor;
    assert(weight_tensor_values(tensor) == rows->count * rows->floats);
    row.bytes = rows->count ? tensor->bytes / rows->count : 0;
    row.data = (const uint8_t *)tensor->data + i * row.bytes;
    return weight_tensor_read_f32(dst, &row, file, err);
}

struct weight_tensor param_describe(const struct param *param)
{
    struct weight_tensor tensor = {.name = param->name, .dtype = WEIGHT_F32, .rank = (unsigned)param->rank};
    for (size_t i = 0; i < param->rank; i++)
        tensor.shape[i] = param->shape[i];
    tensor.bytes = param->count * sizeof(float);
    if (param->role == PARAM_BATCHES) {
        tensor.dtype = WEIGHT_I64;
        tensor.bytes = sizeof(int64_t);
    }
    return tensor;
}
