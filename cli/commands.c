#include "cli/commands.h"

#include <stddef.h>

/* A line each, so that one is added by one line. */
/* clang-format off */
const struct command *const commands[] = {
    &cmd_check,
    &cmd_train,
    &cmd_sweep,
    &cmd_eval,
    &cmd_predict,
    &cmd_runs,
    &cmd_report,
    &cmd_inspect,
    &cmd_diff,
    &cmd_convert,
    &cmd_bench,
    &cmd_weights,
    &cmd_cache,
    &cmd_toy,
    NULL,
};
/* clang-format on */
