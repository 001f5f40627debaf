/* Time that only goes forward, for measuring. Never an input to a result. */
#ifndef FREEZETUNE_CLOCK_H
#define FREEZETUNE_CLOCK_H

/* Seconds since some moment in the past. */
double clock_seconds(void);

#endif
