#include "cli/run/run_clock.h"

#include <math.h>

#include "cli/run/estimate.h"
#include "cli/run/record_result.h"
#include "core/base/clock.h"

void run_clock_plan(struct run_clock *out, struct series_clock *series, const struct run_setup *setup)
{
    *out = (struct run_clock){.series = series};
    if (!(series->peak > 0))
        series->peak = estimate_peak(setup->pool, setup->options.precision);
    estimate_forecast(&out->forecast, setup, setup->train, series->peak);
}

static double by_limit(const struct run_clock *clock, double seconds)
{
    return clock->limit > 0 ? fmin(seconds, fmax(clock->limit - clock_seconds(), 0)) : seconds;
}

double run_clock_all(const struct run_clock *clock)
{
    return by_limit(clock, forecast_all(&clock->forecast, &clock->series->pace));
}

enum status run_clock_enter(struct run_clock *clock, const struct record_folder *folder, struct error *err)
{
    const struct train_state *state = train_state_get(folder->setup->train);
    double seconds = 0;
    enum status status = OK;
    if (state->epoch > 0)
        status = record_result_last_seconds(&seconds, folder, err);
    if (seconds > 0)
        forecast_recall(&clock->forecast, &clock->series->pace, state->epoch - 1, seconds);
    forecast_enter(&clock->forecast, state->epoch, state->count);
    return status;
}

void run_clock_start(struct run_clock *clock)
{
    clock->lap = clock_seconds();
}

/* Seconds since the last call. */
static double take_lap(struct run_clock *clock)
{
    double now = clock_seconds(), seconds = now - clock->lap;
    clock->lap = now;
    return seconds;
}

void run_clock_features(struct run_clock *clock, size_t done, size_t all)
{
    forecast_features(&clock->forecast, &clock->series->pace, done, all, take_lap(clock));
}

void run_clock_step(struct run_clock *clock, size_t photos)
{
    forecast_step(&clock->forecast, &clock->series->pace, photos, take_lap(clock));
}

void run_clock_validation(struct run_clock *clock, size_t done, size_t all)
{
    forecast_validation(&clock->forecast, &clock->series->pace, done, all, take_lap(clock));
}

void run_clock_other(struct run_clock *clock)
{
    pace_other(&clock->series->pace, take_lap(clock));
}

void run_clock_epoch(struct run_clock *clock)
{
    forecast_next(&clock->forecast, &clock->series->pace);
}

double run_clock_left(const struct run_clock *clock)
{
    return by_limit(clock, forecast_rest(&clock->forecast, &clock->series->pace));
}

double run_clock_others(const struct run_clock *clock)
{
    const struct series_clock *series = clock->series;
    double others = series->others ? series->others(series->context) : 0, left = run_clock_left(clock);
    return by_limit(clock, left + others) - left;
}
