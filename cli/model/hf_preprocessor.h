/* preprocessor_config.json beside the weights of a Hugging Face model: how photos are prepared. It is read as JSON and
 * nothing else, and followed as the processor's Pillow version does it (use_fast=False), to the last bit:
 *
 *   image_processor_type   whose rules hold, and the values of what is missing (feature_extractor_type in older files):
 *                          ConvNext, ViT, DeiT, BEiT, BiT, CLIP, LeViT, PoolFormer, EfficientNet, MobileNet; others are
 *                          taken by what stands in the file
 *   size                   {"shortest_edge": 224}: the short side. {"height": 224, "width": 224}: both sides, squashed.
 *                          A number: the one or the other, by type. ConvNext squashes from 384 on, and below it makes
 *                          the short side size / crop_pct
 *   crop_size, do_center_crop   the middle, half of an odd rest rounded down
 *   resample               Pillow's number of a filter, 0 to 5
 *   image_mean, image_std, do_normalize; include_top (EfficientNet divides by the deviation twice)
 *   do_resize, do_rescale, rescale_factor, do_pad, do_flip_channel_order, ...   refused where they ask for what is not
 *                          done here
 */
#ifndef FREEZETUNE_HF_PREPROCESSOR_H
#define FREEZETUNE_HF_PREPROCESSOR_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/data/preprocess.h"

/* Reads text[size], which ends in a NUL; `path` is for errors. *oblong: the processor keeps the aspect ratio and cuts
 * nothing out, so that the network would see an oblong photo; *out then takes the middle square. ERR_DATA names the
 * key; *out is then untouched. */
MUST_CHECK enum status hf_preprocessor_parse(struct preprocess *out, bool *oblong, const char *text, size_t size,
                                             const char *path, struct error *err);

#endif
