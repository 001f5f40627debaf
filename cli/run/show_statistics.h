/* The remark that running statistics do not fit the photos (core/net/bn_check.h), of predict, eval and train.
 *
 * predict and eval take the moments of their first photos as these go through the network anyway; train runs a few of
 * its training photos, spread over the classes, through it before it begins. Nothing is measured of the model of
 * a run that lies in its folder (train has measured the weights that it came from) and of random weights; nor by train
 * with --quiet, --resume, --dry-run, or where the features of all photos are in the cache: the run that put them there
 * has measured them.
 */
#ifndef FREEZETUNE_SHOW_STATISTICS_H
#define FREEZETUNE_SHOW_STATISTICS_H

#include <stdbool.h>

#include "cli/run/run_setup.h"
#include "cli/shell/json.h"
#include "core/net/bn_check.h"
#include "core/net/exec.h"

/* Begins as zeros: nothing is watched, and all calls are fine. */
struct statistics_watch {
    struct bn_moments *moments;
    struct exec *exec;
    const char *path;
    struct bn_check check; /* BN_UNKNOWN until it is over */
};

/* Watches the first of `photos` photos that `run` will see, if there are enough. `path`, borrowed, names the weights.
 * ERR_SYSTEM without memory. */
MUST_CHECK enum status statistics_watch_start(struct statistics_watch *out, struct exec *exec, const struct plan *plan,
                                              const char *path, size_t photos, struct error *err);
/* To be called after each batch, and with `end` after the last: says the remark once enough was seen, and watches no
 * longer; `check` stays. ERR_SYSTEM without memory. */
MUST_CHECK enum status statistics_watch_look(struct statistics_watch *watch, bool end, struct error *err);
/* The member "running_statistics" of eval --json; null where nothing was measured. */
void statistics_json(struct json *json, const struct bn_check *check);
/* Before the run is destroyed. */
void statistics_watch_stop(struct statistics_watch *watch);

/* Between run_setup_open and run_setup_prepare, in memory that it gives back. Photos that cannot be read are left out.
 * Errors of loader_next and plan_create. */
MUST_CHECK enum status show_statistics(const struct run_setup *setup, struct error *err);

#endif
