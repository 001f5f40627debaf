/* A whole network once more: its unfused list of operators, one after the other, in double (tests/support/naive.h).
 * Forward, loss and backward as PyTorch would run them; what fusion, plans and kernels must agree with. */
#ifndef FREEZETUNE_REFERENCE_NET_H
#define FREEZETUNE_REFERENCE_NET_H

#include "core/net/freeze.h"
#include "core/net/net.h"

struct reference_net;

/* Buffers for `images` images of height x width. `freeze` NULL: inference. `net` must outlive it;
 * asserts on trouble. */
struct reference_net *reference_create(const struct net *net, const struct freeze *freeze, size_t images, size_t height,
                                       size_t width);
void reference_destroy(struct reference_net *reference);

/* Logits [images, classes] of x[images, H, W, C], borrowed. Running statistics of the net are read, never changed: the
 * moved ones are in reference_running. */
const double *reference_forward(struct reference_net *reference, const double *x);
/* A value after the forward pass: [images, *rows of each, channels], borrowed. */
const double *reference_value(const struct reference_net *reference, int value, size_t *rows);
/* The gradient of every learnable parameter (frozen ones too) from dlogits; in the parameter's own layout. */
void reference_backward(struct reference_net *reference, const double *dlogits);
const double *reference_gradient(const struct reference_net *reference, size_t param);
/* What a running statistic is after the forward pass. */
const double *reference_running(const struct reference_net *reference, size_t param);

#endif
