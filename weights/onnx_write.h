/* The writer of ONNX files (onnx/onnx, onnx.proto and Operators.md; IR version 8, operator set 17): a network with its
 * weights as a graph that any ONNX runtime computes in evaluation mode.
 *
 *   input   "input"   float32 [batch, 3, height, width], normalised RGB in 0..1: (x - mean) / std
 *   output  "logits"  float32 [batch, classes]
 *
 * "batch" is a free dimension, height and width are fixed. Nodes and initializers carry PyTorch's names. Operators
 * used: Conv, BatchNormalization, Relu, MaxPool, Add, GlobalAveragePool, Flatten, Gemm.
 */
#ifndef FREEZETUNE_ONNX_WRITE_H
#define FREEZETUNE_ONNX_WRITE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/net/net.h"
#include "weights/weight_file.h"

#define ONNX_INPUT "input"
#define ONNX_OUTPUT "logits"

struct onnx_options {
    size_t height, width;
    bool fold; /* BatchNorm that follows a convolution goes into its weights and a bias, in double, rounded once */
};

/* Writes the network; the metadata becomes metadata_props. The file appears whole or not at all, the same bytes for the
 * same input. Errors as safetensors_write; ERR_DATA beyond 2 GiB, protobuf's limit. */
MUST_CHECK enum status onnx_write(const char *path, const struct net *net, const struct onnx_options *options,
                                  const struct weight_metadata *metadata, size_t metadata_count, struct error *err);

#endif
