/* The table of commands. */
#ifndef FREEZETUNE_COMMANDS_H
#define FREEZETUNE_COMMANDS_H

#include "cli/shell/options.h"

extern const struct command cmd_check;
extern const struct command cmd_eval;
extern const struct command cmd_predict;
extern const struct command cmd_report;
extern const struct command cmd_inspect;
extern const struct command cmd_diff;
extern const struct command cmd_convert;
extern const struct command cmd_bench;
extern const struct command cmd_weights;
extern const struct command cmd_cache;
extern const struct command cmd_toy;
extern const struct command cmd_train;
extern const struct command cmd_sweep;
extern const struct command cmd_runs;

extern const struct command *const commands[]; /* in the order in which help lists them, NULL-terminated */

#endif
