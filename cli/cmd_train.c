/* freezetune train: fine-tunes a network on a folder of photos. */
#include "cli/commands.h"
#include "cli/run/folds.h"
#include "cli/run/follow.h"
#include "cli/run/job_time.h"
#include "cli/run/ranks.h"
#include "cli/run/session.h"
#include "cli/run/train_line.h"
#include "cli/shell/group.h"
#include "cli/shell/signals.h"

static enum status run(const struct arguments *args, const struct resumed *resumed, struct error *err)
{
    const struct train_values *values = args->values;
    struct session_options options = {.weights_hash = resumed ? resumed->weights_hash : NULL};
    struct session_end end;
    if (values->folds && !values->fold && values->profile)
        return error_set(err, ERR_USAGE, "--profile cannot be combined with --folds");
    if (group_peers()->rank > 0)
        return follow_run(values, options.weights_hash, err);
    if (values->folds && !values->fold)
        return folds_run(args, resumed, err);
    return session_run(&end, values, &options, err);
}

static enum status train(const struct arguments *args, struct error *err)
{
    struct train_line line;
    signals_catch_save();
    enum status status = train_line_open(&line, args, err);
    if (status == OK)
        status = job_time_start(line.args->values, err);
    if (status == OK)
        status = ranks_check(line.args->values, err);
    status = ranks_settle(status, err); /* none of them begins unless all do */
    if (status == OK)
        status = run(line.args, line.resumed, err);
    train_line_close(&line);
    return status;
}

const struct command cmd_train = {
    .name = "train",
    .summary = "fine-tune a network on a folder of photos with its first children frozen",
    .usage = "[options]",
    .description =
        "Freezes the first N children of the network (conv1, bn1, relu, maxpool, layer1, layer2, layer3, layer4, "
        "avgpool, fc are 1 to 10) and trains the rest. Before the first step it shows the frozen children, the memory, "
        "work, disk and time; at the end it compares every frozen tensor with the file it came from. Ctrl-C finishes "
        "the step and saves, as SIGUSR1 does with exit code 75; --resume continues to the same result, byte for byte. If the photos have other classes "
        "than the weights, the last layer is re-initialised.",
    .examples = "  freezetune train --freeze-until 6\n"
                "  freezetune train --data photos --val-split 0.2 --weights resnet50.safetensors\n"
                "  freezetune train --freeze-until layer4 --lr 0.01 --dry-run\n"
                "  freezetune train --head-first 3 --unfreeze-at 8:4 --lr-decay-by-child 0.5\n"
                "  freezetune train --data photos --folds 5 --lr find\n"
                "  freezetune train --resume runs/1\n"
                "  freezetune train --options runs/1 --seed 2 --resume-or-start runs/seed-2\n",
    .like = &train_table,
    .values_size = sizeof(struct train_values),
    .shared = true,
    .run = train,
};
