/* Test-time flip: the answer to a photo and to its mirror image together, as the mean of the two probabilities.
 *
 *   p = (softmax(logits of the square) + softmax(logits of the square, mirrored)) / 2
 *
 * The mean of softmax outputs is what Krizhevsky, Sutskever and Hinton took ("ImageNet Classification with Deep
 * Convolutional Neural Networks", 2012). It is handed on as log(p), whose softmax is p, so that a
 * function of logits can take it. The mirrored image is the square that the network sees.
 */
#ifndef FREEZETUNE_MIRRORED_H
#define FREEZETUNE_MIRRORED_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/net/exec.h"

struct mirrored;

/* For batches of up to `batch` squares of `side` pixels. ERR_SYSTEM without memory. */
MUST_CHECK enum status mirrored_create(struct mirrored **out, size_t batch, size_t side, size_t classes,
                                       struct error *err);
void mirrored_destroy(struct mirrored *mirrored);

/* log(p)[images,classes] of pixels[images,side,side,3], by two passes of the run. Borrowed until the next call. */
const float *mirrored_forward(struct mirrored *mirrored, struct exec *exec, const uint8_t *pixels, size_t images);

/* out[classes] = log((softmax(a) + softmax(b)) / 2); computed in double. out may be a or b. Finite, however small the
 * mean is, where a and b are; NaN throughout where one of them holds a value that is not. */
void mirrored_mean(float *out, const float *a, const float *b, size_t classes);

#endif
