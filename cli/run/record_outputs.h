/* The outputs of the network over the validation photos, from an evaluation to RUN/probabilities_val.csv
 * (cli/report/probabilities.h), however many photos and classes there are: they wait in a file, not in memory.
 *
 *   evaluation  --add-->  coming  --keep, where it is the best-->  kept  --write-->  probabilities_val.csv
 *
 * Coming and kept are two unfinished files (outfile.h) in the run's folder; a row of them is the photo's number, its
 * class and the logits: 8 + 4 K bytes. They are gone with the process; --resume evaluates again what was not written.
 */
#ifndef FREEZETUNE_RECORD_OUTPUTS_H
#define FREEZETUNE_RECORD_OUTPUTS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/base/outfile.h"
#include "core/data/folder.h"
#include "core/data/loader.h"

/* Begins as {0}. */
struct record_outputs {
    struct outfile files[2];
    bool open[2];
    size_t rows[2]; /* photos in it */
    int kept;       /* which of the two; the other one is coming */
};

/* Adds the rows of a batch with its logits[batch->count, classes]; with `first` they begin another evaluation.
 * ERR_CANTCREATE, ERR_IO, ERR_SYSTEM. */
MUST_CHECK enum status record_outputs_add(struct record_outputs *outputs, const char *folder,
                                          const struct photo_batch *batch, const float *logits, size_t classes,
                                          bool first, struct error *err);
/* The evaluation that is over is the one to keep. */
void record_outputs_keep(struct record_outputs *outputs);
/* folder/probabilities_val.csv of the one that is kept; nothing where there is none. The photos' order is that of the
 * evaluation, as in predictions_val.csv. The same errors. */
MUST_CHECK enum status record_outputs_write(const struct record_outputs *outputs, const char *folder,
                                            const struct photo_list *photos, const struct class_names *classes,
                                            struct error *err);
/* Removes the unfinished files. */
void record_outputs_close(struct record_outputs *outputs);

/* Bytes on disk: of probabilities_val.csv at most, but for long names; and of the two files that wait. */
uint64_t record_outputs_csv_bytes(uint64_t photos, uint64_t classes);
uint64_t record_outputs_waiting_bytes(uint64_t photos, uint64_t classes);

#endif
