/* A shell command line that repeats a run. */
#ifndef FREEZETUNE_SHELL_COMMAND_H
#define FREEZETUNE_SHELL_COMMAND_H

#include <stdio.h>

#include "cli/run/train_options.h"

/* The text as one word of a POSIX shell: as it is when it holds nothing special, else in single quotes. */
void shell_quote(FILE *out, const char *text);

/* "freezetune train --data ... --lr 0.01": every option in which `values` differ from the defaults, but for those that
 * change nothing of the result (--out, --threads, --quiet, ...). No end of line. ERR_SYSTEM without memory. */
MUST_CHECK enum status shell_command_train(FILE *out, const struct train_values *values, struct error *err);

/* "freezetune eval --model ...": the options that were given, in the order of the command's table, but for
 * `left_out` (ends in NULL). No operands, no end of line. */
void shell_command_given(FILE *out, const struct arguments *args, const char *const *left_out);

#endif
