/* Filling the feature cache without training: what a run would compute of its frozen part before its epochs. */
#ifndef FREEZETUNE_TRAIN_FILL_H
#define FREEZETUNE_TRAIN_FILL_H

#include "core/train/train.h"

/* Entries of the part: photos of the same bytes share one. */
struct train_filled {
    size_t all, there;       /* all of them; those that were there before */
    size_t pixels, advanced; /* computed from photos, and from the features of a shallower cut */
    bool stopped;            /* should_stop said so */
};

/* After train_prepare, in the place of train_run: computes part `part` (from 0) of `parts` of all features that the run
 * would keep, of every stage that keeps some, training and validation. Of the hooks on_features, on_skipped,
 * on_pass_end and should_stop are called. ERR_CANTCREATE when they cannot be kept any more; ERR_SYSTEM; errors of the
 * loader. */
MUST_CHECK enum status train_fill(struct train_filled *out, struct train *train, size_t part, size_t parts,
                                  const struct train_hooks *hooks, struct error *err);

#endif
