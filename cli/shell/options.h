/* Options and commands as data: one table per command gives the parser, the defaults and the --help text.
 *
 * A row says where its value goes: `offset` into the command's own struct of values (see the OPTION_ macros). What a
 * row may hold, by kind:
 *
 *   FLAG     bool            no argument; `--x` sets it (there is no `--x=v`)
 *   INT      long long       low <= v <= high
 *   FLOAT    double          low <= v <= high, finite
 *   STRING   const char *    borrowed from argv; an empty text is refused
 *   CHOICE   int             the position in `choices`
 *   SIZE     long long       bytes: 123, 64K, 512M, 2G (powers of 1024); low <= v <= high
 *   LIST     option_list     as STRING, but repeated options add up
 *
 * GNU rules: `--x=v` and `--x v` are the same, options and operands may be mixed, `--` ends the options, `-` is an
 * operand, the last of repeated options wins (but for LIST). Names are never completed from a prefix; an unknown one is
 * answered with the nearest known one. `-h` is --help.
 */
#ifndef FREEZETUNE_OPTIONS_H
#define FREEZETUNE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"

enum option_kind { OPTION_FLAG, OPTION_INT, OPTION_FLOAT, OPTION_STRING, OPTION_CHOICE, OPTION_SIZE, OPTION_LIST };

enum { OPTION_LIST_MOST = 16 };

/* What OPTION_LIST fills: the texts as they were given, borrowed from argv. */
struct option_list {
    size_t count;
    const char *texts[OPTION_LIST_MOST];
};

struct option {
    const char *group;       /* heading in --help; rows of a group stand together, the first group is the common one */
    const char *name;        /* without the dashes */
    const char *placeholder; /* "N", "FILE"; NULL for a flag, and for a choice, where the choices are shown */
    enum option_kind kind;
    size_t offset;       /* of the value in the command's struct */
    const char *initial; /* the default, parsed like an argument and shown in --help; NULL leaves zero bytes */
    const char *shown;   /* what --help shows instead of `initial`: "runs/1, runs/2, ..."; NULL shows `initial` */
    double low, high;    /* of INT, FLOAT and SIZE */
    const char *const *choices; /* of CHOICE, NULL-terminated; of FLOAT: words that may stand there, OPTION_WORD */
    const char *help;           /* one sentence without a full stop; wrapped to the width */
};

/* A row: `type` is the command's struct of values, `field` a member of it of the type above; what follows are the other
 * members of the row that are not NULL or 0, by name:
 *
 *   OPTION_ROW("Main", OPTION_INT, "epochs", struct values, epochs, .placeholder = "N", .initial = "10", .low = 1, ...)
 */
#define OPTION_ROW(heading, type_of_value, long_name, type, field, ...)                                                \
    {                                                                                                                  \
        .group = (heading), .kind = (type_of_value), .name = (long_name), .offset = offsetof(type, field), __VA_ARGS__ \
    }

/* The value that word i of a FLOAT's choices gives: no row allows it as a number. */
#define OPTION_WORD(i) (-1.0 - (double)(i))

struct arguments;

/* A command: cli/cmd_NAME.c exports one of these, and commands.c lists them. */
struct command {
    const char *name;
    const char *summary;     /* one line, shown in the list of commands and as the first line of its --help */
    const char *usage;       /* what follows the name: "[options] FILE" */
    const char *description; /* a paragraph or two behind the usage line, may be NULL */
    const char *examples;    /* lines, each ending in a newline, may be NULL */
    const struct option *options;
    size_t option_count;
    /* A command whose options are this one's too; its struct of values begins this one's. NULL: none. A row of
     * `options` with the name of one of them stands in its place, one without a group takes it away; the others go to
     * the end of their group, which the other command must have. Read them by command_option. */
    const struct command *like;
    size_t values_size;                   /* sizeof the struct of values; it is zeroed before the defaults are set */
    size_t operands_least, operands_most; /* SIZE_MAX for any number */
    bool shared;                          /* several processes can do it together (freezetune-mpi) */
    /* Runs the command. Results go to stdout, which main flushes and checks; progress and remarks go to stderr. */
    enum status (*run)(const struct arguments *arguments, struct error *err);
};

/* All options of the command, groups together, in the order of --help. */
size_t command_option_count(const struct command *command);
const struct option *command_option(const struct command *command, size_t i);

/* A command line, parsed. Strings are borrowed from argv. */
struct arguments {
    const struct command *command;
    void *values;          /* the command's struct */
    bool *given;           /* by number of the option: was it on the command line? */
    const char **operands; /* argv's own strings */
    size_t operand_count;
    bool help; /* --help was there: nothing else was checked */
};

/* Parses argv[0..argc-1] (what follows the command's name). The text of an error names the option and its value:
 * "--lr abc: not a number". ERR_USAGE, or ERR_SYSTEM without memory. Free with arguments_free, also after an error. */
MUST_CHECK enum status arguments_parse(struct arguments *out, const struct command *command, int argc,
                                       const char *const *argv, struct error *err);
void arguments_free(struct arguments *arguments);

/* Was the option (one that the command has) on the command line? */
bool arguments_given(const struct arguments *arguments, const char *name);

/* The shortest name that begins with `text` (three letters or more of it), else the nearest one by edit distance
 * (insert, delete, replace, swap of neighbours), NULL when none is near enough to be meant. name_at gives the i-th name
 * of count. */
const char *name_nearest(const char *text, const char *(*name_at)(const void *context, size_t i), const void *context,
                         size_t count);

#endif
