/* The axis of a chart: which numbers stand at it, and where a value lies on the page. */
#ifndef FREEZETUNE_HTML_AXIS_H
#define FREEZETUNE_HTML_AXIS_H

#include <stdbool.h>
#include <stddef.h>

struct axis {
    double low, high; /* values at its ends; with `log`, both above 0 */
    double from, to;  /* coordinates of these */
    double step;      /* between ticks, 1, 2 or 5 times a power of ten; without `log` */
    bool log;
};

/* An axis whose ends are ticks, with at most `most` (>= 2) of them (Heckbert, "Nice Numbers for Graph Labels",
 * Graphics Gems, 1990). One value alone, values that are not finite and low > high give a usable axis too. */
struct axis axis_nice(double low, double high, size_t most, double from, double to);
/* The same for whole numbers such as epochs: the ends are the given ones, the step is a whole number. */
struct axis axis_whole(double low, double high, size_t most, double from, double to);
/* A logarithmic one from a value above 0 to a larger one: ticks at the powers of ten. */
struct axis axis_log(double low, double high, double from, double to);

double axis_at(const struct axis *axis, double value);
/* Tick `i` from 0, false behind the last. */
bool axis_tick(double *value, const struct axis *axis, size_t i);
/* Digits behind the point that tell the ticks apart. */
int axis_digits(const struct axis *axis);

#endif
