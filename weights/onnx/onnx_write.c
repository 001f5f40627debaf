#include "weights/onnx/onnx_write.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "core/base/bytes.h"
#include "core/base/memory.h"
#include "core/base/outfile.h"
#include "core/base/protobuf.h"
#include "core/base/text.h"
#include "core/ops/batchnorm.h"
#include "weights/onnx/onnx_graph.h"
#include "weights/param_rows.h"

/* Numbers of fields in onnx.proto, as MESSAGE_FIELD, and of its enum value. */
enum { MODEL_IR_VERSION = 1, MODEL_PRODUCER = 2, MODEL_PRODUCER_VERSION = 3, MODEL_GRAPH = 7, MODEL_OPSET = 8 };
enum { MODEL_METADATA_PROPS = 14, PROPERTY_KEY = 1, PROPERTY_VALUE = 2, OPSET_VERSION = 2, GRAPH_INITIALIZER = 5 };
enum { TENSOR_DIMS = 1, TENSOR_DATA_TYPE = 2, TENSOR_NAME = 8, TENSOR_RAW_DATA = 9, ELEMENT_FLOAT = 1 };
#define SIZE_MOST ((uint64_t)INT32_MAX)

struct writer {
    struct outfile file;
    const char *path;
    float *row; /* of the longest parameter */
};

static enum status write_bytes(struct writer *writer, const void *data, size_t size, struct error *err)
{
    if (size > 0 && fwrite(data, 1, size, writer->file.stream) != size)
        return error_set(err, ERR_IO, "%.400s: writing failed: %s; nothing was changed", writer->path, strerror(errno));
    return OK;
}

/* ---- initializers ------------------------------------------------------------------------------------------------ */

/* Everything of the field but the values, which follow: returns the bytes of the whole field. */
static uint64_t put_initializer(struct bytes *out, const struct onnx_tensor *tensor, struct error *err)
{
    const uint64_t values = (uint64_t)tensor->param->count * sizeof(float);
    struct bytes head = bytes_start(out->what, err);
    for (size_t i = 0; i < tensor->param->rank; i++)
        proto_integer(&head, TENSOR_DIMS, tensor->param->shape[i]);
    proto_integer(&head, TENSOR_DATA_TYPE, ELEMENT_FLOAT);
    proto_text(&head, TENSOR_NAME, tensor->name);
    proto_head(&head, TENSOR_RAW_DATA, values);
    proto_head(out, GRAPH_INITIALIZER, head.length + values);
    bytes_put(out, head.data, head.length);
    if (head.status != OK)
        out->status = head.status;
    bytes_free(&head);
    return out->length + values;
}

/* BatchNorm in evaluation mode is y = x * scale + shift (batchnorm.h), here in double. */
static double bn_scale(const struct param bn[4], size_t i)
{
    return (double)bn[0].data[i] / sqrt((double)bn[3].data[i] + BATCHNORM_EPS);
}

static double bn_shift(const struct param bn[4], size_t i)
{
    return (double)bn[1].data[i] - (double)bn[2].data[i] * bn_scale(bn, i);
}

/* The parameters are finite; what folding makes of them may not be. */
static enum status check_row(const struct writer *writer, const struct onnx_tensor *tensor, size_t floats,
                             struct error *err)
{
    for (size_t j = 0; j < floats; j++)
        if (!isfinite(writer->row[j]))
            return error_set(err, ERR_DATA,
                             "%.400s: cannot be written: tensor '%s' overflows when BatchNorm is folded into it: the "
                             "model is damaged or its training diverged",
                             writer->path, tensor->name);
    return OK;
}

/* Row by row: one output channel each, which is what a BatchNorm's channel is too. */
static enum status write_values(struct writer *writer, const struct onnx_tensor *tensor, struct error *err)
{
    struct param_rows rows = param_rows_of(tensor->param);
    enum status status = OK;
    for (size_t i = 0; i < rows.count && status == OK; i++) {
        param_buffer_to_torch(writer->row, &rows.row, tensor->param->data + i * rows.floats);
        if (tensor->part == ONNX_SCALED) {
            const double scale = bn_scale(tensor->bn, i);
            for (size_t j = 0; j < rows.floats; j++)
                writer->row[j] = (float)(scale * (double)writer->row[j]);
        }
        for (size_t j = 0; j < rows.floats && tensor->part == ONNX_SHIFT; j++)
            writer->row[j] = (float)bn_shift(tensor->bn, i * rows.floats + j);
        status = check_row(writer, tensor, rows.floats, err);
        if (status == OK)
            status = write_bytes(writer, writer->row, rows.floats * sizeof(float), err);
    }
    return status;
}

static enum status write_initializer(struct writer *writer, const struct onnx_tensor *tensor, struct error *err)
{
    struct bytes head = bytes_start("a tensor's head", err);
    put_initializer(&head, tensor, err);
    enum status status = head.status;
    if (status == OK)
        status = write_bytes(writer, head.data, head.length, err);
    bytes_free(&head);
    return status == OK ? write_values(writer, tensor, err) : status;
}

/* ---- the file ---------------------------------------------------------------------------------------------------- */

/* All of ModelProto before the content of its graph, which has that size. */
static void put_model(struct bytes *out, int version, const struct weight_metadata *metadata, size_t count,
                      uint64_t graph_size)
{
    struct bytes opset = bytes_start(out->what, out->err);
    proto_integer(out, MODEL_IR_VERSION, ONNX_IR_VERSION);
    proto_text(out, MODEL_PRODUCER, "freezetune");
    proto_text(out, MODEL_PRODUCER_VERSION, FREEZETUNE_VERSION);
    proto_integer(&opset, OPSET_VERSION, (uint64_t)version);
    proto_message(out, MODEL_OPSET, &opset);
    for (size_t i = 0; i < count; i++) {
        struct bytes entry = bytes_start(out->what, out->err);
        proto_text(&entry, PROPERTY_KEY, metadata[i].key);
        proto_text(&entry, PROPERTY_VALUE, metadata[i].value);
        proto_message(out, MODEL_METADATA_PROPS, &entry);
    }
    proto_head(out, MODEL_GRAPH, graph_size);
}

/* Texts of protobuf are UTF-8. */
static enum status check_texts(const char *path, const struct weight_metadata *metadata, size_t count,
                               struct error *err)
{
    for (size_t i = 0; i < 2 * count; i++) {
        const char *text = i % 2 ? metadata[i / 2].value : metadata[i / 2].key;
        char shown[200];
        for (const char *at = text; *at; at += text_utf8_length(at))
            if (text_utf8_length(at) == 0)
                return error_set(err, ERR_DATA, "%.400s: cannot be written: '%s' is not valid UTF-8", path,
                                 text_escape(shown, sizeof shown, text));
    }
    return OK;
}

static enum status write_all(struct writer *writer, const struct onnx_graph *graph, const struct bytes *head,
                             struct error *err)
{
    enum status status = write_bytes(writer, head->data, head->length, err);
    if (status == OK)
        status = write_bytes(writer, graph->bytes.data, graph->bytes.length, err);
    for (size_t i = 0; i < graph->count && status == OK; i++)
        status = write_initializer(writer, &graph->tensors[i], err);
    return status;
}

enum status onnx_write(const char *path, const struct net *net, const struct onnx_options *options,
                       const struct weight_metadata *metadata, size_t metadata_count, struct error *err)
{
    struct writer writer = {.path = path};
    struct onnx_graph graph = {0};
    struct bytes head = bytes_start("the head of an ONNX file", err);
    void *row = NULL;
    assert(options->opset >= ONNX_OPSET_LEAST && options->opset <= ONNX_OPSET_MOST);
    enum status status = check_texts(path, metadata, metadata_count, err);
    if (status == OK)
        status = onnx_graph_make(&graph, net, options, err);
    if (status != OK)
        goto cleanup;
    uint64_t size = graph.bytes.length;
    for (size_t i = 0; i < graph.count && status == OK; i++) {
        struct bytes one = bytes_start("a tensor's head", err);
        size += put_initializer(&one, &graph.tensors[i], err);
        status = one.status;
        bytes_free(&one);
    }
    if (status != OK)
        goto cleanup;
    put_model(&head, options->opset, metadata, metadata_count, size);
    status = head.status;
    if (status == OK && head.length + size > SIZE_MOST)
        status = error_set(err, ERR_DATA, "%.400s: cannot be written: %llu bytes, and an ONNX file has 2 GiB at most",
                           path, (unsigned long long)(head.length + size));
    if (status == OK)
        status =
            memory_alloc(&row, param_rows_longest(net) + ONNX_CONSTANT_VALUES, sizeof(float), "a row of weights", err);
    if (status != OK)
        goto cleanup;
    writer.row = row;
    status = outfile_open(&writer.file, path, err);
    if (status == OK)
        status = write_all(&writer, &graph, &head, err);
    if (status == OK)
        status = outfile_commit(&writer.file, err);
cleanup:
    outfile_discard(&writer.file);
    memory_free(row);
    bytes_free(&head);
    onnx_graph_free(&graph);
    return status;
}
