/* The convolution kernels, each in a file of its own name. For the table in conv.c, and for a kernel that leaves a
 * shape to another one; everybody else finds them in conv_kernels[] (conv.h). A new kernel is its file, a line here and
 * one in the table. */
#ifndef FREEZETUNE_CONV_KERNELS_H
#define FREEZETUNE_CONV_KERNELS_H

#include "core/ops/conv.h"

extern const struct conv_kernel conv_packed;         /* 1x1: panels on the activations themselves */
extern const struct conv_kernel conv_pointwise;      /* 1x1 by BLAS */
extern const struct conv_kernel conv_winograd;       /* 3x3, stride 1, pad 1: F(4x4,3x3) */
extern const struct conv_kernel conv_winograd_pairs; /* the same, products of bfloat16: F(2x2,3x3) */
extern const struct conv_kernel conv_direct;         /* any with a window or padding: panels on the rows of the input */
extern const struct conv_kernel conv_im2col;         /* any, by BLAS */

#endif
