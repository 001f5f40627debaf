/* Whether the other ranks of freezetune-mpi are still there. Each sends every other one a sign of life twice a second,
 * and a rank that hears nothing of another for WATCH_SECONDS says so and ends: MPI itself waits for as long as its
 * transport does, with TCP a quarter of an hour, and some of its starters do not end the others when one has died.
 *
 * Silence is counted in looks, not by the clock, so that processes that are all stopped for a while (a job that is
 * suspended) go on afterwards. All functions are called by the thread that has initialised MPI. */
#ifndef FREEZETUNE_WATCH_MPI_H
#define FREEZETUNE_WATCH_MPI_H

#include <stddef.h>

enum { WATCH_SECONDS = 7 };

void watch_begin(size_t rank, size_t count);
/* To be called several times a second; cheap. Does not return when a rank is gone. */
void watch_look(void);
/* Waits until all ranks have come here: MPI can be finalised. */
void watch_end(void);

/* One line on stderr, "freezetune: ..."; ends the process at once with ERR_IO, so that what has started it ends the
 * others. */
_Noreturn void watch_give_up(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
