/* The remarks of train on photos that it skips: the first at once, the others of the same pass in one line at its
 * end. Photos that were away in the epoch before are not told of again; the line of the epoch counts them. */
#ifndef FREEZETUNE_SHOW_SKIPPED_H
#define FREEZETUNE_SHOW_SKIPPED_H

#include <limits.h>

#include "cli/run/run_setup.h"

/* Of one kind in one pass. */
struct skipped_burst {
    size_t count;
    uint32_t class;       /* of the first */
    bool several;         /* classes */
    char first[PATH_MAX]; /* path */
    char reason[256];
};

/* Begins as {.training = ...}. */
struct show_skipped {
    const struct run_setup *setup;
    struct skipped_burst bad, away;
    size_t again;          /* away as before, in this pass */
    size_t away_before[2]; /* all that were away in the newest pass over training, validation photos */
};

/* The hooks on_skipped and on_pass_end of train.h. */
void show_skipped_photo(struct show_skipped *report, bool val, const struct photo_fault *photo, bool again);
void show_skipped_pass_end(struct show_skipped *report, bool val);

#endif
