/* The output of train before the first step: warnings about the photos on stderr, the plan on stdout. */
#ifndef FREEZETUNE_SHOW_PLAN_H
#define FREEZETUNE_SHOW_PLAN_H

#include "cli/run/run_setup.h"
#include "core/train/forecast.h"

/* stderr: what was found among the photos, what the weights are, whether the last layer is re-initialised. */
void show_inputs(const struct run_setup *setup);

/* How long it will take, before the first step. */
struct plan_time {
    const struct forecast *forecast; /* of a run */
    size_t runs;
    double all; /* seconds of all runs; 0: not known */
};

/* stdout: children, memory, work, disk, time. With --json an object. */
MUST_CHECK enum status show_plan(const struct run_setup *setup, const struct plan_time *time, struct error *err);

#endif
