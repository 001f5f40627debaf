/* --help and --version, from the tables. */
#ifndef FREEZETUNE_HELP_H
#define FREEZETUNE_HELP_H

#include <stdio.h>

#include "cli/shell/options.h"

/* --help of a command, wrapped to `width` columns (at least 40). */
void command_help(FILE *out, const struct command *command, int width);

/* The main help: commands, files, exit codes. */
void program_help(FILE *out, const struct command *const *commands, int width);

/* The version, the libraries and the instruction set in use. */
void program_version(FILE *out);

#endif
