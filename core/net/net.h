/* A network as data: a flat list of operators with the boundaries of PyTorch's children, and the parameters under
 * torchvision's names. A declaration (models/) calls the builder below in the order in which torchvision's forward()
 * runs; what is frozen (freeze.h), how operators are fused (fuse.h), how much memory it takes (plan.h) and how it runs
 * (exec.h) are decided by others, from this list.
 *
 *   struct net *net;
 *   net_create(&net, "tiny", err);
 *   net_child(net, "conv1");    int x = net_conv(net, net_input(net, 3), "conv1", 64, 7, 2, 3);
 *   net_child(net, "bn1");      x = net_batchnorm(net, x, "bn1");
 *   ...
 *   net_finish(net, err);       // reports whatever went wrong above, and allocates the parameters
 */
#ifndef FREEZETUNE_NET_H
#define FREEZETUNE_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

enum { NET_NAME = 64, NET_CHILDREN = 16 };

/* op_info.h has a row for each. */
enum op_kind {
    OP_CONV,
    OP_BATCHNORM,
    OP_RELU,
    OP_MAXPOOL,
    OP_ADD,
    OP_AVGPOOL,
    OP_LINEAR,
    OP_KINDS /* how many */
};

struct op {
    enum op_kind kind;
    int child;      /* 1.. */
    int in[2], out; /* values; in[1] is -1 but for OP_ADD */
    int param;      /* index of its first parameter, -1 for none. BatchNorm has five in a row, in the order of roles */
    int bias;       /* index of a convolution's or linear layer's bias, -1 for none */
    size_t kernel, stride, pad; /* pad per side */
};

/* What a value is: its channels; its height and width follow from the image in the plan. */
struct value {
    size_t channels;
    int readers; /* operators that read it */
};

enum param_role {
    PARAM_WEIGHT, /* of a convolution [K,C,R,S] or linear layer [K,C] */
    PARAM_BIAS,
    PARAM_BN_WEIGHT,
    PARAM_BN_BIAS,
    PARAM_RUNNING_MEAN,
    PARAM_RUNNING_VAR,
    PARAM_BATCHES /* num_batches_tracked: a count, no floats */
};

struct param {
    char name[NET_NAME]; /* "layer3.0.conv2.weight" */
    enum param_role role;
    int child;
    size_t rank, shape[4]; /* as PyTorch has it: OIHW */
    size_t count;          /* floats; 0 for PARAM_BATCHES */
    float *data;           /* convolution weights lie as [K,R,S,C], everything else as in PyTorch */
    int64_t batches;       /* PARAM_BATCHES only */
    bool learnable;        /* one of model.parameters(), not a running statistic */
    bool trainable;        /* learnable and not frozen: set by freeze_apply */
};

struct net {
    char arch[32]; /* "resnet50" */
    size_t children;
    char child_names[NET_CHILDREN + 1][NET_NAME]; /* 1.. */
    size_t ops_count, values_count, params_count;
    struct op *ops;
    struct value *values;
    struct param *params;
    int input, output; /* values; the output is what the last operator makes */

    float *storage; /* of all parameters */
    size_t ops_capacity, values_capacity, params_capacity;
    struct error trouble; /* the builder's first error, for net_finish */
};

/* ---- builder. A value is a small number; after an error the calls do nothing. Names are without the ".weight". --- */
MUST_CHECK enum status net_create(struct net **out, const char *arch, struct error *err);
void net_destroy(struct net *net);

int net_input(struct net *net, size_t channels);
/* What follows belongs to this child, until the next call. */
void net_child(struct net *net, const char *name);
/* Square kernel, pad per side, no bias: torch.nn.Conv2d(..., bias=False). */
int net_conv(struct net *net, int x, const char *name, size_t channels_out, size_t kernel, size_t stride, size_t pad);
int net_batchnorm(struct net *net, int x, const char *name);
int net_relu(struct net *net, int x);
int net_maxpool(struct net *net, int x, size_t kernel, size_t stride, size_t pad);
int net_add(struct net *net, int a, int b);
int net_avgpool(struct net *net, int x);
/* torch.nn.Linear with bias, over a 1x1 map. */
int net_linear(struct net *net, int x, const char *name, size_t features_out);
/* Allocates the parameters (zeros, running variances and BatchNorm weights 1); everything is trainable. */
MUST_CHECK enum status net_finish(struct net *net, struct error *err);

/* ---- questions --------------------------------------------------------------------------------------------------- */
/* -1 when no parameter has that name. */
int net_param_find(const struct net *net, const char *name);
/* Outputs of the last operator: the number of classes. */
size_t net_classes(const struct net *net);
size_t net_floats(const struct net *net);

/* Between PyTorch's layout (a file's) and ours. `count` floats each; no aliasing. */
void param_from_torch(struct param *param, const float *torch);
void param_to_torch(float *torch, const struct param *param);
/* The same for a buffer laid out like the parameter: a gradient, a momentum. */
void param_buffer_to_torch(float *torch, const struct param *param, const float *buffer);
void param_buffer_from_torch(float *buffer, const struct param *param, const float *torch);

#endif
