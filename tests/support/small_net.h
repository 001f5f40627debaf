/* A ResNet-50 in small: one block a layer, 4 channels at the start, 128 features before the head. For tests of weights;
 * its files lie in the folder of own_folder.h. */
#ifndef FREEZETUNE_SMALL_NET_H
#define FREEZETUNE_SMALL_NET_H

#include <stddef.h>
#include <stdint.h>

#include "core/net/net.h"

enum { SMALL_NET_CLASSES = 5, SMALL_NET_FEATURES = 128 };

/* Every parameter holds values of its own, which depend on the seed, running variances positive ones. Destroy with
 * net_destroy. */
struct net *small_net_make(size_t classes, uint64_t seed);

/* Weights as trained ones are, of any net: BatchNorm parameters and statistics away from 0 and 1. */
void small_net_randomise(struct net *net, uint64_t seed);

/* The same name and the same bits. */
void small_net_assert_same(const struct param *a, const struct param *b);

/* A net of SMALL_NET_CLASSES classes and of seed 1, and as the file "good". */
struct net *small_net_save(void);

#endif
