#include "core/train/schedule.h"

#include <math.h>

const char *const schedule_names[] = {"constant", "step", "cosine", NULL};

static const double PI = 3.14159265358979323846;

size_t schedule_warmup_steps(const struct schedule *schedule)
{
    return (size_t)llround(schedule->warmup * (double)schedule->steps_per_epoch);
}

double schedule_lr(const struct schedule *schedule, size_t epoch, size_t step)
{
    if (step >= schedule->steps_per_epoch)
        step = schedule->steps_per_epoch - 1;
    size_t now = epoch * schedule->steps_per_epoch + step;
    size_t all = schedule->epochs * schedule->steps_per_epoch;
    size_t warmup = schedule_warmup_steps(schedule);
    double lr = schedule->lr;
    if (schedule->kind == SCHEDULE_STEP)
        lr *= pow(schedule->gamma, (double)(epoch / schedule->step_epochs));
    if (schedule->kind == SCHEDULE_EXPONENTIAL)
        lr *= pow(schedule->gamma, (double)now);
    if (now < warmup)
        return lr * (double)(now + 1) / (double)warmup;
    if (schedule->kind == SCHEDULE_COSINE)
        lr *= (1 + cos(PI * (double)(now - warmup) / (double)(all - warmup))) / 2;
    return lr;
}
