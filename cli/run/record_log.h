/* The lines of RUN/log.jsonl. Whether writing worked is asked of the stream, by who syncs it. */
#ifndef FREEZETUNE_RECORD_LOG_H
#define FREEZETUNE_RECORD_LOG_H

#include <stdio.h>

#include "core/train/train.h"

void record_log_step(FILE *log, const struct step_result *step);
void record_log_epoch(FILE *log, const struct epoch_result *epoch);

#endif
