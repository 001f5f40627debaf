#include "core/train/evaluate.h"

enum status evaluate(struct metrics *metrics, bool *stopped, struct run *run, struct loader *loader, size_t count,
                     evaluate_hook *hook, void *context, struct error *err)
{
    const struct photo_batch *batch;
    *stopped = false;
    loader_start(loader, NULL, count, 0, 0, AUGMENT_NONE);
    for (;;) {
        enum status status = loader_next(loader, &batch, err);
        if (status != OK || !batch)
            return status;
        const float *logits = run_forward_pixels(run, batch->pixels, batch->count);
        metrics_add(metrics, logits, batch->labels, batch->photos, batch->count);
        if (hook && !hook(context, batch->position)) {
            *stopped = true;
            return OK;
        }
    }
}
