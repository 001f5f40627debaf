/* --lr find: a range test (core/train/lr_find.h) with the photos and options of the run that is to come. */
#ifndef FREEZETUNE_LR_SEARCH_H
#define FREEZETUNE_LR_SEARCH_H

#include <stdbool.h>
#include <stdio.h>

#include "cli/run/train_options.h"
#include "core/train/lr_find.h"

struct lr_search {
    struct lr_find find;
    double lr;    /* the one chosen */
    bool stopped; /* by a signal or the deadline, before there was one */
};

/* Opens a training of its own, runs the test and closes it again, so that the run begins as if there had been none.
 * `report` says what was found among photos and weights. `deadline` by clock_seconds, 0: none. Errors of run_setup_open
 * and lr_find_choose. */
MUST_CHECK enum status lr_search(struct lr_search *out, const struct train_values *values, const char *weights_hash,
                                 bool report, double deadline, struct error *err);

/* The smoothed loss over the rate, as text, with a mark at the rate chosen. `width` columns in all, at least 40. */
void lr_search_plot(FILE *out, const struct lr_search *search, int width);

/* FOLDER/lr_find.csv: step,lr,loss,smoothed. ERR_CANTCREATE, ERR_IO. */
MUST_CHECK enum status lr_search_write(const char *folder, const struct lr_search *search, struct error *err);

#endif
