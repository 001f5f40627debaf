/* Initial weights as PyTorch's: what a fresh torchvision ResNet or a fresh torch.nn.Linear holds, in distribution.
 *
 *   convolution   normal, std = sqrt(2 / (K*R*S))           kaiming_normal_(mode="fan_out", nonlinearity="relu")
 *   BatchNorm     weight 1, bias 0, mean 0, variance 1
 *   linear        uniform in +-1/sqrt(C), weight and bias   torch.nn.Linear.reset_parameters
 *
 * (He et al., arXiv 1502.01852.) The stream of a parameter is named by its number in the declaration, so that the
 * values of one do not depend on which others are drawn.
 */
#ifndef FREEZETUNE_INIT_H
#define FREEZETUNE_INIT_H

#include "core/net/net.h"

void param_init(struct net *net, size_t index, uint64_t seed);
void net_init(struct net *net, uint64_t seed);

#endif
