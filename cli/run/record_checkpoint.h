/* last.safetensors: a model file with all that --resume needs, see core/train/checkpoint.h.
 *
 * Beyond a model file's metadata it holds the text of the checkpoint under "freezetune.state". Two runs that came to
 * the end of the same epoch have the same file, byte for byte, however often they were stopped; within an epoch, but
 * for the seconds that the epoch has taken so far.
 */
#ifndef FREEZETUNE_RECORD_CHECKPOINT_H
#define FREEZETUNE_RECORD_CHECKPOINT_H

#include "cli/model/model_file.h"
#include "core/train/train.h"

/* Errors of safetensors_write. */
MUST_CHECK enum status checkpoint_write(const char *path, const struct train *train,
                                        const struct weight_metadata model[MODEL_METADATA], struct error *err);

/* OVERWRITES the network's parameters, the optimizer's state and the run's. After train_prepare. ERR_NOINPUT when there
 * is no such file; ERR_DATA when it does not fit; the run is then not to be used. */
MUST_CHECK enum status checkpoint_read(const char *path, struct train *train, struct error *err);
/* OVERWRITES the network's parameters alone, from a model file of its run. The same errors. */
MUST_CHECK enum status checkpoint_read_model(const char *path, struct train *train, struct error *err);

#endif
