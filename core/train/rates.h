/* Learning rates that differ from child to child ("discriminative": Howard and Ruder 2018, section 3.1). The rate of a
 * child with parameters, where the schedule has lr, is
 *
 *   lr * decay^k           k = how many of the children behind it have parameters
 *   lr * head              for the last of them, the head, where k is 0
 *
 * Of a ResNet that is k = 0 for fc, 1 for layer4, ... 4 for layer1, 5 for bn1 and 6 for conv1. In PyTorch: a parameter
 * group for each child, with an lr of its own, and one scheduler over all.
 */
#ifndef FREEZETUNE_RATES_H
#define FREEZETUNE_RATES_H

#include "core/net/net.h"
#include "core/train/optimizer.h"

struct child_rates {
    double decay, head; /* above 0; 0 stands for 1 */
};

/* What the schedule's lr is multiplied by; 0 for a child without parameters. */
double rates_child(const struct child_rates *rates, const struct net *net, int child);

/* Tells the optimizer, for every parameter of the net. */
void rates_apply(const struct child_rates *rates, const struct net *net, struct optimizer *optimizer);

#endif
