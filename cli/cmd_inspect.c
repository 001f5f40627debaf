/* freezetune inspect: what a weight file holds. */
#include <stdio.h>
#include <string.h>

#include "cli/children.h"
#include "cli/commands.h"
#include "cli/inspect_file.h"

struct values {
    bool json;
};

static const struct option options[] = {
    OPTION_ROW_FLAG("Options", "json", struct values, json, "one JSON object instead of tables"),
};

static enum status run(const struct arguments *args, struct error *err)
{
    const struct values *v = args->values;
    return inspect_file(args->operands[0], v->json, err);
}

const struct command cmd_inspect = {
    .name = "inspect",
    .summary = "what a weight file holds",
    .usage = "[options] FILE",
    .description =
        "Shows the tensors of a weight file with their types and shapes, its metadata, and the network that it fits.",
    .examples = "  freezetune inspect resnet50.safetensors\n"
                "  freezetune inspect runs/1/best.safetensors --json\n",
    .options = options,
    .option_count = sizeof options / sizeof *options,
    .values_size = sizeof(struct values),
    .operands_least = 1,
    .operands_most = 1,
    .run = run,
};
