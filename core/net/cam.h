/* Class activation maps: which parts of a photo speak for a class, and which against it. Zhou et al., "Learning Deep
 * Features for Discriminative Localization", 2016 (arXiv 1512.04150). A network that ends in global average pooling and
 * one linear layer, as every ResNet does, is linear behind its last map A[h,w,K], so the map of class c is exact:
 *
 *   map_c[y,x] = sum over k of weight[c,k] * A[y,x,k]           logit_c = mean over y, x of map_c[y,x], + bias_c
 *
 * One forward pass gives logits, the maps of any classes, and the features (child 9, avgpool, of a ResNet):
 *
 *   cam_place(&cut, net, err);
 *   plan_create(&plan, net, &(struct plan_options){.cut = cut + 1, .from = cut, ...}, err);      train is false
 *   exec_create(&exec, plan, ...);
 *   cam_create(&cam, plan, err);
 *   const float *logits = cam_forward(cam, exec, pixels, images);
 *   cam_map(map, cam, image, class);
 */
#ifndef FREEZETUNE_CAM_H
#define FREEZETUNE_CAM_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/net/exec.h"

struct cam;

/* *cut = the number of operators that make the last map: the pooling is operator *cut. ERR_DATA when the network ends
 * in another way. */
MUST_CHECK enum status cam_place(size_t *cut, const struct net *net, struct error *err);

/* `plan` is an inference plan with the cuts shown above; it must outlive the cam. Takes memory for the last maps of its
 * batch, as floats. ERR_SYSTEM without memory. */
MUST_CHECK enum status cam_create(struct cam **out, const struct plan *plan, struct error *err);
void cam_destroy(struct cam *cam);

/* Forward over images (1..batch) of pixels[images,H,W,3] by a run of that plan: logits[images,classes], to the byte
 * those of exec_forward_pixels; borrowed until the run does anything else. */
const float *cam_forward(struct cam *cam, struct exec *exec, const uint8_t *pixels, size_t images);

/* Rows and columns of a map: 7 and 7 for a ResNet and 224x224 pixels. */
size_t cam_height(const struct cam *cam);
size_t cam_width(const struct cam *cam);

/* The rest is about the images of the last cam_forward.
 *
 * map[h,w] of a class, without the bias; summed in double. OVERWRITES. */
void cam_map(float *map, const struct cam *cam, size_t image, size_t class);
float cam_bias(const struct cam *cam, size_t class);

/* [images, cam_features_count], borrowed: what the pooling made. */
const float *cam_features(const struct cam *cam);
size_t cam_features_count(const struct cam *cam);

#endif
