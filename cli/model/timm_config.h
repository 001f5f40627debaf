/* config.json beside the weights of a timm model, whose tensors have torchvision's names.
 *
 *   architecture        "resnet50", also with its tag ("resnet50.a1_in1k") or by an older name ("tv_resnet50")
 *   pretrained_cfg      how photos are prepared: input_size [3, 224, 224], crop_pct 0.875, crop_mode "center"
 *                       or "squash", interpolation "bicubic", mean and std; what is missing is as timm has it
 *                       (those values, and ImageNet's mean and deviation). Photos are resized to
 *                       floor(size / crop_pct), as timm's create_transform does it
 *   model_args          arguments of the constructor: those that make another network are refused (timm_args.h)
 *   global_pool         "avg", here, in pretrained_cfg and in model_args
 *   label_names         the classes, a list or {"0": name}; older: labels. In pretrained_cfg too; the root goes first
 *
 * The older form is flat: what stands in pretrained_cfg today stands at the root beside architecture.
 */
#ifndef FREEZETUNE_TIMM_CONFIG_H
#define FREEZETUNE_TIMM_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/model/model_card.h"
#include "core/base/error.h"

/* Reads config.json beside `weights`, a network of `outputs` outputs (0: a body, which has no classes). *found: it is
 * there and timm's; any other file of that name says nothing. ERR_DATA names the file and the key when it asks for what
 * is not there, when it describes another network with a ResNet's tensors, or when the names are not as many as the
 * outputs; *card is then untouched. card->classes is for class_names_free. */
MUST_CHECK enum status timm_config_read(struct model_card *card, bool *found, const char *weights, size_t outputs,
                                        struct error *err);

/* The same from text that ends in a NUL; `path` is for errors. */
MUST_CHECK enum status timm_config_parse(struct model_card *card, bool *found, const char *text, size_t size,
                                         size_t outputs, const char *path, struct error *err);

#endif
