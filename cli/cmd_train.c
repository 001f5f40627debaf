/* freezetune train: fine-tunes a network on a folder of photos. */
#include "cli/session.h"
#include "cli/train_options.h"

enum status train_command(const struct arguments *args, struct error *err)
{
    const struct train_values *values = args->values;
    struct resumed resumed;
    train_values_complete(args);
    if (!values->resume)
        return session_run(values, NULL, err);
    enum status status = train_options_resume(&resumed, args, err);
    if (status != OK)
        return status;
    train_values_complete(&resumed.arguments);
    status = session_run(resumed.arguments.values, resumed.weights_hash, err);
    resumed_free(&resumed);
    return status;
}
