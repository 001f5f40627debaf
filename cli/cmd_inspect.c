/* freezetune inspect: what a weight file holds, or what a network would take. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/report/inspect_arch.h"
#include "cli/report/inspect_file.h"
#include "cli/shell/choice_options.h"
#include "cli/shell/engine_options.h"
#include "models/resnet.h"

struct values {
    struct engine_options engine;
    struct weight_choice choice;
    const char *freeze_until;
    int arch, bn_frozen, bn_trained;
    long long batch_size, image_size, classes;
    bool json;
};

static const struct option options[] = {
    OPTION_ROW("Common", OPTION_FLAG, "json", struct values, json, .help = "print one JSON object instead of tables"),
    CHOICE_ROWS("Common", struct values, choice),
    OPTION_ROW("Network", OPTION_CHOICE, "arch", struct values, arch, .choices = resnet_names, .initial = "resnet50",
               .help = "describe this network instead of a file"),
    OPTION_ROW("Network", OPTION_STRING, "freeze-until", struct values, freeze_until, .placeholder = "N",
               .initial = "0", .help = "freeze children 1 to N; a number or a child's name"),
    OPTION_ROW("Network", OPTION_INT, "batch-size", struct values, batch_size, .placeholder = "N", .initial = "16",
               .low = 1, .high = 4096, .help = "plan for N photos in a step"),
    OPTION_ROW("Network", OPTION_INT, "image-size", struct values, image_size, .placeholder = "N", .initial = "224",
               .low = 1, .high = 16384, .help = "set the input size: squares of N pixels a side"),
    OPTION_ROW("Network", OPTION_INT, "classes", struct values, classes, .placeholder = "N", .initial = "1000",
               .low = 1, .high = 1000000, .help = "give the last layer N outputs"),
    OPTION_ROW("Network", OPTION_CHOICE, "bn-frozen", struct values, bn_frozen, .choices = bn_choices,
               .initial = "eval",
               .help = "set how BatchNorm of frozen children works: eval keeps its statistics fixed; batch uses batch "
                       "statistics and updates the running ones"),
    OPTION_ROW("Network", OPTION_CHOICE, "bn-trained", struct values, bn_trained, .choices = bn_choices,
               .initial = "batch", .help = "set the same for BatchNorm of trained children"),
    ENGINE_ROW_THREADS(struct values),
    ENGINE_ROW_CONV(struct values),
    ENGINE_ROW_PRECISION(struct values),
};

/* An option of the network on the command line of a file would do nothing: better refused than ignored. */
static enum status refuse_network_options(const struct arguments *args, struct error *err)
{
    for (size_t i = 0; i < args->command->option_count; i++)
        if (args->given[i] && strcmp(args->command->options[i].group, "Common") != 0)
            return error_set(err, ERR_USAGE, "--%s cannot be combined with a FILE: it describes a network",
                             args->command->options[i].name);
    return OK;
}

static enum status run(const struct arguments *args, struct error *err)
{
    static const char *const of_files[] = {"key", "prefix"};
    const struct values *v = args->values;
    if (args->operand_count) {
        enum status status = refuse_network_options(args, err);
        return status == OK ? inspect_file(args->operands[0], &v->choice, v->json, err) : status;
    }
    for (size_t i = 0; i < sizeof of_files / sizeof *of_files; i++)
        if (arguments_given(args, of_files[i]))
            return error_set(err, ERR_USAGE, "--%s chooses within a FILE: give one", of_files[i]);
    if (!arguments_given(args, "arch"))
        return error_set(err, ERR_USAGE, "name a FILE, or a network with --arch resnet50");
    const struct inspect_arch what = {.arch = resnet_names[v->arch],
                                      .freeze_until = v->freeze_until,
                                      .bn_frozen = (enum bn_mode)v->bn_frozen,
                                      .bn_trained = (enum bn_mode)v->bn_trained,
                                      .classes = (size_t)v->classes,
                                      .batch = (size_t)v->batch_size,
                                      .image_size = (size_t)v->image_size,
                                      .threads = engine_threads(&v->engine),
                                      .conv = (enum conv_engine)v->engine.conv,
                                      .precision = (enum precision)v->engine.precision,
                                      .json = v->json};
    enum status status = engine_check(&v->engine, err);
    return status == OK ? inspect_arch(&what, err) : status;
}

const struct command cmd_inspect = {
    .name = "inspect",
    .summary = "show the contents of a weight file, or the memory and work of a network",
    .usage = "[options] FILE | --arch NAME",
    .description =
        "Shows the tensors of a weight file with their types and shapes, its metadata, and the network that it fits. "
        "With --arch, shows the children of a network, which of them --freeze-until freezes, and the memory and work "
        "of training the rest.",
    .examples = "  freezetune inspect runs/1/best.safetensors\n"
                "  freezetune inspect --arch resnet50 --freeze-until 6 --batch-size 16\n",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .values_size = sizeof(struct values),
    .operands_least = 0,
    .operands_most = 1,
    .run = run,
};
