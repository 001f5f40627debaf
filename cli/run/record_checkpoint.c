#include "cli/run/record_checkpoint.h"

#include <string.h>

#include "core/base/memory.h"
#include "core/train/checkpoint.h"
#include "weights/bind.h"

/* The header of the file under construction. */
struct layout {
    size_t params, rows_count;
    struct checkpoint_row *rows;
    struct weight_tensor *tensors; /* params, then rows */
};

static enum status layout_make(struct layout *out, const struct train *train, struct error *err)
{
    const struct net *net = train_net(train);
    struct layout layout = {.params = net->params_count, .rows_count = checkpoint_row_count(train)};
    void *rows = NULL, *tensors = NULL;
    enum status status = memory_alloc(&rows, layout.rows_count, sizeof *layout.rows, "the checkpoint", err);
    if (status == OK)
        status =
            memory_alloc(&tensors, layout.params + layout.rows_count, sizeof *layout.tensors, "the checkpoint", err);
    if (status != OK) {
        memory_free(rows);
        return status;
    }
    layout.rows = rows;
    layout.tensors = tensors;
    weights_describe(layout.tensors, net);
    for (size_t i = 0; i < layout.rows_count; i++) {
        struct weight_tensor *tensor = &layout.tensors[layout.params + i];
        layout.rows[i] = checkpoint_row_get(train, i);
        if (layout.rows[i].integer)
            *tensor = (struct weight_tensor){.dtype = WEIGHT_I64, .bytes = sizeof(int64_t)};
        else
            *tensor = layout.tensors[layout.rows[i].param - net->params];
        tensor->name = layout.rows[i].name;
    }
    *out = layout;
    return OK;
}

static enum status append_rows(struct safetensors_writer *writer, const struct layout *layout, struct error *err)
{
    enum status status = OK;
    for (size_t i = 0; i < layout->rows_count && status == OK; i++) {
        const struct checkpoint_row *row = &layout->rows[i];
        if (row->integer)
            status = safetensors_append(writer, row->integer, sizeof *row->integer, err);
        else
            status = weights_append_buffer(writer, row->param, row->floats, err);
    }
    return status;
}

enum status checkpoint_write(const char *path, const struct train *train,
                             const struct weight_metadata model[MODEL_METADATA], struct error *err)
{
    struct weight_metadata metadata[MODEL_METADATA + 1];
    struct safetensors_writer *writer = NULL;
    struct layout layout = {0};
    char *state = NULL;
    enum status status = checkpoint_text(&state, train, err);
    if (status == OK)
        status = layout_make(&layout, train, err);
    if (status != OK)
        goto cleanup;
    memcpy(metadata, model, MODEL_METADATA * sizeof *metadata);
    metadata[MODEL_METADATA] = (struct weight_metadata){"freezetune.state", state};
    status = safetensors_create(&writer, path, layout.tensors, layout.params + layout.rows_count, metadata,
                                MODEL_METADATA + 1, err);
    if (status != OK)
        goto cleanup;
    status = weights_append(writer, train_net(train), err);
    if (status == OK)
        status = append_rows(writer, &layout, err);
    if (status == OK) {
        status = safetensors_finish(writer, err);
        writer = NULL;
    }
cleanup:
    safetensors_discard(writer);
    memory_free(layout.tensors);
    memory_free(layout.rows);
    memory_free(state);
    return status;
}

static enum status read_row(const struct checkpoint_row *row, const struct weight_file *file, struct error *err)
{
    const struct weight_tensor *tensor = weight_file_find(file, row->name);
    if (!tensor)
        return error_set(err, ERR_DATA, "%s: tensor '%s' is missing, so the run cannot continue",
                         weight_file_path(file), row->name);
    if (row->floats)
        return weights_read_buffer(row->floats, row->param, tensor, file, err);
    enum status status = weight_tensor_read_i64(row->integer, tensor, file, err);
    if (status == OK && *row->integer < 0)
        status = error_set(err, ERR_DATA, "%s: tensor '%s' is negative", weight_file_path(file), row->name);
    return status;
}

static const struct weights_rules rules = {.ignore = CHECKPOINT_PREFIX};

enum status checkpoint_read_model(const char *path, struct train *train, struct error *err)
{
    struct weight_file *file = NULL;
    enum status status = weight_file_open(&file, path, err);
    if (status == OK)
        status = weights_load(train_net(train), file, &rules, NULL, err);
    weight_file_close(file);
    return status;
}

enum status checkpoint_read(const char *path, struct train *train, struct error *err)
{
    struct weight_file *file = NULL;
    enum status status = weight_file_open(&file, path, err);
    if (status == OK)
        status = weights_load(train_net(train), file, &rules, NULL, err);
    if (status == OK) {
        const char *text = weight_file_metadata_find(file, "freezetune.state");
        status = checkpoint_restore(train, text ? text : "", path, err);
    }
    for (size_t i = 0; status == OK && i < checkpoint_row_count(train); i++) {
        struct checkpoint_row row = checkpoint_row_get(train, i);
        status = read_row(&row, file, err);
    }
    if (status == OK)
        status = weight_file_check(file, err);
    weight_file_close(file);
    return status;
}
