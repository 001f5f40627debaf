/* report.html: all that there is to see of a run, in one file (docs/formats.md). */
#ifndef FREEZETUNE_RUN_PAGE_H
#define FREEZETUNE_RUN_PAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"

struct run_page_options {
    const char *out; /* NULL: report.html in the folder */
    size_t photos;   /* to show at most */
    size_t max_size; /* bytes: pictures beyond it are left out */
    bool running;    /* the run goes on: no pictures, and the page loads itself again */
};

enum { RUN_PAGE_PHOTOS = 200 };
#define RUN_PAGE_SIZE ((size_t)20 << 20)

/* Of a run, from the files of its folder alone: the same folder gives the same bytes. ERR_NOINPUT, ERR_DATA for a
 * folder without a run, ERR_CANTCREATE, ERR_IO, ERR_SYSTEM. */
MUST_CHECK enum status run_page_write(const char *folder, const struct run_page_options *options, struct error *err);

/* Of a sweep, from its sweep.csv and its runs; `out` as above. *is_sweep = false, and nothing else, for a
 * folder without sweep.csv. The same errors. */
MUST_CHECK enum status sweep_page_write(bool *is_sweep, const char *folder, const char *out, struct error *err);
/* The same, where an error is a warning. */
void sweep_page_try(const char *folder);

/* Of train --folds, from its config.json and its runs. *is_folds = false, and nothing else, for a folder without
 * folds.csv. `options` and errors as of run_page_write. */
MUST_CHECK enum status folds_page_write(bool *is_folds, const char *folder, const struct run_page_options *options,
                                        struct error *err);
/* The same, where an error is a warning; not `whole`: some folds are not over, and no photos are shown. */
void folds_page_try(const char *folder, bool whole);

/* run_page_write for a run that goes on or has ended. A page that cannot be written is no error of the run: a warning
 * says why. */
void run_page_try(const char *folder, bool running, size_t photos);
/* The same after a change of the folder, where it has a page that would be out of date. */
void run_page_renew(const char *folder);

#endif
