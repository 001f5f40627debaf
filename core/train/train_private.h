/* What the files train_*.c and checkpoint.c share: struct train, and from which of them a function comes. */
#ifndef FREEZETUNE_TRAIN_PRIVATE_H
#define FREEZETUNE_TRAIN_PRIVATE_H

#include "core/train/bn_sync.h"
#include "core/train/feed.h"
#include "core/train/share.h"
#include "core/train/stage.h"
#include "core/train/timing.h"
#include "core/train/train.h"

struct train {
    struct net *net;
    const struct dataset *dataset;
    struct pool *pool;
    const struct peers *peers;
    struct train_options options;
    struct train_state state;
    struct stage stage; /* planned from train_create on, prepared from train_prepare on */
    struct train_needs needs;
    struct train_stage stages[NET_CHILDREN + 1];
    size_t stages_count;

    struct feature_plan feature_plan; /* of the stage, and what it needs of the weights and photos: made once */
    struct hash128 *param_hashes, *photo_hashes[2];

    /* From train_prepare on. */
    struct optimizer *optimizer;
    struct recipe recipe;
    struct loader *loader, *val_loader;
    struct feature_cache *cache; /* of the stage, or NULL */
    bool cache_failed;           /* and said so */
    struct feed *feed, *val_feed;
    struct absence absence[2]; /* of training and validation photos */
    size_t seen[2];            /* entries of the loaders' lists of bad photos that were told */
    uint32_t *order;           /* [training photos] */
    float *dlogits;            /* [train_at_once, classes] */
    struct metrics batch;      /* of the current step, of the pieces of this rank */
    struct metrics val;

    struct timing timing;
    double lr; /* of the current step */
    struct share share;
    struct bn_sync sync; /* with --bn-sync */

    /* Of the call of train_run. Times are by clock_seconds. */
    const struct train_hooks *hooks; /* borrowed */
    struct train_limits limits;
    enum train_end end;   /* why the loop ends; TRAIN_UNFINISHED while it goes on */
    bool stop, late;      /* with peers: one of them was told to stop; rank 0's time was over (train_settle) */
    bool whole;           /* the pass that runs: each rank computes all of it, from features (train_pass.c) */
    bool checked;         /* all weights by train_check_weights, and since then those that move */
    bool compared;        /* those of all ranks, likewise */
    size_t unsettled;     /* calls of train_settle in it since the ranks last talked */
    bool in_epoch;        /* false between two epochs */
    double epoch_started; /* as if the epoch had never been interrupted */
    double saved;         /* the last checkpoint; before there was one, the start */
};

/* ---- train_stage.c ---- */

/* Plans the stage of an epoch (from 0), unless it is the one that is there: whether there is a cache and how large,
 * every shape, the memory. Sets the net's trainable flags. Errors of plan_create; ERR_USAGE and ERR_CANTCREATE for a
 * cache that was asked for and cannot be. */
MUST_CHECK enum status train_plan_stage(struct train *train, size_t epoch, struct error *err);
/* After train_plan_stage, with the weights loaded and the feeds made: allocates the runs, which fold and prepare the
 * weights as they are now, and opens the cache. ERR_SYSTEM; errors of feature_cache_open for a cache that was asked
 * for.
 */
MUST_CHECK enum status train_prepare_stage(struct train *train, struct error *err);
/* Frees all of it, the cache included, whose files stay. Twice is fine. */
void train_leave_stage(struct train *train);
/* The most photos that a process works on at a time (recipe_at_once). */
size_t train_at_once(const struct train *train);
/* Of the photos, as the first operator applies it. */
struct normalise train_normalise(const struct train *train);

/* Between two steps, after train_prepare: puts the stage of an epoch (from 0) in the place of the one before, if it is
 * another. What becomes trainable joins the optimizer; frozen weights are folded and prepared as they are now. An error
 * leaves a run that can only be destroyed: ERR_SYSTEM without memory. */
MUST_CHECK enum status train_enter_stage(struct train *train, size_t epoch, struct error *err);

/* ---- train_step.c ---- */

/* One step on the first `photos` of a batch. Moves no state but the weights, the optimizer's and train->batch, which is
 * the metrics of this step. ERR_DIVERGED when something is no longer a finite number. */
MUST_CHECK enum status train_step(struct train *train, const struct photo_batch *batch, size_t photos,
                                  struct step_result *out, struct error *err);

/* ---- train_pass.c: while train->hooks is set ---- */

/* With peers, where all of them are at the same point: whether one has failed with `status`, which then ends all
 * (peers_settle), and whether one was told to stop or rank 0 is out of time, for train_interrupted and
 * train_is_late. Alone: `status`. In a whole pass they talk at some of these points, unless this rank has failed. */
MUST_CHECK enum status train_settle(struct train *train, enum status status, struct error *err);
/* Asks should_stop, or knows it from train_settle. Once the answer was yes, train->end is TRAIN_INTERRUPTED. */
bool train_interrupted(struct train *train);
/* Whether the deadline has passed, by the clock or by train_settle. */
bool train_is_late(const struct train *train);
/* Which photos of a batch a rank computes with (feed_needs): those of its pieces, the one before them that the first is
 * mixed with (mix.h), and with the last rank those that no piece has, which must be readable all the same. */
size_t train_needs_of_batch(void *train, uint32_t *places, size_t rank, size_t batch, size_t count);
/* Begins a pass of a list's feed, its missing features computed; arguments as feed_start. It has not begun where that
 * was interrupted. */
MUST_CHECK enum status train_begin_pass(struct train *train, bool val, const uint32_t *order, size_t count,
                                        size_t position, struct photo_view view, struct error *err);
/* A pass that has begun on all ranks: whether it is whole; and that this one has come to its end, where the next
 * train_settle is one at which all talk. */
void train_enter_pass(struct train *train, bool val);
void train_leave_pass(struct train *train);
/* Notes the photos that a loader has skipped since the last call, and tells of them (on_skipped). ERR_NOINPUT when no
 * training photo of a class is left; ERR_SYSTEM. */
MUST_CHECK enum status train_note_skipped(struct train *train, bool val, struct error *err);
/* The same at the end of a pass, and tells of that. */
MUST_CHECK enum status train_end_pass(struct train *train, bool val, struct error *err);

/* ---- train_validate.c ---- */

/* Evaluates what was trained, calls on_epoch and remembers the best in train->state; not where it was interrupted.
 * ERR_NOINPUT when all validation photos are away, ERR_DATA when all are bad; ERR_DIVERGED; errors of on_epoch. */
MUST_CHECK enum status train_validate(struct train *train, struct error *err);

/* ---- train_diverged.c ---- */

/* ERR_DIVERGED: `what` of the current step is not finite. */
enum status train_diverged(struct train *train, const char *what, double value, struct error *err);
/* ERR_DIVERGED when a weight or a running statistic is not finite: a checkpoint or a model with a NaN in it would be
 * worse than none. */
MUST_CHECK enum status train_check_weights(struct train *train, struct error *err);

#endif
