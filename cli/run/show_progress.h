/* The output of train while it runs, on stderr. */
#ifndef FREEZETUNE_SHOW_PROGRESS_H
#define FREEZETUNE_SHOW_PROGRESS_H

#include "cli/run/record_folder.h"
#include "cli/run/run_setup.h"
#include "cli/run/show_epochs.h"
#include "cli/shell/progress.h"

/* On a terminal progress and a table of epochs that grows, a line per epoch elsewhere. */
struct train_progress {
    const struct run_setup *setup;
    struct progress line;
    char label[64];
    enum { RUNNING_NOTHING, RUNNING_STEPS, RUNNING_EVALUATION, RUNNING_FEATURES } running;
    size_t done;             /* photos of this epoch */
    double rest, others;     /* seconds: until this run is over, of the runs of a series after it */
    struct epoch_rows *rows; /* or NULL */
};

/* To be called before the first step, when the folder's files are there. Free with show_progress_end. */
MUST_CHECK enum status show_progress_start(struct train_progress *progress, const struct record_folder *folder,
                                           struct error *err);
void show_progress_end(struct train_progress *progress);

enum { SHOW_LEFT = 128 };
/* "about 12 min left", or "about 12 min left, about 2 h 05 min for all runs"; the latter alone, or nothing, behind the
 * last epoch. */
void show_left(char out[SHOW_LEFT], const struct train_progress *progress, bool last);

void show_step(struct train_progress *progress, const struct step_result *step);
void show_evaluation(struct train_progress *progress, size_t epoch, size_t done, size_t all);
/* Features that are missing in the cache are computed. */
void show_features(struct train_progress *progress, size_t epoch, size_t done, size_t all);
void show_epoch(struct train_progress *progress, const struct epoch_result *epoch);

/* stderr: how many photos are damaged and used all the same, as far as they were decoded; nothing for none. */
void show_damaged(const struct run_setup *setup);

#endif
