/* The folder of a run:
 *
 *   config.json          every option as resolved, versions, classes, the hash of the weights: written before the
 *                        first step
 *   log.jsonl            a line per step and per epoch, as they happen
 *   metrics.csv          a row per epoch
 *   events.out.tfevents.freezetune       with --tensorboard: the same for TensorBoard (record_events.h)
 *   best.safetensors     the model of the best epoch: highest validation accuracy, at equal accuracy the lower loss
 *   last.safetensors     the newest state with all that --resume needs; removed when the run is over and proved
 *   confusion.csv, predictions_val.csv   of the best epoch
 *   probabilities_val.csv  of best.safetensors, written with it (record_outputs.h)
 *   bad_images.tsv       photos that could not be read: "bad" for good, or "unavailable" in so many epochs;
 *                        and "damaged" ones, which were used
 *   duplicates.tsv       photos of the same bytes (duplicates.h)
 *   photos.bin           how each photo looked when it was last read (record_photos.h)
 *   lr_find.csv          with --lr find: the range test
 *   result.json          what came out (record_result.h), when the run is over and proved
 *
 * The first two and the events grow; a resumed run cuts them down to what they were when last.safetensors was written.
 * The others are replaced whole.
 *
 * Where epochs are short and few values are trained, a best model waits in memory for the next record_folder_save: a
 * head that trains from a cache has an epoch in less time than its files take to be written.
 */
#ifndef FREEZETUNE_RECORD_FOLDER_H
#define FREEZETUNE_RECORD_FOLDER_H

#include <stdio.h>

#include "cli/run/record_events.h"
#include "cli/run/record_outputs.h"
#include "cli/run/run_setup.h"
#include "core/train/snapshot.h"

struct record_folder {
    const struct run_setup *setup; /* borrowed */
    char *path, *best, *last;
    FILE *log, *metrics;
    struct record_events events;
    struct weight_metadata metadata[MODEL_METADATA];
    char *metadata_text;
    struct snapshot *held; /* the best model while it waits, or NULL */
    size_t held_epoch;     /* from 1: its epoch */
    struct record_outputs outputs;
    /* The model files as they are, from 1; 0: there is none. A best model that this process found may be of a later
     * epoch than the state that it goes on from: 0 with best_found. */
    size_t best_epoch, last_epoch, last_batch;
    bool best_found;
    bool begun;      /* record_folder_create has written config.json: --resume can go on, even after an error of it */
    int lock;        /* descriptor of the folder, locked: no second process works in it; -1: none */
    bool short_rows; /* metrics.csv was begun by a version that did not count unavailable photos */
    size_t bad_written; /* bad_content() of bad_images.tsv + 1; 0: not written yet */
};

/* A new run: makes the folder (path_run) and begins its files. ERR_CANTCREATE. Free with record_folder_close, also
 * after an error. */
MUST_CHECK enum status record_folder_create(struct record_folder *out, const struct run_setup *setup,
                                            struct error *err);

/* An existing run: takes away the unfinished files that a killed process left, reads last.safetensors into the
 * training, which must be prepared, and cuts the growing files. A run that is over has its state in result.json and its
 * weights in best.safetensors instead, and has nothing left to train. Where a run was killed before it saved anything,
 * it begins again. Errors of checkpoint_read, ERR_IO; ERR_DATA for a run of a series that diverged and is over. */
MUST_CHECK enum status record_folder_resume(struct record_folder *out, const struct run_setup *setup,
                                            struct error *err);
/* For a rank other than 0: reads the state that record_folder_resume reads there, and touches nothing. The same
 * errors. */
MUST_CHECK enum status record_folder_follow(const struct run_setup *setup, struct error *err);
/* Removes config.json and photos.bin of a run or a series that could not begin, and with `whole` the empty folder: it
 * would be in the way of the next try. */
void record_folder_take_back(const char *path, bool whole);
/* Takes away what a killed process left of files under construction (outfile_open) with one of the names,
 * NULL-terminated. */
void record_folder_tidy(const char *path, const char *const *names);
/* Writes a best model that still waits, and the photos that could not be read, as far as that goes. */
void record_folder_close(struct record_folder *folder);

/* A line of log.jsonl. Whether writing worked is asked by record_folder_epoch and record_folder_save. */
void record_folder_step(struct record_folder *folder, const struct step_result *step);

/* A batch of an evaluation, as on_outputs of train_hooks has it. ERR_CANTCREATE, ERR_IO, ERR_SYSTEM. */
MUST_CHECK enum status record_folder_outputs(struct record_folder *folder, const struct photo_batch *batch,
                                             const float *logits, size_t before, struct error *err);

/* The files of an epoch that is over. `may_wait`: a save will follow soon enough for the best model.
 * ERR_CANTCREATE, ERR_IO, ERR_SYSTEM. */
MUST_CHECK enum status record_folder_epoch(struct record_folder *folder, const struct epoch_result *epoch,
                                           bool may_wait, struct error *err);

/* The best model, if it waits; last.safetensors and bad_images.tsv. */
MUST_CHECK enum status record_folder_save(struct record_folder *folder, struct error *err);

enum { RUN_GOOD_TEXT = 256 };
/* After an error of record_folder_epoch or record_folder_save: writes the best model, if it waits and that goes, and
 * says what of the run is there and whole: "best.safetensors of epoch 3 and last.safetensors of epoch 2 are good". */
void record_folder_good(char out[RUN_GOOD_TEXT], struct record_folder *folder);

/* Removes last.safetensors: the run is over and result.json is written. One that cannot be removed stays. */
void record_folder_drop_last(const struct record_folder *folder);

#endif
