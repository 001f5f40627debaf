#include "cli/shell/completion.h"

#include <ctype.h>
#include <string.h>

extern const char completion_bash[]; /* docs/completion.bash, by the Makefile */

bool completion_print(FILE *out, const char *shell, const struct command *const *commands)
{
    if (strcmp(shell, "bash") == 0)
        fputs(completion_bash, out);
    else if (strcmp(shell, "zsh") == 0)
        completion_zsh(out, commands);
    else if (strcmp(shell, "fish") == 0)
        completion_fish(out, commands);
    else
        return false;
    return true;
}

static void add_word(struct completion_value *value, const char *word, size_t length)
{
    size_t used = strlen(value->words);
    if (used + length + 2 > sizeof value->words)
        return;
    snprintf(value->words + used, sizeof value->words - used, "%s%.*s", used ? " " : "", (int)length, word);
    value->kind = COMPLETION_WORDS;
}

/* The children that may be frozen: all but the last of "(conv1, bn1, ..., fc are 1 to 10)" in train's help. */
static void add_children(struct completion_value *value, const struct command *const *commands)
{
    for (size_t i = 0; commands[i]; i++) {
        const char *text = commands[i]->description, *at = text ? strstr(text, "(conv1, ") : NULL;
        const char *end = at ? strstr(at, " are 1 to ") : NULL;
        if (!end)
            continue;
        for (at++; at < end; at += strcspn(at, " ") + 1)
            if (at[strcspn(at, ", ")] == ',')
                add_word(value, at, strcspn(at, ", "));
        return;
    }
}

struct completion_value completion_value_of(const struct option *option, const struct command *const *commands)
{
    struct completion_value value = {COMPLETION_NOTHING, ""};
    const char *placeholder = option->placeholder ? option->placeholder : "";
    for (size_t i = 0; option->choices && option->choices[i]; i++)
        add_word(&value, option->choices[i], strlen(option->choices[i]));
    if (strcmp(option->name, "freeze-until") == 0)
        add_children(&value, commands);
    if (value.kind == COMPLETION_WORDS || (option->kind != OPTION_STRING && option->kind != OPTION_LIST))
        return value;
    if (strcmp(placeholder, "DIR") == 0)
        value.kind = COMPLETION_FOLDER;
    else if (strstr(placeholder, "FILE") || strstr(placeholder, "RUN") || strstr(placeholder, "MODEL"))
        value.kind = COMPLETION_FILE; /* a run is a folder, but its files will do in most places */
    return value;
}

struct completion_value completion_operand_of(const struct command *command)
{
    struct completion_value value = {COMPLETION_FILE, ""};
    const char *usage = command->usage;
    size_t length = strcspn(usage, " ");
    if (!islower((unsigned char)usage[0]) || !memchr(usage, '|', length))
        return value;
    for (size_t at = 0; at < length; at += strcspn(usage + at, "| ") + 1)
        add_word(&value, usage + at, strcspn(usage + at, "| "));
    return value;
}

char *completion_help(char out[COMPLETION_HELP], const char *help)
{
    size_t length = strcspn(help, ";(");
    while (length > 0 && help[length - 1] == ' ')
        length--;
    if (length < COMPLETION_HELP) {
        snprintf(out, COMPLETION_HELP, "%.*s", (int)length, help);
        return out;
    }
    length = COMPLETION_HELP - sizeof "...";
    while (length > 0 && help[length] != ' ')
        length--;
    snprintf(out, COMPLETION_HELP, "%.*s...", (int)length, help);
    return out;
}
