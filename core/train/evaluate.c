#include "core/train/evaluate.h"

enum status evaluate(struct metrics *metrics, struct exec *exec, struct feed *feed, evaluate_hook *hook, void *context,
                     struct error *err)
{
    const struct photo_batch *batch;
    const float *logits;
    for (;;) {
        enum status status = feed_next(feed, &batch, err);
        if (status == OK && batch)
            status = feed_forward(&logits, feed, exec, batch, 0, batch->count, err);
        if (status != OK || !batch)
            return status;
        metrics_add(metrics, logits, batch->labels, batch->photos, batch->count);
        if (hook && !hook(context, batch, logits))
            return OK;
    }
}
