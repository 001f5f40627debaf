#include "core/net/op_info.h"

#define OP_ENTRY(kind, row) [kind] = &(row),

const struct op_info *op_info_of(enum op_kind kind)
{
    static const struct op_info *const table[OP_KINDS] = {OP_TABLE(OP_ENTRY)};
    return table[kind];
}

/* Fusion's rules take these up in other steps; a linear layer is a convolution there. */
const struct op_info op_batchnorm = {.name = "batchnorm", .onnx = "BatchNormalization"};
const struct op_info op_relu = {.name = "relu", .onnx = "Relu"};
const struct op_info op_linear = {.name = "linear", .onnx = "Gemm"};
