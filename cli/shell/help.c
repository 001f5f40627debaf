#include "cli/shell/help.h"

#include <stdlib.h>
#include <string.h>

#include "cli/shell/term.h"
#include "cli/shell/version.h"
#include "cli/shell/wrap.h"

enum { INDENT = 26 }; /* the column of the sentences */

/* Writes `text` from `column`, continued at column `indent`, and ends the line. */
static void wrap(FILE *out, const char *text, int column, int indent, int width)
{
    text_wrap(out, text, (struct wrap){.width = (size_t)width, .column = (size_t)column, .indent = (size_t)indent});
    putc('\n', out);
}

/* What is laid out by hand, or for a shell, is wrapped on a terminal only: programs read it elsewhere. */
static void wrap_lines(FILE *out, const char *text, bool command)
{
    text_wrap(out, text, (struct wrap){.width = term_limit(out), .indent = WRAP_LABEL, .command = command});
}

/* "  --schedule constant|step|cosine"; returns where the line ends. */
static int write_name(FILE *out, const struct option *option)
{
    char text[1024];
    size_t used = (size_t)snprintf(text, sizeof text, "  --%s", option->name);
    if (option->kind == OPTION_CHOICE)
        for (size_t i = 0; option->choices[i] && used < sizeof text; i++)
            used += (size_t)snprintf(text + used, sizeof text - used, "%c%s", i ? '|' : ' ', option->choices[i]);
    else if (option->kind != OPTION_FLAG)
        snprintf(text + used, sizeof text - used, " %s", option->placeholder);
    text_wrap(out, text, (struct wrap){.width = term_limit(out), .indent = 6});
    return (int)strlen(text);
}

static void write_option(FILE *out, const struct option *option, int width)
{
    char text[1024];
    const char *shown = option->shown ? option->shown : option->initial;
    int column = write_name(out, option);
    if (column > INDENT - 2) {
        putc('\n', out);
        column = 0;
    }
    fprintf(out, "%*s", INDENT - column, "");
    snprintf(text, sizeof text, shown ? "%s (default: %s)" : "%s", option->help, shown);
    wrap(out, text, INDENT, INDENT, width);
}

static void write_help_row(FILE *out)
{
    fprintf(out, "  %-*s%s\n", INDENT - 2, "--help", "show this help");
}

void command_help(FILE *out, const struct command *command, int width)
{
    const char *group = NULL;
    bool first_group = true;
    char usage[512];
    snprintf(usage, sizeof usage, "usage: freezetune %s %s", command->name, command->usage);
    text_wrap(out, usage, (struct wrap){.width = term_limit(out), .indent = 7});
    fputs("\n\n", out);
    wrap(out, command->summary, 0, 0, width);
    if (command->description) {
        putc('\n', out);
        wrap(out, command->description, 0, 0, width);
    }
    if (command_option_count(command) == 0)
        fputs("\nOptions:\n", out);
    for (size_t i = 0; i < command_option_count(command); i++) {
        const struct option *option = command_option(command, i);
        if (i == 0 || strcmp(group, option->group) != 0) {
            if (first_group && i)
                write_help_row(out);
            first_group = i == 0;
            group = option->group;
            fprintf(out, "\n%s:\n", group);
        }
        write_option(out, option, width);
    }
    if (first_group)
        write_help_row(out);
    if (command->examples) {
        fputs("\nExamples:\n", out);
        wrap_lines(out, command->examples, true);
    }
}

void program_help(FILE *out, const struct command *const *commands, int width)
{
    fputs("usage: freezetune COMMAND [options]\n\n", out);
    wrap(out,
         "freezetune fine-tunes a pretrained ResNet-50 on folders of photos, on the CPU. It freezes the first children "
         "of the network and trains the rest.",
         0, 0, width);
    fputs("\nCommands:\n", out);
    for (size_t i = 0; commands[i]; i++) {
        fprintf(out, "  %-10s", commands[i]->name);
        wrap(out, commands[i]->summary, 12, 12, width);
    }
    wrap_lines(out,
               "\nStart with a folder of photos, data/train/CLASS/*.jpg and data/val/CLASS/*.jpg:\n"
               "  freezetune train --freeze-until 6\n"
               "  freezetune predict --model runs/1/best.safetensors PHOTO\n"
               "\nOptions:\n",
               false);
    fputs("  --help      ", out);
    wrap(out, "show this help; freezetune COMMAND --help, or freezetune help COMMAND, shows the help of a command", 14,
         14, width);
    wrap_lines(
        out,
        "  --version   show the version, the libraries and the instruction set in use\n"
        "  --completion bash|zsh|fish\n"
        "              print the completion for this shell\n"
        "\nEnvironment:\n"
        "  FREEZETUNE_WEIGHTS  the pretrained weights, where --weights is not given\n"
        "  FREEZETUNE_CPU      plain, avx2 or avx512: use no wider vectors than these, nor, with avx512, AVX512_BF16\n"
        "                      and AMX; avx512bf16: use it, and no AMX; on aarch64 plain or neon\n"
        "  SLURM_CPUS_PER_TASK use no more threads than these, where --threads is not given\n"
        "\nExit codes:\n"
        "  0    done\n"
        "  1    the answer is no: diff found a difference, the accuracy is below --assert-accuracy, or sweep --finish "
        "misses combinations\n"
        "  64   the command line is wrong\n"
        "  65   a photo (all others are processed), a folder of photos or a weight file is wrong\n"
        "  66   an input is missing, or a class has no photo that can be read now\n"
        "  70   a promise of freezetune broke: the frozen weights changed, or an internal check failed\n"
        "  71   the system refused: memory, threads, file descriptors\n"
        "  73   an output cannot be created\n"
        "  74   reading or writing failed\n"
        "  75   stopped by SIGUSR1, after saving the work so far: run it again with --resume\n"
        "  78   the training diverged: a lower --lr or a longer --warmup may help\n"
        "  130  stopped by Ctrl-C (143: by SIGTERM), after saving the work so far\n"
        "  141  the reader of the output went away\n"
        "\nResults go to stdout, progress and remarks to stderr. NO_COLOR is respected.\n",
        false);
}

void program_version(FILE *out)
{
    fprintf(out, "freezetune %s\n", FREEZETUNE_VERSION);
    for (size_t i = 0; i < version_part_count(); i++) {
        char text[256];
        struct version_part part = version_part(i, true, text);
        say(out, "%-14s%s", part.name, part.text);
    }
}
