/* The writer of ONNX files (onnx/onnx, onnx.proto and Operators.md; IR version 7): a network with its weights as a
 * graph that any ONNX runtime computes in evaluation mode.
 *
 *   input   "input"   float32 [batch, 3, height, width], normalised RGB in 0..1: (x - mean) / std
 *   output  "logits"  float32 [batch, classes]
 *
 * or, as the options say, with what a caller would otherwise do itself:
 *
 *   input   "input"          uint8 [batch, height, width, 3], RGB as a decoder gives it: the graph computes
 *                            (x / 255 - mean) / std in float32, as the program does (exec.h)
 *   output  "probabilities"  float32 [batch, classes]: softmax(logits / temperature)
 *
 * "batch" is a free dimension, height and width are fixed. Nodes and initializers carry PyTorch's names. Operators
 * used: Conv, BatchNormalization, Relu, MaxPool, Add, GlobalAveragePool, Flatten, Gemm; Cast, Div, Sub, Transpose,
 * Softmax.
 *
 * The operator set may be any from ONNX_OPSET_LEAST on. In set 7 Add and Gemm began to broadcast as NumPy does, and
 * BatchNormalization to be in evaluation mode without saying so; what later sets change about these operators (types,
 * attributes with the same default) is nothing that the graph uses. ONNX_OPSET_MOST is the newest whose definitions
 * were looked at (onnx 1.23) and computed (ONNX Runtime 1.32). IR version 7 is that of ONNX 1.7 to 1.9 (2020): nothing
 * newer is in the file, and initializers need not be inputs from version 4 on.
 */
#ifndef FREEZETUNE_ONNX_WRITE_H
#define FREEZETUNE_ONNX_WRITE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/net/exec.h"
#include "core/net/net.h"
#include "weights/weight_file.h"

#define ONNX_INPUT "input"
#define ONNX_OUTPUT "logits"
#define ONNX_OUTPUT_SOFTMAX "probabilities"

enum { ONNX_IR_VERSION = 7, ONNX_OPSET_LEAST = 7, ONNX_OPSET_MOST = 28 };

struct onnx_options {
    int opset; /* ONNX_OPSET_LEAST..ONNX_OPSET_MOST (asserted) */
    size_t height, width;
    bool fold; /* BatchNorm that follows a convolution goes into its weights and a bias, in double, rounded once */
    const struct normalise *normalise; /* the input is pixels, of a network with three channels; or NULL */
    bool softmax;                      /* the output is probabilities */
    float temperature;                 /* with softmax; 0 is 1 */
};

/* Writes the network; the metadata becomes metadata_props. The file appears whole or not at all, the same bytes for the
 * same input. Errors as safetensors_write; ERR_DATA beyond 2 GiB, protobuf's limit. */
MUST_CHECK enum status onnx_write(const char *path, const struct net *net, const struct onnx_options *options,
                                  const struct weight_metadata *metadata, size_t metadata_count, struct error *err);

#endif
