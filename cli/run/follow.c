#include "cli/run/follow.h"

#include "cli/run/ranks.h"
#include "cli/run/record_folder.h"
#include "cli/run/record_photos.h"
#include "cli/run/run_memory.h"
#include "cli/run/run_setup.h"
#include "cli/shell/signals.h"

static bool should_stop(void *context)
{
    (void)context;
    return signals_stop();
}

static enum status on_epoch(void *context, const struct epoch_result *epoch, struct error *err)
{
    (void)context;
    (void)epoch;
    (void)err;
    return OK;
}

static enum status save(void *context, struct error *err)
{
    (void)context;
    (void)err;
    return OK;
}

static enum status prepare(struct run_setup *setup, const struct train_values *values, const char *weights_hash,
                           struct error *err)
{
    enum status status = run_setup_open(setup, values, weights_hash, err);
    if (status == OK && values->resume)
        status = record_photos_check(&setup->changed, &setup->photos_stale, setup, values->resume,
                                     values->accept_changed_photos, false, err);
    if (status == OK)
        status = run_memory_check(run_memory(setup, setup->train), err);
    return status == OK && !values->dry_run ? run_setup_prepare(setup, err) : status;
}

enum status follow_run(const struct train_values *values, const char *weights_hash, struct error *err)
{
    static const struct train_hooks hooks = {.should_stop = should_stop, .on_epoch = on_epoch, .save = save};
    const struct train_limits limits = {.save_every = 0, .save_least = 0};
    struct run_setup setup;
    enum status status = ranks_begin(&setup, prepare(&setup, values, weights_hash, err), err);
    if (status == OK && !values->dry_run) {
        status = ranks_settle(values->resume ? record_folder_follow(&setup, err) : OK, err);
        signals_catch();
        if (status == OK)
            status = train_run(setup.train, &limits, &hooks, err);
    }
    run_setup_close(&setup);
    return status;
}
