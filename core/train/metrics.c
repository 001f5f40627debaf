#include "core/train/metrics.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/ops/loss.h"

enum status metrics_init(struct metrics *out, size_t classes, size_t predictions, struct error *err)
{
    struct metrics metrics = {.classes = classes, .predictions_room = predictions};
    void *memory;
    enum status status = memory_alloc(&memory, classes, sizeof *metrics.counts, "the counts of the classes", err);
    if (status != OK)
        return status;
    metrics.counts = memory;
    status = memory_alloc(&memory, predictions, sizeof(struct prediction), "the predictions", err);
    if (status != OK) {
        memory_free(metrics.counts);
        return status;
    }
    metrics.predictions = memory;
    *out = metrics;
    return OK;
}

size_t metrics_bytes(size_t classes, size_t predictions)
{
    return classes * sizeof(struct class_counts) + predictions * sizeof(struct prediction);
}

void metrics_free(struct metrics *metrics)
{
    memory_free(metrics->counts);
    memory_free(metrics->predictions);
    *metrics = (struct metrics){0};
}

void metrics_reset(struct metrics *metrics)
{
    memset(metrics->counts, 0, metrics->classes * sizeof *metrics->counts);
    metrics->count = metrics->top1 = metrics->top5 = metrics->predictions_count = 0;
    metrics->infinite = metrics->infinite_photo = 0;
    metrics->loss_sum = 0;
}

size_t argmax(const float *values, size_t count)
{
    size_t best = 0;
    for (size_t i = 1; i < count; i++)
        if (values[i] > values[best])
            best = i;
    return best;
}

/* How many classes come before `class` when the logits are sorted. A NaN never counts as right. */
static size_t rank_of(const float *logits, size_t classes, size_t class)
{
    size_t before = 0;
    for (size_t k = 0; k < classes; k++)
        if (k != class && !(logits[k] < logits[class]) && (k < class || !(logits[k] <= logits[class])))
            before++;
    return before;
}

static void add_one(struct metrics *metrics, const float *logits, size_t label, uint32_t photo)
{
    size_t classes = metrics->classes;
    size_t predicted = argmax(logits, classes);
    size_t rank = rank_of(logits, classes, label);
    double sum = 0;
    for (size_t k = 0; k < classes; k++)
        sum += exp((double)logits[k] - (double)logits[predicted]);
    double loss = log(sum) + (double)logits[predicted] - (double)logits[label];
    if (logits_finite(logits, 1, classes) == 0 && metrics->infinite++ == 0)
        metrics->infinite_photo = photo;
    metrics->count++;
    metrics->top1 += rank == 0;
    metrics->top5 += rank < 5;
    metrics->loss_sum += loss;
    metrics->counts[label].labelled++;
    metrics->counts[label].right += label == predicted;
    metrics->counts[predicted].predicted++;
    if (metrics->predictions_count == metrics->predictions_room)
        return;
    metrics->predictions[metrics->predictions_count++] = (struct prediction){
        .photo = photo,
        .label = (int32_t)label,
        .predicted = (int32_t)predicted,
        .probability = (float)(1 / sum),
        .label_probability = (float)exp(-loss),
        .loss = (float)loss,
    };
}

void metrics_add(struct metrics *metrics, const float *logits, const int32_t *labels, const uint32_t *photos,
                 size_t images)
{
    for (size_t n = 0; n < images; n++) {
        assert(labels[n] >= 0 && (size_t)labels[n] < metrics->classes);
        add_one(metrics, logits + n * metrics->classes, (size_t)labels[n], photos ? photos[n] : 0);
    }
}

static double ratio(double part, double whole)
{
    return whole > 0 ? part / whole : 0;
}

double metrics_loss(const struct metrics *metrics)
{
    return metrics->count ? metrics->loss_sum / (double)metrics->count : 0;
}

double metrics_accuracy(const struct metrics *metrics)
{
    return ratio((double)metrics->top1, (double)metrics->count);
}

double metrics_top5(const struct metrics *metrics)
{
    return ratio((double)metrics->top5, (double)metrics->count);
}

struct class_score metrics_class(const struct metrics *metrics, size_t class)
{
    const struct class_counts *counts = &metrics->counts[class];
    struct class_score score = {.right = counts->right, .labelled = counts->labelled, .predicted = counts->predicted};
    score.precision = ratio((double)score.right, (double)score.predicted);
    score.recall = ratio((double)score.right, (double)score.labelled);
    score.f1 = ratio(2 * score.precision * score.recall, score.precision + score.recall);
    return score;
}

double metrics_macro_f1(const struct metrics *metrics)
{
    double sum = 0;
    size_t present = 0;
    for (size_t k = 0; k < metrics->classes; k++) {
        struct class_score score = metrics_class(metrics, k);
        sum += score.f1;
        present += score.labelled > 0 || score.predicted > 0;
    }
    return ratio(sum, (double)present);
}

static int worse_first(const void *a, const void *b)
{
    const struct prediction *x = a, *y = b;
    if (x->probability != y->probability)
        return x->probability > y->probability ? -1 : 1;
    return x->photo < y->photo ? -1 : x->photo > y->photo;
}

size_t metrics_worst(struct prediction *worst, size_t most, const struct metrics *metrics)
{
    size_t count = 0;
    for (size_t i = 0; i < metrics->predictions_count && most > 0; i++) {
        const struct prediction *prediction = &metrics->predictions[i];
        if (prediction->predicted == prediction->label)
            continue;
        bool room = count < most;
        if (!room && worse_first(prediction, &worst[most - 1]) >= 0)
            continue;
        size_t at = room ? count++ : most - 1;
        for (; at > 0 && worse_first(prediction, &worst[at - 1]) < 0; at--)
            worst[at] = worst[at - 1];
        worst[at] = *prediction;
    }
    return count;
}
