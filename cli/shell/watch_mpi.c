#define _POSIX_C_SOURCE 200809L
#include "cli/shell/watch_mpi.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <mpi.h>

#include "core/base/clock.h"
#include "core/base/error.h"
#include "core/base/memory.h"

/* A sign of life, or the last one of a rank that has done its work. */
enum { ALIVE = 'a', DONE = 'd' };
enum { SIGNS_A_SECOND = 2, SILENT_MOST = WATCH_SECONDS * SIGNS_A_SECOND, TAG = 1 };

struct other {
    MPI_Request sent, received;
    char to, from; /* what is being sent and received */
    bool done, told_done;
    unsigned silent; /* looks since its last sign */
};

static struct other *others; /* [ranks]; that of this rank is not used */
static size_t own, ranks;
static double next; /* look */

/* The thread that trains may be anywhere, perhaps within stdio: nothing is waited for here. */
void watch_give_up(const char *format, ...)
{
    char line[1024] = "freezetune: ";
    size_t length = strlen(line);
    va_list args;
    va_start(args, format);
    vsnprintf(line + length, sizeof line - length - 1, format, args);
    va_end(args);
    length = strlen(line);
    line[length++] = '\n';
    (void)!write(STDERR_FILENO, line, length);
    _exit(ERR_IO);
}

/* Of those that still hear each other the lowest rank says it for all. */
static _Noreturn void lost(size_t rank)
{
    size_t silent = 0, first = rank;
    for (size_t r = ranks; r-- > 0;)
        if (r != own && !others[r].done && others[r].silent > SILENT_MOST / 2) {
            silent++;
            first = r;
        }
    for (size_t r = 0; r < own; r++)
        if (others[r].silent <= SILENT_MOST / 2)
            _exit(ERR_IO);
    char more[64] = "";
    if (silent > 1)
        snprintf(more, sizeof more, " (nor of %zu more)", silent - 1);
    watch_give_up("rank %zu: nothing was heard of rank %zu%s for %d seconds: a machine, the network or a process has "
                  "stopped; train --resume goes on from the last checkpoint",
                  own, first, more, WATCH_SECONDS);
}

static void receive(size_t rank)
{
    MPI_Irecv(&others[rank].from, 1, MPI_CHAR, (int)rank, TAG, MPI_COMM_WORLD, &others[rank].received);
}

/* Takes all signs that have come: after a pause there may be many at once. */
static void listen(size_t rank)
{
    struct other *other = &others[rank];
    int came = 1;
    while (came && !other->done) {
        MPI_Test(&other->received, &came, MPI_STATUS_IGNORE);
        if (!came)
            break;
        other->silent = 0;
        other->done = other->from == DONE;
        if (!other->done)
            receive(rank);
    }
}

static bool call(size_t rank, char sign)
{
    struct other *other = &others[rank];
    int free;
    MPI_Test(&other->sent, &free, MPI_STATUS_IGNORE);
    if (!free)
        return false;
    other->to = sign;
    MPI_Isend(&other->to, 1, MPI_CHAR, (int)rank, TAG, MPI_COMM_WORLD, &other->sent);
    return true;
}

void watch_begin(size_t rank, size_t count)
{
    void *memory;
    if (memory_alloc(&memory, count, sizeof(struct other), "the ranks", NULL) != OK)
        watch_give_up("rank %zu: no memory for what is known of the ranks", rank);
    others = memory;
    own = rank;
    ranks = count;
    for (size_t r = 0; r < ranks; r++) {
        others[r] = (struct other){.sent = MPI_REQUEST_NULL, .received = MPI_REQUEST_NULL};
        if (r != own)
            receive(r);
    }
}

void watch_look(void)
{
    double now = clock_seconds();
    if (ranks < 2 || now < next)
        return;
    next = now + 1.0 / SIGNS_A_SECOND;
    for (size_t r = 0; r < ranks; r++)
        if (r != own && !others[r].told_done)
            call(r, ALIVE);
    for (size_t r = 0; r < ranks; r++) {
        if (r == own)
            continue;
        others[r].silent++;
        listen(r);
        if (others[r].silent > SILENT_MOST && !others[r].done)
            lost(r);
    }
}

/* Has this rank told that it is done, and heard the same? */
static bool parted(size_t rank)
{
    struct other *other = &others[rank];
    int free;
    if (!other->told_done)
        other->told_done = call(rank, DONE);
    MPI_Test(&other->sent, &free, MPI_STATUS_IGNORE);
    listen(rank);
    return other->told_done && free && other->done;
}

void watch_end(void)
{
    static const struct timespec nap = {.tv_nsec = 1000000};
    bool all = false;
    while (!all) {
        all = true;
        for (size_t r = 0; r < ranks; r++)
            if (r != own && !parted(r))
                all = false;
        watch_look();
        if (!all)
            nanosleep(&nap, NULL);
    }
    memory_free(others);
    ranks = 0;
}
