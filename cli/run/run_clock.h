/* The running time of a run: the clock beside core/train/forecast.h, which has none. The hooks of the loop tell
 * what the seconds since their last call were spent on. */
#ifndef FREEZETUNE_RUN_CLOCK_H
#define FREEZETUNE_RUN_CLOCK_H

#include "cli/run/record_folder.h"
#include "core/train/forecast.h"

/* What several runs share: measured by one, known to the next. Zeros at first. */
struct series_clock {
    double peak; /* estimate_peak; 0: not measured yet */
    struct pace pace;
    /* Seconds of the runs after this one, as far as is known by now; NULL: there are none. */
    double (*others)(const void *context);
    const void *context;
};

struct run_clock {
    struct series_clock *series; /* borrowed */
    struct forecast forecast;
    double limit; /* by clock_seconds: the run ends then at the latest; 0: none */
    double lap;   /* when the forecast was told of time spent */
};

/* OVERWRITES *out: the run as it is planned. Measures the machine unless the series has. */
void run_clock_plan(struct run_clock *out, struct series_clock *series, const struct run_setup *setup);
/* Seconds of the whole run, as planned, by its limit at the latest. */
double run_clock_all(const struct run_clock *clock);

/* The run is prepared and its folder is open, as it is now or where --resume goes on. ERR_IO. */
MUST_CHECK enum status run_clock_enter(struct run_clock *clock, const struct record_folder *folder, struct error *err);
/* Now it begins. */
void run_clock_start(struct run_clock *clock);

void run_clock_features(struct run_clock *clock, size_t done, size_t all);
void run_clock_step(struct run_clock *clock, size_t photos);
void run_clock_validation(struct run_clock *clock, size_t done, size_t all);
void run_clock_other(struct run_clock *clock);
void run_clock_epoch(struct run_clock *clock);

/* Seconds until the run is over, and those of the runs after it. */
double run_clock_left(const struct run_clock *clock);
double run_clock_others(const struct run_clock *clock);

#endif
