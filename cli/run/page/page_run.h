/* A run as its page needs it, read from the files of its folder alone: the same folder gives the same page. */
#ifndef FREEZETUNE_PAGE_RUN_H
#define FREEZETUNE_PAGE_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <cjson/cJSON.h>

#include "cli/run/page/page_measured.h"
#include "cli/run/page/page_training.h"
#include "cli/run/record_metrics.h"
#include "cli/run/record_result.h"
#include "cli/run/train_options.h"

/* Points of a curve, x counted in epochs. */
struct page_points {
    double *x, *y;
    size_t count;
};

struct page_run {
    const char *folder; /* borrowed */
    char *name;         /* the last part of its path */
    bool running;       /* it goes on: the page is loaded again and again */
    cJSON *config;
    char *command; /* that trains it again; free() */
    struct resumed resumed;
    const struct train_values *values; /* of `resumed` */
    struct class_names classes;
    struct metrics_row *rows;
    size_t row_count, best;   /* best: number of the row + 1; 0: none */
    struct page_points steps; /* losses of steps, thinned */
    bool over;                /* there is a result */
    struct record_result result;
    bool answered; /* there are predictions */
    struct page_measured measured;
    struct page_training training; /* not while the run goes on */
};

/* `photos`: how many answers to keep. ERR_NOINPUT where the folder holds no run, ERR_DATA, ERR_IO, ERR_SYSTEM. Free
 * with page_run_close, also after an error. */
MUST_CHECK enum status page_run_open(struct page_run *out, const char *folder, size_t photos, struct error *err);
/* The same of the folder of a series: its name, config.json, options and command alone. */
MUST_CHECK enum status page_run_open_series(struct page_run *out, const char *folder, struct error *err);
void page_run_close(struct page_run *run);

/* Text under a key of config.json, or of its options, or NULL; a number, or `otherwise`. */
const char *page_run_text(const struct page_run *run, const char *object, const char *key);
/* What a title calls the data: the last part of --data, or `otherwise` without one. */
const char *page_run_data(const struct page_run *run, const char *otherwise);
double page_run_number(const struct page_run *run, const char *object, const char *key, double otherwise);

#endif
