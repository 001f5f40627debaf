/* What is counted over a pass: loss, accuracy, top-5, and the scores of each class; the confusion matrix is made of the
 * predictions (confusion.h).
 *
 *   precision = right / predicted as this class    recall = right / photos of this class
 *   F1 = 2 * precision * recall / (precision + recall)
 *
 * 0 where the denominator is 0. Macro-F1 is the mean over the classes that occur as a label or as a prediction, as
 * scikit-learn's f1_score(average="macro"). A tie between logits goes to the class with the smaller number.
 */
#ifndef FREEZETUNE_METRICS_H
#define FREEZETUNE_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

/* The answer for one photo. */
struct prediction {
    uint32_t photo;           /* number in its list */
    int32_t label, predicted; /* class numbers */
    float probability;        /* of the predicted class */
    float label_probability;  /* of the right one */
    float loss;
};

struct class_counts {
    uint64_t right, labelled, predicted; /* photos */
};

struct metrics {
    size_t classes;
    size_t count, top1, top5; /* photos so far; right ones; right among the five largest (all, with up to 5 classes) */
    double loss_sum;
    size_t infinite;                /* of the photos: those with a logit that is not finite */
    uint32_t infinite_photo;        /* the first of them */
    struct class_counts *counts;    /* [classes] */
    struct prediction *predictions; /* in the order of coming, as many as there was room for */
    size_t predictions_count, predictions_room;
};

/* Room for `predictions` answers (0: none are kept). ERR_SYSTEM without memory. Owned (metrics_free). */
MUST_CHECK enum status metrics_init(struct metrics *out, size_t classes, size_t predictions, struct error *err);
/* Bytes that metrics_init takes. */
size_t metrics_bytes(size_t classes, size_t predictions);
void metrics_free(struct metrics *metrics);
void metrics_reset(struct metrics *metrics);

/* Takes in logits[images, classes] with labels[images] (0..classes-1) and the photos' numbers (NULL: 0). */
void metrics_add(struct metrics *metrics, const float *logits, const int32_t *labels, const uint32_t *photos,
                 size_t images);

/* 0 when nothing was counted. */
double metrics_loss(const struct metrics *metrics);
double metrics_accuracy(const struct metrics *metrics);
double metrics_top5(const struct metrics *metrics);
double metrics_macro_f1(const struct metrics *metrics);

struct class_score {
    uint64_t right, labelled, predicted;
    double precision, recall, f1;
};
struct class_score metrics_class(const struct metrics *metrics, size_t class);

/* OVERWRITES worst[0..most-1] with the wrong predictions in which the wrong class had the largest probability, largest
 * first, ties by photo. Returns how many there are. Works over the predictions kept. */
size_t metrics_worst(struct prediction *worst, size_t most, const struct metrics *metrics);

/* The place of the largest of count >= 1 values, the first one of equals. */
size_t argmax(const float *values, size_t count);

#endif
