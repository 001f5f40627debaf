/* How long a training run takes: estimated from its work before the first step, corrected with what was measured since.
 *
 * An epoch has four phases, one after the other; before the second pass of a view its features are there:
 *
 *   features of the training photos    of a view that is seen for the first time, where the stage keeps features
 *   steps
 *   features of the validation photos  in the first epoch of such a stage
 *   validation
 *
 * and what is not of photos: saving. The time of a phase is its photos times the seconds of one. These are, in this
 * order, what was measured with the same work a photo, in this run or in one before it (struct pace); else the estimate
 * (work / speed) times the ratio of all that was measured to its estimate, within 4 and 1/4: a pass with little work,
 * such as a head on features, is bound by other things than products and says nothing about the large ones.
 *
 * Arithmetic alone: the caller has the clock. Photos, seconds, FLOP; epochs count from 0.
 */
#ifndef FREEZETUNE_FORECAST_H
#define FREEZETUNE_FORECAST_H

#include <stdbool.h>
#include <stddef.h>

#include "core/net/net.h"

enum forecast_part { FORECAST_FEATURES, FORECAST_STEPS, FORECAST_VALIDATION, FORECAST_PARTS };
enum forecast_phase { PHASE_TRAIN_FEATURES, PHASE_STEPS, PHASE_VAL_FEATURES, PHASE_VALIDATION, PHASES };

/* What was measured, of one run or of several after each other. Zeros at first. */
struct pace {
    struct pace_row {
        enum forecast_part part;
        double work; /* of a photo */
        double photos, seconds;
    } rows[96];
    size_t count;
    double seconds, work; /* of all rows */
    double other;         /* seconds of what is not of photos */
    size_t epochs;        /* that are over */
};

/* The epochs of one freeze point. */
struct forecast_stage {
    size_t epoch, epochs;
    double work[FORECAST_PARTS]; /* of a photo */
    double saved;                /* of the steps' and the validation's: what the features save; 0: none are kept */
    size_t views;                /* of a photo, whose features are kept */
    double missing;              /* 0..1: the share of the features that must still be computed */
    bool shared;                 /* the features are there for later runs too */
};

struct forecast {
    double speed;      /* FLOP a second, 0: not known */
    size_t train, val; /* photos of an epoch */
    size_t search;     /* training photos in the steps of a range test before the run (--lr find); 0: there is none */
    size_t stages_count;
    struct forecast_stage stages[NET_CHILDREN + 1];
    /* Where the run is, from forecast_enter on. */
    bool entered, stepped; /* stepped: in the running epoch */
    size_t first, epoch;   /* the epoch that this process began with; the running one */
    double left[PHASES];   /* photos of the running epoch */
    size_t features_done, validation_done;
};

/* The run is at the beginning of `epoch`, `done` training photos of which had their step before (--resume). The first
 * call is that of the process. */
void forecast_enter(struct forecast *forecast, size_t epoch, size_t done);

/* The seconds since the last of these calls were spent on photos: features of a list, `done` of `all` so far; a step of
 * `photos`; a batch of the validation. */
void forecast_features(struct forecast *forecast, struct pace *pace, size_t done, size_t all, double seconds);
void forecast_step(struct forecast *forecast, struct pace *pace, size_t photos, double seconds);
void forecast_validation(struct forecast *forecast, struct pace *pace, size_t done, size_t all, double seconds);
/* ... on something else: saving. */
void pace_other(struct pace *pace, double seconds);
/* The epoch is over: enters the next. */
void forecast_next(struct forecast *forecast, struct pace *pace);

/* The features of the running stage cannot be kept any more: from now on its steps start from pixels. */
void forecast_lose_features(struct forecast *forecast);
/* An epoch of the run, which is over, took so many seconds in an earlier process: shared out over its phases, they
 * count as measured. Call it before forecast_enter. */
void forecast_recall(struct forecast *forecast, struct pace *pace, size_t epoch, double seconds);
/* `later` runs after `earlier`, with the same photos: features that this one leaves need not be computed, or only from
 * there on. */
void forecast_share(struct forecast *later, const struct forecast *earlier);

/* Seconds until the run is over; 0 where nothing is known. */
double forecast_rest(const struct forecast *forecast, const struct pace *pace);
/* Of the range test, at most: it ends as soon as the loss rises. Features that it leaves to the run are the run's. */
double forecast_search(const struct forecast *forecast, const struct pace *pace);
/* Of the whole run, before it begins, and of the range test. */
double forecast_all(const struct forecast *forecast, const struct pace *pace);
/* Of an epoch of a stage, with all its features there. */
double forecast_epoch(const struct forecast *forecast, const struct pace *pace, size_t stage);

#endif
