/* Progress on stderr: one line that is rewritten, with an estimate of the time left, and only on a terminal. Elsewhere
 * (a log file, a pipe) nothing is written: there, `remark` (remark.h) gives one line per epoch.
 *
 *   epoch 2/4  train  37/61 [=========>      ] loss 0.3124  23.1 photos/s  0:42 left, 12:05 for all epochs
 */
#ifndef FREEZETUNE_PROGRESS_H
#define FREEZETUNE_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

struct progress {
    const char *label;     /* borrowed */
    const char *unit;      /* "photos": for the rate; NULL shows none */
    size_t done, total;    /* total 0: unknown, no bar and no time left */
    double started, drawn; /* seconds, monotonic */
    double rest;           /* seconds until all is done that this is a part of; 0: not known */
    bool live;
};

/* Starts a line. Nothing is drawn in the first half second, so that short work leaves no trace. */
void progress_start(struct progress *progress, const char *label, const char *unit, size_t total);

/* `done` of total so far. `note` ("loss 0.3124") may be NULL. Redraws at most ten times a second: cheap to call. */
void progress_update(struct progress *progress, size_t done, const char *note);

/* Removes the line. Idempotent. */
void progress_end(struct progress *progress);

/* Removes the line that stands on the terminal, if any, so that something else can be printed: remarks and errors call
 * it. The next update draws it again. */
void progress_clear(void);

#endif
