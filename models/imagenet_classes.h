/* The 1000 classes of ImageNet (ILSVRC 2012) in the order of a pretrained network's outputs, named as torchvision names
 * them (torchvision.models, "categories" of the weights' metadata). */
#ifndef FREEZETUNE_IMAGENET_CLASSES_H
#define FREEZETUNE_IMAGENET_CLASSES_H

#define IMAGENET_CLASSES 1000

extern const char *const imagenet_classes[IMAGENET_CLASSES];

#endif
