/* freezetune train: fine-tunes a network on a folder of photos. */
#include "cli/run/folds.h"
#include "cli/shell/paths.h"
#include "cli/run/session.h"
#include "cli/run/train_options.h"

static enum status run(const struct arguments *args, const struct resumed *resumed, struct error *err)
{
    const struct train_values *values = args->values;
    struct session_options options = {.weights_hash = resumed ? resumed->weights_hash : NULL};
    struct session_end end;
    if (values->folds && !values->fold && values->profile)
        return error_set(err, ERR_USAGE, "--profile is of one run: not with --folds");
    if (values->folds && !values->fold)
        return folds_run(args, resumed, err);
    return session_run(&end, values, &options, err);
}

enum status train_command(const struct arguments *args, struct error *err)
{
    const struct train_values *values = args->values;
    struct resumed resumed;
    train_values_complete(args);
    if (!values->resume) {
        enum status status = train_values_check(args, err);
        if (status == OK && !values->dry_run)
            status = path_run_check(values->out, err);
        return status == OK ? run(args, NULL, err) : status;
    }
    enum status status = train_options_resume(&resumed, args, err);
    if (status != OK)
        return status;
    train_values_complete(&resumed.arguments);
    status = run(&resumed.arguments, &resumed, err);
    resumed_free(&resumed);
    return status;
}
