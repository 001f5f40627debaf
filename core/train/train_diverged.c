/* What a run that diverged says, and the look at the weights before anything of them is saved or evaluated. */
#include <math.h>

#include "core/train/train_private.h"

enum status train_diverged(struct train *train, const char *what, double value, struct error *err)
{
    return error_set(
        err, ERR_DIVERGED,
        "the training diverged: %s is %s in epoch %zu, step %zu; lower --lr (now %g) or lengthen --warmup. Earlier "
        "checkpoints are unchanged",
        what, isnan(value) ? "not a number" : "infinite", train->state.epoch + 1, train->state.batch + 1,
        train->options.schedule.lr);
}

enum status train_check_weights(struct train *train, struct error *err)
{
    for (size_t i = 0; i < train->net->params_count; i++) {
        const struct param *param = &train->net->params[i];
        bool looked_at = train->checked && !freeze_moves(train_freeze(train), param);
        for (size_t j = 0; j < param->count && !looked_at; j++)
            if (!isfinite(param->data[j]))
                return train_diverged(train, param->name, (double)param->data[j], err);
    }
    train->checked = true;
    return OK;
}
