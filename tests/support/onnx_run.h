/* An ONNX file read and computed from its bytes alone, in double, by the definitions of its operators (onnx/onnx,
 * Operators.md): protobuf fields in a loop, tensors NCHW. Knows the operators that weights/onnx/onnx_write.h names and
 * ends the test when it meets anything else, a number or field of onnx.proto that it does not expect included. */
#ifndef FREEZETUNE_ONNX_RUN_H
#define FREEZETUNE_ONNX_RUN_H

#include <stddef.h>
#include <stdint.h>

enum { ONNX_RUN_NODES = 512, ONNX_RUN_NAME = 128, ONNX_RUN_INPUTS = 5, ONNX_RUN_PROPS = 16 };

struct onnx_text {
    char key[ONNX_RUN_NAME], value[1024];
};

struct onnx_node {
    char type[32], inputs[ONNX_RUN_INPUTS][ONNX_RUN_NAME], output[ONNX_RUN_NAME];
    size_t input_count;
    size_t kernel, stride, pad; /* of a window; all sides alike */
    size_t axis, trans_b, perm[4];
    double epsilon;
};

struct onnx_array {
    char name[ONNX_RUN_NAME];
    size_t rank, shape[4], count;
    double *values;
};

struct onnx_model {
    uint64_t ir_version, opset;
    struct onnx_text props[ONNX_RUN_PROPS];
    size_t props_count;
    struct onnx_node nodes[ONNX_RUN_NODES];
    size_t nodes_count;
    struct onnx_array arrays[2 * ONNX_RUN_NODES]; /* initializers, then what is computed */
    size_t arrays_count;
    char input[ONNX_RUN_NAME], output[ONNX_RUN_NAME], input_shape[64], output_shape[64]; /* "batch,3,45,45" */
    uint64_t input_type, output_type;                                                    /* 1: float, 2: uint8 */
};

/* Owned by the caller (onnx_model_free). */
struct onnx_model *onnx_model_read(const uint8_t *bytes, size_t size);
void onnx_model_free(struct onnx_model *model);

/* Computes all nodes in order for x[n,c,h,w] and returns the output, borrowed. Once per model. */
const struct onnx_array *onnx_model_run(struct onnx_model *model, const double *x, size_t n, size_t c, size_t h,
                                        size_t w);

const struct onnx_array *onnx_model_array(const struct onnx_model *model, const char *name);

#endif
