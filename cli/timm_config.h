/* config.json beside the weights of a timm model, whose tensors have torchvision's names. pretrained_cfg in it says how
 * photos are prepared: input_size [3, 224, 224], crop_pct 0.875, crop_mode "center", interpolation "bicubic", mean and
 * std; what is missing is as timm has it (those values, and ImageNet's mean and deviation). Photos are resized to
 * floor(size / crop_pct), as timm's create_transform does it.
 */
#ifndef FREEZETUNE_TIMM_CONFIG_H
#define FREEZETUNE_TIMM_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/data/preprocess.h"

/* Reads config.json beside `weights`. *found: it is there and timm's; any other file of that name says nothing.
 * ERR_DATA names the file and the key when it asks for what is not there, or when its architecture is another network
 * with a ResNet's tensors. */
MUST_CHECK enum status timm_config_read(struct preprocess *out, bool *found, const char *weights, struct error *err);

/* The same from text that ends in a NUL; `path` is for errors. */
MUST_CHECK enum status timm_config_parse(struct preprocess *out, bool *found, const char *text, size_t size,
                                         const char *path, struct error *err);

#endif
