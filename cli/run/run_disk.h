/* The disk space of a training run: known before the first step, and checked before anything is trained.
 *
 *   best.safetensors   the network
 *   last.safetensors   the network, the optimizer's state and the average; removed when the run is over
 *   the rest           tables, logs and events
 *   passing            probabilities while they wait to be written (record_outputs.h)
 *
 * A file is written beside the one that it replaces, so that for a moment there are two of it.
 */
#ifndef FREEZETUNE_RUN_DISK_H
#define FREEZETUNE_RUN_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/train/train.h"

/* Bytes. */
struct run_disk {
    uint64_t best, last, rest, passing;
    bool keep_last;
};

/* With the freeze point that the options end with. Sets the net's trainable flags: for before train_create. */
struct run_disk run_disk_of(struct net *net, const struct dataset *dataset, const struct train_options *options);

/* The most that is there at a time, of `runs` after each other, and what is left of them. */
uint64_t run_disk_most(const struct run_disk *disk, size_t runs);
uint64_t run_disk_over(const struct run_disk *disk, size_t runs);

/* What must be free for that, of which `there` is written by now (--resume). */
uint64_t run_disk_missing(const struct run_disk *disk, size_t runs, uint64_t there);

/* ERR_CANTCREATE when the disk of `folder`, which need not exist yet, has less room than `runs` take beside what is in
 * the folder's model files; with what to do. OK where the system does not say. */
MUST_CHECK enum status run_disk_check(const struct run_disk *disk, size_t runs, const char *folder, struct error *err);

#endif
