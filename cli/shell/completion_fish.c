/* fish: lines of `complete` (complete(1) of fish). */
#include "cli/shell/completion.h"

static void quoted(FILE *out, const char *text)
{
    putc('\'', out);
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\')
            putc('\\', out);
        putc(*text, out);
    }
    putc('\'', out);
}

static void option_line(FILE *out, const struct command *command, const struct option *option,
                        const struct command *const *commands)
{
    char help[COMPLETION_HELP];
    fprintf(out, "complete -c freezetune -n '__freezetune_in %s' -l %s", command->name, option->name);
    if (option->kind != OPTION_FLAG) {
        struct completion_value value = completion_value_of(option, commands);
        if (value.kind == COMPLETION_WORDS)
            fprintf(out, " -x -a '%s'", value.words);
        else if (value.kind == COMPLETION_FOLDER)
            fputs(" -x -a '(__fish_complete_directories)'", out);
        else
            fputs(value.kind == COMPLETION_FILE ? " -r -F" : " -x", out);
    }
    fputs(" -d ", out);
    quoted(out, completion_help(help, option->help));
    putc('\n', out);
}

static void command_lines(FILE *out, const struct command *command, const struct command *const *commands)
{
    struct completion_value operand = completion_operand_of(command);
    fprintf(out, "\ncomplete -c freezetune -n __freezetune_first -a %s -d ", command->name);
    quoted(out, command->summary);
    putc('\n', out);
    for (size_t i = 0; i < command_option_count(command); i++)
        option_line(out, command, command_option(command, i), commands);
    fprintf(out, "complete -c freezetune -n '__freezetune_in %s' -l help -d 'show this help'\n", command->name);
    if (operand.kind == COMPLETION_WORDS)
        fprintf(out, "complete -c freezetune -n '__freezetune_in %s 2' -f -a '%s'\n", command->name, operand.words);
}

void completion_fish(FILE *out, const struct command *const *commands)
{
    fputs("# Written by freezetune --completion fish.\n\n"
          "function __freezetune_first\n"
          "    test (count (commandline -opc)) -eq 1\n"
          "end\n\n"
          "# __freezetune_in COMMAND [WORDS]: is it this command, and are there so many words before the cursor?\n"
          "function __freezetune_in\n"
          "    set -l words (commandline -opc)\n"
          "    test (count $words) -ge 2; and test \"$words[2]\" = $argv[1]; or return 1\n"
          "    not set -q argv[2]; or test (count $words) -eq $argv[2]\n"
          "end\n\n"
          "complete -c freezetune -n __freezetune_first -f -l help -d 'show the help'\n"
          "complete -c freezetune -n __freezetune_first -f -l version -d 'show the version'\n"
          "complete -c freezetune -n __freezetune_first -x -l completion -a 'bash zsh fish' -d 'print a completion'\n"
          "complete -c freezetune -n '__freezetune_in help' -f -a '",
          out);
    for (size_t i = 0; commands[i]; i++)
        fprintf(out, "%s%s", i ? " " : "", commands[i]->name);
    fputs("'\n", out);
    for (size_t i = 0; commands[i]; i++)
        command_lines(out, commands[i], commands);
}
