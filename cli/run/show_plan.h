/* What train tells its user: warnings about the photos, the table before the first step, progress, the tables at the
 * end.
 *
 * Results go to stdout, everything else to stderr.
 */
#ifndef FREEZETUNE_SHOW_PLAN_H
#define FREEZETUNE_SHOW_PLAN_H

#include "cli/run/record_folder.h"
#include "cli/run/show_epochs.h"
#include "cli/run/training.h"
#include "cli/shell/progress.h"
#include "core/train/forecast.h"

/* stderr: what was found among the photos, what the weights are, whether the last layer is re-initialised. */
void show_inputs(const struct training *training);

/* How long it will take, before the first step. */
struct plan_time {
    const struct forecast *forecast; /* of a run */
    size_t runs;
    double all; /* seconds of all runs; 0: not known */
};

/* stdout: children, memory, work, disk, time. With --json an object. */
MUST_CHECK enum status show_plan(const struct training *training, const struct plan_time *time, struct error *err);

/* Bytes that the run will take, as show_plan shows them. */
size_t show_memory(const struct training *training);

/* On a terminal progress and a table of epochs that grows, a line per epoch elsewhere. */
struct train_progress {
    const struct training *training;
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

enum { REPORT_LEFT = 128 };
/* "about 12 min left", or "about 12 min left, about 2 h 05 min for all runs"; the latter alone, or nothing, behind the
 * last epoch. */
void show_left(char out[REPORT_LEFT], const struct train_progress *progress, bool last);

void show_step(struct train_progress *progress, const struct step_result *step);
void show_evaluation(struct train_progress *progress, size_t epoch, size_t done, size_t all);
/* Features that are missing in the cache are computed. */
void show_features(struct train_progress *progress, size_t epoch, size_t done, size_t all);
void show_epoch(struct train_progress *progress, const struct epoch_result *epoch);
/* stderr: how many photos are damaged and used all the same, as far as they were decoded; nothing for none. */
void show_damaged(const struct training *training);

/* "frozen: children 1-6 (conv1..layer2), T tensors, V values: bit-identical" */
void proof_text(char *out, size_t size, const struct training *training, const struct training_proof *proof);

/* stdout: the epochs (from metrics.csv), the best, the proof; stderr: what may be typed next. With --json an object. A
 * terminal that was shown all epochs as they came (`epochs_shown`) does not get them twice. ERR_IO when metrics.csv
 * cannot be read again. */
MUST_CHECK enum status show_end(const struct record_folder *folder, const struct training_proof *proof,
                                bool epochs_shown, struct error *err);

/* stdout, for --profile: where the time went, operator by operator, then part by part. The object of --json has the
 * same as its "profile". ERR_SYSTEM without memory. */
MUST_CHECK enum status show_profile(const struct training *training, struct error *err);

#endif
