/* Names of a ResNet's tensors in the files of other libraries. torchvision's and timm's are the same and are ours;
 * Hugging Face's ResNetForImageClassification differs by a table. */
#ifndef FREEZETUNE_NAMES_H
#define FREEZETUNE_NAMES_H

#include <stdbool.h>

enum { WEIGHT_NAME_MAX = 128 };

/* out = the torchvision name of a Hugging Face name ("resnet.encoder.stages.2.layers.0.layer.1.convolution.weight" is
 * "layer3.0.conv2.weight"). False, with out unspecified, when it is none. Different names give different names. */
bool name_from_hugging_face(char out[WEIGHT_NAME_MAX], const char *name);

/* The way back. False when the name is not one of a ResNet's tensors. */
bool name_to_hugging_face(char out[WEIGHT_NAME_MAX], const char *name);

#endif
