/* The graph of an ONNX file: nodes, and the list of the tensors that they need. For onnx_write.c. */
#ifndef FREEZETUNE_ONNX_GRAPH_H
#define FREEZETUNE_ONNX_GRAPH_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/bytes.h"
#include "core/net/net.h"
#include "weights/onnx/onnx_write.h"

enum onnx_part {
    ONNX_PLAIN,  /* the parameter itself */
    ONNX_SCALED, /* a convolution's weights times the scale of the BatchNorm behind it */
    ONNX_SHIFT   /* the shift of that BatchNorm: the convolution's bias */
};

/* Numbers of the graph's own: three of the pixels' way, one behind the logits. */
enum { ONNX_CONSTANTS = 4, ONNX_CONSTANT_VALUES = 3 };

/* An initializer. */
struct onnx_tensor {
    char name[NET_NAME];
    enum onnx_part part;
    const struct param *param; /* whose shape it has: of a shift the BatchNorm's bias */
    const struct param *bn;    /* of a folded BatchNorm: its weight, bias, running mean and running variance */
};

struct onnx_graph {
    struct bytes bytes;          /* fields of GraphProto: everything but the initializers */
    struct onnx_tensor *tensors; /* in the order of the operators */
    size_t count;
    struct param constants[ONNX_CONSTANTS]; /* as parameters, which point to the values; so a graph is not copied */
    float values[ONNX_CONSTANTS][ONNX_CONSTANT_VALUES];
    size_t constants_count;
};

/* The net is borrowed. Free with onnx_graph_free, also after a failure (ERR_SYSTEM: memory). */
MUST_CHECK enum status onnx_graph_make(struct onnx_graph *out, const struct net *net,
                                       const struct onnx_options *options, struct error *err);
void onnx_graph_free(struct onnx_graph *graph);

#endif
