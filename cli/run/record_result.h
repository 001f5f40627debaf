/* The result of a run: RUN/result.json, written when the run is over and proved. Its presence says so; sweep and
 * --folds put their tables together from it. It also holds the state that the run ended in (checkpoint_text), so that
 * last.safetensors can go: with it and best.safetensors, --resume still says what it said at the end. */
#ifndef FREEZETUNE_RECORD_RESULT_H
#define FREEZETUNE_RECORD_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/run/record_folder.h"
#include "cli/shell/json.h"

struct record_result {
    bool diverged; /* then all that follows is as it was before, or 0 */
    int freeze_until;
    double lr; /* the one that was found, with --lr find */
    size_t train_photos;
    size_t epochs, best_epoch; /* run; the best, from 1 */
    size_t photos, right;      /* validated in the best epoch; of these, right */
    bool compared;             /* all validation photos that are not bad were there in it */
    size_t unreadable;         /* photos of both lists that are bad */
    size_t unavailable;        /* photos of both lists that were away in some epoch */
    size_t uncompared;         /* epochs whose validation photos were not all there */
    double loss, macro_f1;     /* of the best epoch */
    size_t parameters;         /* trained */
    double seconds;            /* of an epoch: the median of all */
    uint64_t memory;           /* bytes, as planned before the first step */
};

/* 0 when nothing was validated. */
double record_result_accuracy(const struct record_result *result);
/* The figures of the run as members of an open object, from "epochs" to "memory": those that result.json, the tables of
 * a sweep and reports have in common (docs/formats.md). */
void record_result_json(struct json *json, const struct record_result *result);

/* From a run that is over, or `diverged`: its state and its metrics.csv. ERR_IO, ERR_DATA when that cannot be read. */
MUST_CHECK enum status record_result_collect(struct record_result *out, const struct record_folder *folder,
                                             bool diverged, struct error *err);

/* Seconds of the epoch that the run finished last, of its metrics.csv; 0 where there is none. ERR_IO. */
MUST_CHECK enum status record_result_last_seconds(double *out, const struct record_folder *folder, struct error *err);

/* `state` is the checkpoint_text of the end, or NULL (diverged). */
MUST_CHECK enum status record_result_write(const char *folder, const struct record_result *result, const char *state,
                                           struct error *err);

/* *there is false when the folder or the file does not exist. *state, which may be NULL, becomes the text that
 * record_result_write was given, owned by the caller (memory_free), or NULL. ERR_DATA when it is not such a file. */
MUST_CHECK enum status record_result_read(struct record_result *out, bool *there, char **state, const char *folder,
                                          struct error *err);

#endif
