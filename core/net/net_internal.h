/* For builders of operators that stand in files of their own. */
#ifndef FREEZETUNE_NET_INTERNAL_H
#define FREEZETUNE_NET_INTERNAL_H

#include "core/net/net.h"

/* Appends an operator that reads the values a and b (-1: none) and makes a new value of so many channels. No parameter,
 * kernel and stride 1. Borrowed until the next one; NULL after an error, which the net remembers for net_finish. */
struct op *net_op_new(struct net *net, enum op_kind kind, int a, int b, size_t channels_out);

/* The same with x's channels; gives the new value, or x after an error. */
int net_op_simple(struct net *net, enum op_kind kind, int x);

/* 1 after an error. */
size_t net_channels(const struct net *net, int value);

#endif
