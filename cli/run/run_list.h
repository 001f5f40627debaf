/* The runs of a folder with what their files say of them: for `freezetune runs`.
 *
 * A run is a folder with a config.json (docs/formats.md). A folder of runs holds runs, sweeps and folds; of these two
 * the runs in them are listed, "wide/8-0.01". The folder may be a run itself, or a sweep. Everything in it is read as a
 * file from outside: what is damaged is a row that says so. */
#ifndef FREEZETUNE_RUN_LIST_H
#define FREEZETUNE_RUN_LIST_H

#include <stddef.h>

#include <cjson/cJSON.h>

#include "core/base/error.h"

enum run_state {
    RUN_FINISHED,
    RUN_RUNNING,     /* a process holds the folder's lock */
    RUN_INTERRUPTED, /* none does, and it is not over: stopped, killed or ended by an error */
    RUN_DIVERGED,
    RUN_DAMAGED /* config.json, result.json or metrics.csv cannot be read */
};
extern const char *const run_state_names[];

struct listed_run {
    char *name;     /* below the folder */
    char *reason;   /* RUN_DAMAGED: the file and what is wrong with it; else NULL */
    cJSON *options; /* config.json's; NULL: it cannot be read */
    enum run_state state;
    char arch[32], photos[33];                /* "": not known */
    int freeze_until;                         /* -1: not known */
    size_t epochs, best_epoch;                /* done; 0: none */
    double accuracy, macro_f1, loss, seconds; /* of the best epoch; of all epochs. NAN: not known */
};

/* A folder that is no run. */
struct no_run {
    char *name;
    const char *reason;
};

struct run_list {
    struct listed_run *runs; /* by name, numbers in it by their value */
    size_t count, capacity;
    struct no_run *others;
    size_t other_count, other_capacity;
};

enum run_order { ORDER_NAME, ORDER_ACCURACY, ORDER_MACRO_F1, ORDER_LOSS, ORDER_TIME };
extern const char *const run_orders[]; /* the choices of --sort */

/* ERR_NOINPUT for a folder that is not there or holds no run, ERR_IO, ERR_SYSTEM. Free with run_list_free, also after
 * an error. */
MUST_CHECK enum status run_list_read(struct run_list *out, const char *folder, struct error *err);
void run_list_free(struct run_list *list);

/* The best first: highest accuracy and F1, least loss and time, what is not known last; names where they are equal. */
void run_list_sort(struct run_list *list, enum run_order order);

#endif
