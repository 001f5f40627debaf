/* Losses, over a batch, with their gradients. Sums are in double. */
#ifndef FREEZETUNE_LOSS_H
#define FREEZETUNE_LOSS_H

#include <stddef.h>
#include <stdint.h>

/* probability[K] = softmax(logits[K]), the largest logit subtracted first. May be in place. */
void softmax(float *probability, const float *logits, size_t classes);

/* Cross-entropy of softmax(logits[N,K]) against labels[N], mean over the batch, as torch.nn.CrossEntropyLoss. Returns
 * the loss; OVERWRITES dlogits[N,K] with (softmax - onehot) / N unless NULL. NaN in the logits makes the loss NaN. */
double cross_entropy(float *dlogits, const float *logits, const int32_t *labels, size_t images, size_t classes);

/* Mean of (y - target)^2 over all `count` values, as torch.nn.MSELoss; dy = 2 (y - target) / count, unless NULL. */
double mean_squared_error(float *dy, const float *y, const float *target, size_t count);

#endif
