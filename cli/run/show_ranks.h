/* What the plan says of several processes. */
#ifndef FREEZETUNE_SHOW_RANKS_H
#define FREEZETUNE_SHOW_RANKS_H

#include "cli/run/run_setup.h"
#include "cli/shell/json.h"
#include "core/train/forecast.h"

/* stdout: how a batch is dealt, what a process sends in a step, how long that takes at 1, 10 and 25 Gbit/s, and what a
 * step then takes beside one process like this. Nothing alone. */
void show_ranks(const struct run_setup *setup, const struct forecast *forecast);

/* The same as keys of an open object: processes, pieces, bytes_sent_per_step. */
void show_ranks_json(struct json *json, const struct run_setup *setup);

#endif
