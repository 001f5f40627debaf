/* The memory of a training run: known before the first step, and held against what the control groups allow. */
#ifndef FREEZETUNE_RUN_MEMORY_H
#define FREEZETUNE_RUN_MEMORY_H

#include <stddef.h>

#include "cli/report/summary.h"
#include "cli/run/run_setup.h"
#include "core/base/error.h"

/* The parts, as the plan shows them, of a training with these needs over the photos of `setup`. */
struct memory_summary run_memory_of(const struct run_setup *setup, const struct train_needs *needs);
/* Their sum for `train`, in bytes. */
size_t run_memory(const struct run_setup *setup, const struct train *train);

/* ERR_SYSTEM when a control group allows less than `bytes`, with what to do: the system would end the run without a
 * word. OK where there is no limit. */
MUST_CHECK enum status run_memory_check(size_t bytes, struct error *err);

#endif
