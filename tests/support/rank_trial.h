/* Whole runs of a small network by several ranks, over threads (thread_peers.h): what each of them heard, and faults of
 * one of them. */
#ifndef FREEZETUNE_RANK_TRIAL_H
#define FREEZETUNE_RANK_TRIAL_H

#include <stdbool.h>
#include <stddef.h>

#include "core/train/peers.h"
#include "tests/support/small_run.h"

/* small_run has two photos to validate: more of them make several rounds, the last of which is not full. */
enum { RANKS = 4, NOBODY = RANKS, VALIDATED = 7 };

extern char rank_trial_data[4096];

/* Makes photos in the folder of own_folder.h, for a group of tests. */
int rank_trial_setup(void **state);

/* What is out of order, and with which rank. */
enum rank_fault {
    NO_FAULT,
    BAD_WEIGHT,
    OTHER_WEIGHT,
    OTHER_FROZEN,
    BAD_PHOTO,
    BAD_VALIDATION_PHOTO,
    STOP,
    EPOCH_FAILS,
    SAVE_FAILS
};

struct rank {
    struct small_run run;
    const struct peers *peers;
    size_t steps, epochs;                     /* that the hooks heard of */
    double loss, norm;                        /* sums over the steps */
    struct prediction predictions[VALIDATED]; /* of the last evaluation */
    size_t predicted;
    size_t computed; /* features */
    size_t calls;    /* to the other ranks */
};

struct rank_trial {
    struct train_options options;
    enum rank_fault fault;
    size_t at;        /* the rank that the fault is with */
    bool save_always; /* after each step */
    const char *data; /* the folder of the photos; NULL: rank_trial_data */
    struct rank ranks[RANKS];
};

/* Three steps an epoch, two epochs: of three photos, three and two. */
struct train_options rank_trial_options(struct recipe_options recipe, struct freeze freeze);

/* Trains by `ranks` of them; ends[rank] is what each returned. Close it afterwards. */
void rank_trial_run(struct error *ends, struct rank_trial *trial, size_t ranks);
void rank_trial_close(struct rank_trial *trial, size_t ranks);

#endif
