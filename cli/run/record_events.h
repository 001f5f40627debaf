/* RUN/events.out.tfevents.freezetune, for TensorBoard: metrics.csv once more, with the rate of each child that trains.
 *
 * The file is a function of metrics.csv, the run's options and one time, which its first record keeps: that of
 * config.json, when the run began. The time of an epoch is that plus the seconds of metrics.csv up to its end, so that
 * a pause does not count. A resumed run compares the file with what it should hold by now, record by record, cuts it
 * off where they differ (epochs after the checkpoint, a record that was half written) and appends what is missing. */
#ifndef FREEZETUNE_RECORD_EVENTS_H
#define FREEZETUNE_RECORD_EVENTS_H

#include <stdbool.h>
#include <stdio.h>

#include "core/base/error.h"
#include "core/net/net.h"

struct run_setup;

struct record_events {
    FILE *stream; /* NULL: there is none */
    const char *folder;
    const struct run_setup *setup;
    double time; /* of the newest epoch's end, in seconds since 1970 */
};

bool record_events_exist(const char *folder);

/* Bytes of a run's file, on the generous side. */
uint64_t record_events_bytes(const struct net *net, size_t epochs);

/* Folder and setup are borrowed; metrics.csv holds what the run has done by now. Errors of growing_file_begin and of
 * record_metrics_read. Close with record_events_close, also after an error. */
MUST_CHECK enum status record_events_open(struct record_events *out, const char *folder, const struct run_setup *setup,
                                          struct error *err);
void record_events_close(struct record_events *events);

/* Appends an epoch, whose line of metrics.csv this is, and hands it to the system, so that TensorBoard sees it; does
 * nothing where there is no file. ERR_SYSTEM; whether writing worked is said by record_events_sync. */
MUST_CHECK enum status record_events_epoch(struct record_events *events, const char *row, struct error *err);

/* To the disk, if there is a file. ERR_IO. */
MUST_CHECK enum status record_events_sync(struct record_events *events, struct error *err);

#endif
