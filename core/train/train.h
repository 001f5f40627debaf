/* Training: epochs over the photos, an evaluation after each, and hooks to watch and to save.
 *
 *   train_create   checks the options and makes the plans: everything is known, nothing large is allocated (--dry-run)
 *   train_prepare  allocates: optimizer, activations, loaders
 *   train_run      the loop (train_loop.c shows it); ends when all epochs are done, or as train_end says
 *
 * One step: a batch from the loader, forward, cross-entropy, backward, and each parameter updated as soon as its
 * gradient is complete; a recipe (recipe.h) may change the loss and the update. The order of epoch e is rng_shuffle
 * with (seed, RNG_ORDER, e), crops and flips follow (seed, RNG_AUGMENT, e, photo): a run is a function of its options
 * and files, whatever the number of threads and however often it was stopped and resumed (checkpoint.h).
 *
 * The last batch of an epoch holds what is left. Where that is too little for BatchNorm with batch statistics (a single
 * value per channel, where PyTorch raises an error), it is left out: those photos have their turn in the next epoch's
 * order. epoch_result.left_out counts them.
 *
 * With `unfreezing` the freeze point goes down between epochs; a stage (stage.h) is all that depends on it, and
 * train_run puts one in the place of another.
 *
 * The output of the frozen prefix for a photo may be kept and used again (feature_cache.h): the run ends with the same
 * bytes as without.
 *
 * With `peers` the same run is made by several processes, each of which has all options, photos and weights and
 * computes a block of the pieces of every batch (--micro-batch); the bytes are those of one process with the same
 * pieces. Rank 0 is to write the files: the hooks of the others may do nothing. What one of them is asked to do
 * (should_stop, the deadline of rank 0) or fails to do, all do after the same step.
 *
 * The evaluation is evaluate() over the validation photos with an inference plan; it works in the training run's arena.
 */
#ifndef FREEZETUNE_TRAIN_H
#define FREEZETUNE_TRAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/threads.h"
#include "core/data/dataset.h"
#include "core/data/loader.h"
#include "core/features/feature_cache.h"
#include "core/features/feature_plan.h"
#include "core/net/freeze.h"
#include "core/net/net.h"
#include "core/net/plan.h"
#include "core/net/profile.h"
#include "core/train/absence.h"
#include "core/train/metrics.h"
#include "core/train/optimizer.h"
#include "core/train/peers.h"
#include "core/train/rates.h"
#include "core/train/recipe.h"
#include "core/train/schedule.h"
#include "core/train/unfreeze.h"

struct train_options {
    uint64_t seed;        /* of the order */
    struct freeze freeze; /* of the first epoch */
    struct unfreezing unfreezing;
    struct child_rates rates;
    size_t patience; /* epochs without a better evaluation after which the run ends; 0: it does not */
    enum conv_engine conv;
    enum precision precision;
    enum augment augment;
    size_t views; /* that training goes round, see photo_view.h; 0: a new one of each photo in every epoch */
    struct cache_options cache;
    struct optimizer_options optimizer;
    struct recipe_options recipe;
    struct schedule schedule;     /* with epochs; steps_per_epoch is filled in here */
    struct loader_options loader; /* with batch, preprocess and the seed of the augmentation; `strict` for both lists */
    size_t usable;                /* training photos not known to be bad */
    const struct peers *peers;    /* who trains along, borrowed; NULL: nobody */
    size_t repeats, val_repeats; /* of these and of val, repeats of an earlier photo's bytes; train counts before val */
    bool profile;                /* measure where the time goes, for train_times and train_profile */
};

/* What a run needs. Bytes; operations of one photo. The most over all stages. */
struct train_needs {
    size_t weights, optimizer, network, photos, cache;
    size_t network_bf16;               /* that of the same run in bfloat16; 0 with CONV_IM2COL, which has none */
    size_t metrics;                    /* counts of classes, predictions, gradients of logits */
    size_t gradients, average, mixing; /* of a recipe */
    size_t steps_per_epoch;
    double step_flops, evaluation_flops;
};

/* The epochs of one freeze point. */
struct train_stage {
    size_t epoch, epochs; /* the first, from 0; how many */
    int until;
    double step_flops;
    double features_flops;     /* the part of it, and of an evaluation, that a cache saves */
    double from_flops;         /* the part of that which the features of cache.from save */
    struct feature_plan cache; /* as planned */
};

/* Where a run is. Everything that --resume needs besides the tensors; written and read by checkpoint.h. */
struct train_state {
    size_t epoch;           /* running, from 0; `epochs` when all is done */
    size_t position, batch; /* in the epoch: entries of the order used up, steps done */
    size_t step;            /* steps done in the whole run */
    size_t steps_per_epoch; /* as planned at the start, of the stage with the most: photos found bad on the way do not
                               change the schedule */
    size_t left_out;
    size_t uncompared, uncompared_lately; /* epochs that could not be compared (epoch_result); those of them after the
                                             best one and within the last stage: --patience does not count them */
    size_t count, top1;                   /* of the epoch's training photos so far: seen, right */
    double loss_sum;
    bool has_best, best_uncompared; /* the best is one that could not be compared: there was no other */
    size_t best_epoch;
    size_t best_photos, best_right; /* validated in it; of these, right */
    double best_accuracy, best_loss;
    double seconds; /* spent on the running epoch before the state was saved; 0 between two epochs */
};

struct train;

/* Sets the net's trainable flags as the last stage wants them, train_prepare as the first. Plans every stage, so that
 * none of them fails later for what could be known. Borrows net, dataset and pool. ERR_USAGE for options that do not go
 * together, a batch that BatchNorm cannot use, an image too small; ERR_DATA when there are too few photos for one step;
 * ERR_SYSTEM. */
MUST_CHECK enum status train_create(struct train **out, struct net *net, const struct dataset *dataset,
                                    const struct train_options *options, struct pool *pool, struct error *err);
void train_destroy(struct train *train);

struct train_needs train_needs(const struct train *train);
size_t train_stage_count(const struct train *train);
struct train_stage train_stage_get(const struct train *train, size_t index);
/* Whether the current stage keeps features, and where: train_prepare may find that the planned cache cannot be used.
 * Borrowed. */
const struct feature_plan *train_cache(const struct train *train);
/* The plan of the training pass, borrowed until the stage changes: before train_prepare that of the last stage, which
 * has the most work. */
const struct plan *train_plan(const struct train *train);
/* Whether, with peers, each rank makes every step of that stage by itself, as its features are kept and it trains the
 * last child alone: then a step sends nothing. */
bool train_is_whole(const struct train *train);
/* The frozen children of the current stage. After train_run: those that stayed frozen to the end. */
const struct freeze *train_freeze(const struct train *train);

/* The net's parameters must be loaded. ERR_SYSTEM without memory or threads. */
MUST_CHECK enum status train_prepare(struct train *train, struct error *err);

/* After train_prepare, before train_run: a photo of a list is known to be bad (from the scan). */
MUST_CHECK enum status train_mark_bad(struct train *train, bool val, uint32_t photo, const char *reason,
                                      struct error *err);
/* The content of a photo is no longer what it was when it was found bad: it is tried again. */
void train_forgive(struct train *train, bool val, uint32_t photo);
/* Photos of a list that are skipped: bad ones, the marked ones included, and those away in the newest pass. */
size_t train_skipped_count(const struct train *train, bool val);
struct photo_fault train_skipped_get(const struct train *train, bool val, size_t index);
/* Of these, bad for good. */
size_t train_bad_count(const struct train *train, bool val);
/* Photos of a list that were away in some epoch so far. Borrowed. */
const struct absence *train_absence(const struct train *train, bool val);
/* The content hash of a photo's file as loader_hash, where this process has read it; else 0. */
uint64_t train_photo_hash(const struct train *train, bool val, uint32_t photo);
/* Photos of a list so far that are damaged and used all the same, as far as they were decoded. */
size_t train_damaged_count(const struct train *train, bool val);
bool train_is_damaged(const struct train *train, bool val, uint32_t photo);

const struct train_state *train_state_get(const struct train *train);
struct net *train_net(const struct train *train);
/* NULL before train_prepare. */
struct optimizer *train_optimizer(const struct train *train);

struct step_result {
    size_t epoch, batch;  /* which step this was, from 0 */
    size_t steps;         /* steps of the epoch as planned */
    size_t images, right; /* trained on; of these, answered right before the update */
    double loss, lr;      /* loss: what is minimised, see recipe.h */
    double norm;          /* of the gradient before it was clipped; 0 without --clip-norm */
};

/* Losses as recipe.h says; the validation is that of the weights' average if there is one. */
struct epoch_result {
    size_t epoch;                   /* from 0 */
    size_t steps, images, left_out; /* photos trained on, photos of a last batch too small */
    double lr;                      /* of its last step */
    double train_loss, train_accuracy;
    double seconds;                 /* of the whole epoch, those before an interruption included */
    const struct metrics *val;      /* with all predictions; borrowed for the call */
    struct feature_counts features; /* what the cache did since the last epoch's end; zeros without one */
    size_t away, val_away;          /* photos that were left out because their files could not be read */
    bool compared; /* no photo was away in the evaluation: its accuracy counts the same photos as others */
    /* Photos validated in the best epoch before this one; 0: there is none. Differs from val->count where photos went
     * bad between the two, or were repaired: the accuracies are over different photos. */
    size_t best_photos;
    bool saved_lately; /* within limits.save_least: no checkpoint follows, unless the run ends here */
    /* Highest accuracy so far, at equal accuracy the lower loss, of those compared; while there are none, the one with
     * the most photos validated. */
    bool best;
};

/* Any hook but on_epoch and save may be NULL. */
struct train_hooks {
    void *context;
    void (*on_step)(void *context, const struct step_result *step);
    void (*on_evaluation)(void *context, size_t done, size_t all);
    /* The outputs of the network for a batch of an evaluation, logits[batch->count, classes], borrowed for the call;
     * `before` photos of the same evaluation came before: 0 begins another one. */
    enum status (*on_outputs)(void *context, const struct photo_batch *batch, const float *logits, size_t before,
                              struct error *err);
    /* Features that are not kept yet are computed, before an epoch or an evaluation. */
    void (*on_features)(void *context, size_t done, size_t all);
    /* Nothing more can be kept, and why: the run goes on without its cache. Once. */
    void (*on_cache_failure)(void *context, const char *why);
    /* A photo of a list is skipped and was not known to be bad: told when it is met. `again`: it is away, as it was in
     * the epoch before. */
    void (*on_skipped)(void *context, bool val, const struct photo_fault *photo, bool again);
    /* The photos of an epoch, or of its evaluation, are all done. */
    void (*on_pass_end)(void *context, bool val);
    /* Asked after every step and every batch of an evaluation or of features. */
    bool (*should_stop)(void *context);
    /* An epoch is over: write the best model, tables, logs. The state does not count the epoch as done yet. The net
     * holds what was evaluated: the weights' average if there is one. */
    enum status (*on_epoch)(void *context, const struct epoch_result *epoch, struct error *err);
    /* Write a checkpoint of the state as it is: when train_limits say so, and the last thing before train_run ends. */
    enum status (*save)(void *context, struct error *err);
};

/* When to end and when to save. The bytes of a run do not depend on it: it is about the clock (clock_seconds). */
struct train_limits {
    double deadline;   /* the run ends after the first step or epoch past this time; 0: none */
    double save_every; /* seconds: within an epoch, a checkpoint when the last one is older; 0: none */
    double save_least; /* seconds: after an epoch, none when the last one is younger, unless the run ends */
};

/* Why train_run ended. */
enum train_end {
    TRAIN_UNFINISHED, /* it has not */
    TRAIN_EPOCHS,     /* all of them are done */
    TRAIN_PATIENCE, /* `patience` epochs brought no better evaluation; those before the last stage, and those that could
                       not be compared, do not count */
    TRAIN_TIME,     /* the deadline has passed: the run has a model, and can go on from its checkpoint */
    TRAIN_INTERRUPTED, /* should_stop said so: it can go on from its checkpoint */
};

/* Goes on from the state until one of the reasons of train_end, then saves a last time. NULL limits: no deadline, a
 * checkpoint after each epoch.
 * When the deadline has passed the state is saved as it is, as for should_stop, so that the run could go on; where no
 * epoch has been evaluated yet, the unfinished one is, and on_epoch hears of it: a run ends with a model.
 * Errors: those of the hooks and of the loader; ERR_SYSTEM without memory for the next stage; ERR_DIVERGED when a loss
 * or a weight is no longer a finite number, with what to do, before anything of it was saved; ERR_DATA when the loss is
 * not finite before the first update, or when no validation photo could be read. ERR_NOINPUT when all training photos
 * of a class that are not bad were away in an epoch: what was saved before is good to go on from; the same when all
 * validation photos were, after the epoch's steps have been saved. */
MUST_CHECK enum status train_run(struct train *train, const struct train_limits *limits,
                                 const struct train_hooks *hooks, struct error *err);
enum train_end train_end_get(const struct train *train);
/* Has train_run nothing to do any more: are all epochs done, or has `patience` ended the run? From the state alone. */
bool train_is_over(const struct train *train);

/* Steps of one epoch after the other, without evaluations and without saving anything, until should_stop: a range test
 * of learning rates (lr_find.h), all in the first stage. The training is then of no use for anything else. The same
 * errors. */
MUST_CHECK enum status train_range(struct train *train, const struct train_hooks *hooks, struct error *err);

/* Where the time of train_run went: seconds of wall time. All else of `all` is the loss, the metrics, checks, hooks. */
struct train_times {
    double all;
    double photos;                                /* waiting for the loader */
    double prefix, suffix, backward, optimizer;   /* of the steps: the folded part, the rest of forward, ... */
    double validation, validation_photos, saving; /* the network, waiting for the loader; on_epoch and save */
};

/* After train_run, with options.profile: the times, and each operator's, borrowed. Without it they are empty. */
struct train_times train_times(const struct train *train);
const struct profile_sums *train_profile(const struct train *train);

#endif
