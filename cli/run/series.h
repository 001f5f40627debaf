/* A series: several runs of training, one after the other, each in a folder of its own below one folder. sweep is a
 * series over freeze points and rates, --folds one over the parts of the photos.
 *
 *   DIR/config.json     the options of the series, so that --resume can go on with it
 *   DIR/photos.bin      how the photos looked (record_photos.h)
 *   DIR/<name>/         a run as train makes it; with a result.json it is done and is not touched again
 *
 * These folders alone record how far a series is: resuming it skips the finished runs, continues the interrupted one
 * and starts the others. All runs see the same photos and weights: their hashes are in
 * config.json.
 */
#ifndef FREEZETUNE_SERIES_H
#define FREEZETUNE_SERIES_H

#include "cli/run/record_result.h"
#include "cli/run/run_clock.h"
#include "cli/run/run_setup.h"
#include "cli/run/train_options.h"

enum series_state {
    SERIES_MISSING, /* not begun */
    SERIES_STOPPED, /* begun, and can go on */
    SERIES_DIVERGED,
    SERIES_DONE
};
extern const char *const series_states[]; /* "missing", "stopped", "diverged", "done" */

enum { SERIES_SAME = 48 };

struct series_run {
    char *name;
    struct train_values values; /* texts borrowed from the series and its caller */
    enum series_state state;
    struct record_result result; /* when done or diverged */
    struct forecast forecast;    /* of the whole run */
    char same_as[SERIES_SAME];   /* of sweep: other freeze points that are the same training, "9" or "3 4"; or "" */
};

struct series {
    const struct command *command;
    char *path;
    int lock;                /* descriptor of the folder, locked; -1: none */
    struct data_paths paths; /* of the photos */
    char *weights;           /* absolute, or "random" */
    char hash[33];           /* of the weights */
    double deadline;         /* by clock_seconds, 0: none */
    double head_lr_mult;     /* as `first` of series_open decided it */
    struct series_clock clock;
    struct series_run *runs;
    size_t count, room, running;
    size_t only; /* series_run: this run alone, from 1; 0: all */
    /* Writes the table of all runs; called after each. */
    enum status (*write)(const struct series *series, struct error *err);
};

/* Makes the folder (values->out, as path_run) and its config.json, or opens that of values->resume. `first` is an open
 * training of one of the runs: photos and weights are taken from it, and must be those of `resumed`. `values` is the
 * command's whole struct, of which struct train_values is the beginning. Takes away unfinished files of the names in
 * `tables` (NULL-terminated). ERR_CANTCREATE, ERR_DATA. Free with series_close, also after an error. */
MUST_CHECK enum status series_open(struct series *out, const struct arguments *args, const struct run_setup *first,
                                   const struct resumed *resumed, bool shared, const char *const *tables,
                                   struct error *err);
void series_close(struct series *series);

/* Options that a run of the series begins with: those of the command without what only the series has. */
struct train_values series_values(const struct series *series, const struct train_values *given);

/* One more run, at the end. The name is copied. `forecast` describes the run by itself: what it shares with those
 * before it (forecast_share) is seen to here. ERR_SYSTEM without memory. */
MUST_CHECK enum status series_add(struct series *series, const char *name, const struct train_values *values,
                                  const struct forecast *forecast, struct error *err);

/* Seconds of run `from` and all after it that are not over, as far as is known by now. */
double series_seconds(const struct series *series, size_t from);

/* Fills in the states that the folders show. */
MUST_CHECK enum status series_look(struct series *series, struct error *err);

/* Is it done, or diverged? */
bool series_is_over(const struct series_run *run);

/* Runs all that are not done, in order; with `only` that one, and the tables are not written. Stops at a signal or the
 * deadline with OK and *stopped; the states say how far it came. */
MUST_CHECK enum status series_run(struct series *series, bool *stopped, struct error *err);

/* How many runs are in a state. */
size_t series_count(const struct series *series, enum series_state state);

/* stderr: what is missing, and how to go on. */
void series_say_how_to_resume(const struct series *series);

#endif
