/* Completions for shells, from the tables of options: `freezetune --completion bash|zsh|fish`. */
#ifndef FREEZETUNE_COMPLETION_H
#define FREEZETUNE_COMPLETION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "cli/shell/options.h"

/* Prints the completion for that shell; false: it is not one of the three. bash's (docs/completion.bash) asks the
 * program when it completes. */
bool completion_print(FILE *out, const char *shell, const struct command *const *commands);

/* ---- for the files of a shell each ------------------------------------------------------------------------------- */

void completion_zsh(FILE *out, const struct command *const *commands);
void completion_fish(FILE *out, const struct command *const *commands);

/* What stands behind an option or a command. */
enum completion_kind {
    COMPLETION_NOTHING, /* a number, a word that nobody can guess */
    COMPLETION_WORDS,   /* one of some words, with blanks between them */
    COMPLETION_FOLDER,
    COMPLETION_FILE
};

enum { COMPLETION_TEXT = 1024, COMPLETION_HELP = 128 };

struct completion_value {
    enum completion_kind kind;
    char words[COMPLETION_TEXT]; /* of WORDS */
};

/* Of an option that is no flag. */
struct completion_value completion_value_of(const struct option *option, const struct command *const *commands);
/* The first operand where it is one of some words ("list|clear|path"), else a file. */
struct completion_value completion_operand_of(const struct command *command);
/* The beginning of a help text, up to where details begin. Returns out. */
char *completion_help(char out[COMPLETION_HELP], const char *help);

#endif
