#include "cli/run/cache_fill.h"

#include <stdio.h>

#include "cli/run/run_memory.h"
#include "cli/run/run_setup.h"
#include "cli/run/show_skipped.h"
#include "cli/shell/progress.h"
#include "cli/shell/remark.h"
#include "cli/shell/signals.h"
#include "core/train/train_fill.h"

/* What the hooks work on. */
struct fill {
    struct progress line;
    struct show_skipped skipped;
    size_t all; /* of the line */
};

static void on_features(void *context, size_t done, size_t all)
{
    struct fill *fill = context;
    if (fill->all != all) {
        progress_end(&fill->line);
        progress_start(&fill->line, "frozen part", "photos", all);
        fill->all = all;
    }
    progress_update(&fill->line, done, NULL);
}

static void on_skipped(void *context, bool val, const struct photo_fault *photo, bool again)
{
    show_skipped_photo(&((struct fill *)context)->skipped, val, photo, again);
}

static void on_pass_end(void *context, bool val)
{
    show_skipped_pass_end(&((struct fill *)context)->skipped, val);
}

static bool should_stop(void *context)
{
    (void)context;
    return signals_stop();
}

static void tell(const struct train_filled *filled, size_t part, size_t parts)
{
    size_t computed = filled->pixels + filled->advanced;
    if (parts > 1)
        printf("part %zu of %zu: ", part, parts);
    printf("%zu features, %zu were there, %zu computed", filled->all, filled->there, computed);
    if (filled->advanced > 0)
        printf(" (%zu of them from shallower ones)", filled->advanced);
    putchar('\n');
    if (filled->stopped)
        remark("stopped: the same command goes on");
}

static void tell_bad(const struct run_setup *setup)
{
    const struct scan_bad *first = setup->scan.bad;
    if (setup->scan.bad_count == 0)
        return;
    const struct photo_list *list = first->val ? &setup->dataset.val : &setup->dataset.train;
    remark("photos that cannot be read and are left out: %zu, such as %s: %s", setup->scan.bad_count,
           photo_name(list, first->photo), first->reason);
}

enum status cache_fill(const struct train_values *values, size_t part, size_t parts, struct error *err)
{
    struct train_values own = *values;
    struct run_setup setup;
    struct train_filled filled;
    struct fill fill = {.skipped = {.setup = &setup}};
    const struct train_hooks hooks = {.context = &fill,
                                      .on_features = on_features,
                                      .on_skipped = on_skipped,
                                      .on_pass_end = on_pass_end,
                                      .should_stop = should_stop};
    own.cache = CACHE_DISK;
    enum status status = run_setup_open(&setup, &own, NULL, err);
    if (status == OK)
        status = run_memory_check(run_memory(&setup, setup.train), err);
    if (status == OK)
        status = run_setup_prepare(&setup, err);
    if (status == OK) {
        remark("cache: %s", setup.cache);
        tell_bad(&setup);
        signals_catch();
        status = train_fill(&filled, setup.train, part - 1, parts, &hooks, err);
        progress_end(&fill.line);
    }
    if (status == OK)
        tell(&filled, part, parts);
    run_setup_close(&setup);
    return status;
}
