/* The children that tensors belong to, by their names: "layer3.0.conv2.weight" belongs to child 7, layer3. */
#ifndef FREEZETUNE_CHILDREN_H
#define FREEZETUNE_CHILDREN_H

#include <stddef.h>

#include "weights/weight_file.h"

/* The length of the child's name at the head of a tensor's name. */
size_t child_name_length(const char *tensor);

/* The child's number (1..10) if it is one of a ResNet's, else 0. */
int child_number(const char *tensor);

/* Order of tensors for people: by child, children without a number last and by name, then by name with numbers in it
 * compared as numbers. */
int tensor_name_compare(const char *a, const char *b);

#endif
