/* The learning rate of every step, known before the first: a pure function of the options and the step's place.
 *
 *   constant   lr
 *   step       lr * gamma^(epoch / step_epochs), rounded down           torch.optim.lr_scheduler.StepLR, per epoch
 *   cosine     lr * (1 + cos(pi * (s - W) / (S - W))) / 2               CosineAnnealingLR to 0, per step
 *
 *   exponential lr * gamma^s, gamma above 1                             ExponentialLR, per step; of lr_find.h alone
 *
 * s counts steps from 0 over the whole run, S = epochs * steps_per_epoch, W = warm-up steps. Before W, in each of them,
 * the rate is lr * (s + 1) / W times what `step` makes of the epoch: it reaches lr in the last step of the warm-up.
 */
#ifndef FREEZETUNE_SCHEDULE_H
#define FREEZETUNE_SCHEDULE_H

#include <stddef.h>

enum schedule_kind { SCHEDULE_CONSTANT, SCHEDULE_STEP, SCHEDULE_COSINE, SCHEDULE_EXPONENTIAL };
extern const char *const schedule_names[]; /* "constant", "step", "cosine", NULL */

struct schedule {
    enum schedule_kind kind;
    double lr;
    double gamma;                   /* step, exponential */
    size_t step_epochs;             /* step; at least 1 */
    double warmup;                  /* epochs, may be a fraction; rounded to whole steps */
    size_t epochs, steps_per_epoch; /* at least 1 each */
};

size_t schedule_warmup_steps(const struct schedule *schedule);

/* The rate of step `step` (from 0) of epoch `epoch` (from 0). A step beyond steps_per_epoch counts as the last one. */
double schedule_lr(const struct schedule *schedule, size_t epoch, size_t step);

#endif
