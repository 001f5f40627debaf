/* Saving: the header from the declaration, the data row by row in PyTorch's layout. */
#include <string.h>

#include "core/base/memory.h"
#include "weights/bind.h"
#include "weights/param_rows.h"

void weights_describe(struct weight_tensor *out, const struct net *net)
{
    for (size_t i = 0; i < net->params_count; i++)
        out[i] = param_describe(&net->params[i]);
}

static enum status append_rows(struct safetensors_writer *writer, const struct param *param, const float *buffer,
                               float *scratch, struct error *err)
{
    struct param_rows rows = param_rows_of(param);
    enum status status = OK;
    if (param->rank < 4)
        return safetensors_append(writer, buffer, param->count * sizeof *buffer, err);
    for (size_t i = 0; i < rows.count && status == OK; i++) {
        param_buffer_to_torch(scratch, &rows.row, buffer + i * rows.floats);
        status = safetensors_append(writer, scratch, rows.floats * sizeof *scratch, err);
    }
    return status;
}

enum status weights_append_buffer(struct safetensors_writer *writer, const struct param *param, const float *buffer,
                                  struct error *err)
{
    void *scratch;
    enum status status = memory_alloc(&scratch, param_rows_of(param).floats, sizeof(float), "a row of weights", err);
    if (status != OK)
        return status;
    status = append_rows(writer, param, buffer, scratch, err);
    memory_free(scratch);
    return status;
}

enum status weights_append(struct safetensors_writer *writer, const struct net *net, struct error *err)
{
    void *scratch;
    enum status status = memory_alloc(&scratch, param_rows_longest(net), sizeof(float), "a row of weights", err);
    if (status != OK)
        return status;
    for (size_t i = 0; i < net->params_count && status == OK; i++) {
        const struct param *param = &net->params[i];
        if (param->role == PARAM_BATCHES)
            status = safetensors_append(writer, &param->batches, sizeof param->batches, err);
        else
            status = append_rows(writer, param, param->data, scratch, err);
    }
    memory_free(scratch);
    return status;
}

enum status weights_save(const char *path, const struct net *net, const struct weight_metadata *metadata,
                         size_t metadata_count, struct error *err)
{
    void *list;
    enum status status = memory_alloc(&list, net->params_count, sizeof(struct weight_tensor), "a list of tensors", err);
    if (status != OK)
        return status;
    struct safetensors_writer *writer = NULL;
    weights_describe(list, net);
    status = safetensors_create(&writer, path, list, net->params_count, metadata, metadata_count, err);
    memory_free(list);
    if (status == OK)
        status = weights_append(writer, net, err);
    if (status == OK)
        return safetensors_finish(writer, err);
    safetensors_discard(writer);
    return status;
}
