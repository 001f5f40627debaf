/* The small net of the recipe's example: linear layers fc1, fc2, ... with ReLU between them, each layer a child. */
#ifndef FREEZETUNE_MLP_H
#define FREEZETUNE_MLP_H

#include "core/net/net.h"

/* sizes[0] inputs, then the outputs of each of the `layers` layers: {10, 5, 5, 1} with layers = 3 is the example. */
MUST_CHECK enum status mlp_create(struct net **out, const size_t *sizes, size_t layers, struct error *err);

#endif
