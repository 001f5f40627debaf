/* zsh: a function for _arguments (zshcompsys(1)). */
#include <string.h>

#include "cli/shell/completion.h"

/* Within single quotes, with a backslash before each of `special`. */
static void quoted(FILE *out, const char *text, const char *special)
{
    for (; *text; text++) {
        if (*text == '\'') {
            fputs("'\\''", out);
            continue;
        }
        if (strchr(special, *text))
            putc('\\', out);
        putc(*text, out);
    }
}

static void value_action(FILE *out, const struct completion_value *value)
{
    if (value->kind == COMPLETION_WORDS)
        fprintf(out, "(%s)", value->words);
    else if (value->kind == COMPLETION_FOLDER)
        fputs("_files -/", out);
    else if (value->kind == COMPLETION_FILE)
        fputs("_files", out);
}

static void option_line(FILE *out, const struct option *option, const struct command *const *commands)
{
    char help[COMPLETION_HELP];
    bool flag = option->kind == OPTION_FLAG;
    fprintf(out, " \\\n        '%s--%s%s[", option->kind == OPTION_LIST ? "*" : "", option->name, flag ? "" : "=");
    quoted(out, completion_help(help, option->help), "[]:\\");
    putc(']', out);
    if (!flag) {
        struct completion_value value = completion_value_of(option, commands);
        putc(':', out);
        quoted(out, option->placeholder ? option->placeholder : option->name, "[]:\\");
        putc(':', out);
        value_action(out, &value);
    }
    putc('\'', out);
}

static void command_case(FILE *out, const struct command *command, const struct command *const *commands)
{
    struct completion_value operand = completion_operand_of(command);
    fprintf(out, "    %s)\n        _arguments -S", command->name);
    for (size_t i = 0; i < command_option_count(command); i++)
        option_line(out, command_option(command, i), commands);
    fputs(" \\\n        '--help[show this help]'", out);
    if (operand.kind == COMPLETION_WORDS)
        fprintf(out, " \\\n        '1:action:(%s)'", operand.words);
    fputs(" \\\n        '*:file:_files'\n        ;;\n", out);
}

void completion_zsh(FILE *out, const struct command *const *commands)
{
    fputs("#compdef freezetune\n"
          "# Written by freezetune --completion zsh.\n\n"
          "_freezetune() {\n"
          "    local -a commands\n"
          "    commands=(\n",
          out);
    for (size_t i = 0; commands[i]; i++) {
        fprintf(out, "        '%s:", commands[i]->name);
        quoted(out, commands[i]->summary, ":\\");
        fputs("'\n", out);
    }
    fputs("    )\n"
          "    if ((CURRENT == 2)); then\n"
          "        _describe -t commands command commands\n"
          "        compadd -- --help --version --completion\n"
          "        return\n"
          "    fi\n"
          "    shift words\n"
          "    ((CURRENT--))\n"
          "    case $words[1] in\n"
          "    --completion)\n"
          "        compadd -- bash zsh fish\n"
          "        ;;\n"
          "    help)\n"
          "        _describe -t commands command commands\n"
          "        ;;\n",
          out);
    for (size_t i = 0; commands[i]; i++)
        command_case(out, commands[i], commands);
    fputs("    esac\n"
          "}\n\n"
          "# Read by compinit, or by source.\n"
          "if [[ $funcstack[1] == _freezetune ]]; then\n"
          "    _freezetune \"$@\"\n"
          "else\n"
          "    compdef _freezetune freezetune\n"
          "fi\n",
          out);
}
