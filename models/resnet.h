/* ResNet as torchvision declares it (He et al., arXiv 1512.03385; with the stride on the 3x3 convolution, "v1.5"). */
#ifndef FREEZETUNE_RESNET_H
#define FREEZETUNE_RESNET_H

#include "core/net/net.h"

/* `arch` is resnet18, 34, 50, 101 or 152. ERR_USAGE for another name. */
MUST_CHECK enum status resnet_create(struct net **out, const char *arch, size_t classes, struct error *err);

/* The same structure with any number of blocks and any width (64 is torchvision's), for tests on small networks. */
struct resnet_shape {
    const char *arch;
    bool bottleneck; /* 1x1, 3x3, 1x1 with four times the channels; otherwise 3x3, 3x3 */
    size_t blocks[4];
    size_t width;
};
MUST_CHECK enum status resnet_create_shape(struct net **out, const struct resnet_shape *shape, size_t classes,
                                           struct error *err);

/* The architectures, and their names alone; arch is NULL, and so is the last name, at the end. */
extern const struct resnet_shape resnet_shapes[];
extern const char *const resnet_names[];
/* The names of the children 1, 2, ..., NULL at the end. */
extern const char *const resnet_children[];

#endif
