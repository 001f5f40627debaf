/* Losses, over a batch, with their gradients. Sums are in double. */
#ifndef FREEZETUNE_LOSS_H
#define FREEZETUNE_LOSS_H

#include <stddef.h>
#include <stdint.h>

/* probability[K] = softmax(logits[K]), the largest logit subtracted first. May be in place. */
void softmax(float *probability, const float *logits, size_t classes);

/* probability[K] = 1 / (1 + exp(-logits[K])), each by itself; computed in double. May be in place. */
void sigmoid(float *probability, const float *logits, size_t classes);

/* How many rows of logits[N,K], from the first on, hold finite numbers only: N when all do, else the first that does
 * not. Nothing can be answered from such a row. */
size_t logits_finite(const float *logits, size_t images, size_t classes);

/* Cross-entropy of softmax(logits[N,K]) against labels[N], mean over the batch, as torch.nn.CrossEntropyLoss. Returns
 * the loss; OVERWRITES dlogits[N,K] with (softmax - onehot) / N unless NULL. NaN in the logits makes the loss NaN. */
double cross_entropy(float *dlogits, const float *logits, const int32_t *labels, size_t images, size_t classes);

/* What a batch should be answered with, as torch.nn.CrossEntropyLoss(weight, label_smoothing) takes it. Borrowed.
 *
 *   onehot[n,k] = 1 where k = labels[n]; with others: share * [k = labels[n]] + (1 - share) * [k = others[n]]
 *   target[n,k] = (1 - smoothing) * onehot[n,k] + smoothing / K
 *   loss        = sum over n, k of -weights[k] * target[n,k] * log softmax(logits[n])[k], divided by
 *                 sum over n of weights[labels[n]]   without others (class numbers are given: PyTorch's weighted mean)
 *                 N                                  with others (probabilities are given: PyTorch's mean)
 */
struct targets {
    const int32_t *labels, *others; /* [N]; others NULL: each photo has one class */
    double share;                   /* of labels, where there are others */
    double smoothing;               /* 0..1 */
    const float *weights;           /* [K], of classes; NULL: all 1 */
};

/* What the sum is divided by. */
double targets_divisor(const struct targets *targets, size_t images);

/* The loss above of images 0..N-1, divided by `divisor`, so that a batch may be worked on in pieces: what comes of them
 * with the divisor of the whole adds up to the loss of the whole. OVERWRITES dlogits[N,K] with the gradient, unless
 * NULL. NaN in the logits makes the loss NaN. */
double cross_entropy_targets(float *dlogits, const float *logits, const struct targets *targets, size_t images,
                             size_t classes, double divisor);

/* Mean of (y - target)^2 over all `count` values, as torch.nn.MSELoss; dy = 2 (y - target) / count, unless NULL. */
double mean_squared_error(float *dy, const float *y, const float *target, size_t count);

#endif
