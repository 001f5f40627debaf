/* Ctrl-C and SIGTERM: the first asks the loop to stop when the step is done, the second leaves at once.
 * SIGUSR1, by which job managers say that time is nearly up, asks alone. */
#ifndef FREEZETUNE_SIGNALS_H
#define FREEZETUNE_SIGNALS_H

#include <stdbool.h>

/* From now on SIGINT and SIGTERM set the flag instead of ending the program; a second one ends it at once with 128 +
 * its number, nothing being written. A signal that was ignored when the program started (nohup, background jobs) stays
 * so. */
void signals_catch(void);

/* The same for SIGUSR1, for commands that can go on later. After it SIGINT and SIGTERM do not leave at once. */
void signals_catch_save(void);

/* In so many seconds, at least 1, it is as if SIGUSR1 had come. */
void signals_save_after(long long seconds);

/* Has one come? Safe to call from any thread, cheap. */
bool signals_stop(void);

/* 130 after SIGINT, 143 after SIGTERM, 75 after SIGUSR1, 0 when none came.
 * A command that returns OK after a signal ends with this code. */
int signals_exit_code(void);

#endif
