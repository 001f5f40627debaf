/* The group of freezetune-mpi: the ranks of MPI_COMM_WORLD. MPI moves bytes here and never adds floats: the order of
 * MPI_Allreduce's sums is the library's, and changes with the number of ranks, the size of a message and the version.
 *
 * One thread, the mover, makes all calls of MPI, from MPI_Init to MPI_Finalize. Who calls a function of the group gives
 * it a request and sleeps until that is done. So a rank shows the others that it lives (watch_mpi.h) while it computes,
 * reads photos or waits, and a rank that waits takes no core.
 *
 * An error of MPI ends the process, and what has started it ends the others: a rank that is gone cannot be trained
 * without, and the last checkpoint is whole. */
#define _POSIX_C_SOURCE 200809L
#include "cli/shell/group.h"

#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <mpi.h>

#include "cli/shell/remark.h"
#include "cli/shell/watch_mpi.h"
#include "core/base/memory.h"
#include "core/ops/cpu.h"

/* Counts and places of a call, as MPI takes them. */
struct blocks {
    int *counts, *places; /* [ranks] */
};

enum request_kind { EXCHANGE, GATHER, END };

struct request {
    enum request_kind kind;
    void *out;
    const void *in;
    bool done;
};

/* Calls of one thread, in their order; those of another do not wait for them. */
struct channel {
    MPI_Comm communicator;
    struct blocks sent, received;
    struct request *request; /* NULL: none. The mover's once it moves */
    MPI_Request moving;      /* MPI_REQUEST_NULL: not yet */
};

enum { CHANNELS = 2 }; /* of the thread that trains, and of the one beside it */
static struct channel channels[CHANNELS];
static struct peers beside = {.rank = 0, .count = 1};
static struct peers group = {.rank = 0, .count = 1};

static struct mover {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t asked, answered;
    bool started;
    int *argc;
    char ***argv;
} mover = {.lock = PTHREAD_MUTEX_INITIALIZER, .answered = PTHREAD_COND_INITIALIZER};

/* ---- the mover -------------------------------------------------------------------------------------------------- */
static void fail(MPI_Comm *communicator, int *code, ...)
{
    char text[MPI_MAX_ERROR_STRING];
    int length;
    (void)communicator;
    if (MPI_Error_string(*code, text, &length) != MPI_SUCCESS)
        text[length = 0] = '\0';
    watch_give_up("rank %zu: MPI: %.*s; train --resume goes on from the last checkpoint", group.rank, length, text);
}

static void initialise(void)
{
    MPI_Errhandler handler;
    int level, rank, count;
    MPI_Init_thread(mover.argc, mover.argv, MPI_THREAD_FUNNELED, &level);
    MPI_Comm_create_errhandler(fail, &handler);
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, handler);
    MPI_Errhandler_free(&handler);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &count);
    group.rank = (size_t)rank;
    group.count = (size_t)count;
    channels[0] = (struct channel){.communicator = MPI_COMM_WORLD, .moving = MPI_REQUEST_NULL};
    channels[1] = (struct channel){.moving = MPI_REQUEST_NULL};
    MPI_Comm_dup(MPI_COMM_WORLD, &channels[1].communicator);
    watch_begin(group.rank, group.count);
}

/* What moves data only within MPI's calls must be called often while there is any: first without sleeping, which is
 * enough for what is small. */
static void nap(size_t tests)
{
    enum { AT_ONCE = 64, BETWEEN_NAPS = 8 };
    static const struct timespec shortly = {.tv_nsec = 50000};
    if (tests < AT_ONCE)
        sched_yield();
    else if (tests % BETWEEN_NAPS == 0)
        nanosleep(&shortly, NULL);
}

static void begin(struct channel *channel, const struct request *request)
{
    const struct blocks *to = &channel->received, *from = &channel->sent;
    if (request->kind == EXCHANGE)
        MPI_Ialltoallv(request->in, from->counts, from->places, MPI_BYTE, request->out, to->counts, to->places,
                       MPI_BYTE, channel->communicator, &channel->moving);
    else
        MPI_Iallgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, request->out, to->counts, to->places, MPI_BYTE,
                        channel->communicator, &channel->moving);
}

static void answer(struct channel *channel)
{
    pthread_mutex_lock(&mover.lock);
    channel->request->done = true;
    channel->request = NULL;
    pthread_cond_broadcast(&mover.answered);
    pthread_mutex_unlock(&mover.lock);
}

static bool asked(void)
{
    for (size_t c = 0; c < CHANNELS; c++)
        if (channels[c].request)
            return true;
    return false;
}

/* Copies what is asked for now. Where that is nothing it waits for a request, or until it is time to look at the other
 * ranks. */
static void take_requests(struct request *requests[CHANNELS])
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += 200000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&mover.lock);
    for (int code = 0; !asked() && code == 0;)
        code = pthread_cond_timedwait(&mover.asked, &mover.lock, &until);
    for (size_t c = 0; c < CHANNELS; c++)
        requests[c] = channels[c].request;
    pthread_mutex_unlock(&mover.lock);
}

/* One look at a channel. *busy where its request is under way; true where something has begun or ended. */
static bool attend(struct channel *channel, struct request *request, bool *busy)
{
    int moved;
    bool begins = channel->moving == MPI_REQUEST_NULL;
    if (begins)
        begin(channel, request);
    MPI_Test(&channel->moving, &moved, MPI_STATUS_IGNORE);
    if (moved)
        answer(channel);
    else
        *busy = true;
    return begins || moved;
}

static void *run_mover(void *context)
{
    bool ended = false;
    initialise();
    pthread_mutex_lock(&mover.lock);
    mover.started = true;
    pthread_cond_broadcast(&mover.answered);
    pthread_mutex_unlock(&mover.lock);
    for (size_t tests = 0; !ended;) {
        struct request *requests[CHANNELS];
        bool busy = false, changed = false;
        take_requests(requests);
        watch_look();
        for (size_t c = 0; c < CHANNELS; c++) {
            if (requests[c] && requests[c]->kind == END) {
                ended = true;
                answer(&channels[c]);
            } else if (requests[c]) {
                changed = attend(&channels[c], requests[c], &busy) || changed;
            }
        }
        tests = changed ? 0 : tests + 1;
        if (busy && !changed)
            nap(tests);
    }
    MPI_Comm_free(&channels[1].communicator);
    watch_end();
    MPI_Finalize();
    return context;
}

/* Signals are for the thread that trains. */
static bool start_mover(int *argc, char ***argv)
{
    sigset_t all, before;
    pthread_condattr_t attributes;
    mover.argc = argc;
    mover.argv = argv;
    if (pthread_condattr_init(&attributes) != 0)
        return false;
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    bool started = pthread_cond_init(&mover.asked, &attributes) == 0;
    pthread_condattr_destroy(&attributes);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    started = started && pthread_create(&mover.thread, NULL, run_mover, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_mutex_lock(&mover.lock);
    while (started && !mover.started)
        pthread_cond_wait(&mover.answered, &mover.lock);
    pthread_mutex_unlock(&mover.lock);
    return started;
}

static void ask(struct channel *channel, struct request request)
{
    pthread_mutex_lock(&mover.lock);
    channel->request = &request;
    pthread_cond_signal(&mover.asked);
    while (!request.done)
        pthread_cond_wait(&mover.answered, &mover.lock);
    pthread_mutex_unlock(&mover.lock);
}

/* ---- the group --------------------------------------------------------------------------------------------------- */
/* MPI counts in int: no block of a step is nearly that large, and one that were would have to be cut. */
static enum status fill(struct blocks *blocks, const size_t *sizes, struct error *err)
{
    size_t place = 0;
    for (size_t r = 0; r < group.count; r++) {
        blocks->counts[r] = (int)sizes[r];
        blocks->places[r] = (int)place;
        place += sizes[r];
    }
    if (place > INT_MAX)
        return error_set(err, ERR_SYSTEM, "a message of %zu bytes is more than MPI can send at a time", place);
    return OK;
}

static enum status exchange(void *context, void *out, const size_t *out_sizes, const void *in, const size_t *in_sizes,
                            struct error *err)
{
    struct channel *channel = context;
    enum status status = fill(&channel->received, out_sizes, err);
    if (status == OK)
        status = fill(&channel->sent, in_sizes, err);
    if (status == OK)
        ask(channel, (struct request){.kind = EXCHANGE, .out = out, .in = in});
    return status;
}

static enum status gather(void *context, void *all, const size_t *sizes, struct error *err)
{
    struct channel *channel = context;
    enum status status = fill(&channel->received, sizes, err);
    if (status == OK)
        ask(channel, (struct request){.kind = GATHER, .out = all});
    return status;
}

/* Unlike processors round unlike, since only some fuse a product and a sum: all take the set that all have. */
static enum status share_instructions(struct error *err)
{
    int least[2] = {-(int)cpu_set_get(), -(int)cpu_bf16()}; /* the least is the most of the negative */
    enum status status = peers_most(&group, least, 2, err);
    if (status == OK)
        cpu_narrow((enum cpu_set) - least[0], (enum cpu_bf16) - least[1]);
    return status;
}

static void start_group(void)
{
    static const struct peers_calls calls = {exchange, gather};
    struct error err;
    void *memory;
    enum status status = memory_alloc(&memory, CHANNELS * 4 * group.count, sizeof(int), "the ranks", &err);
    if (status == OK) {
        int *counts = memory;
        for (size_t c = 0; c < CHANNELS; c++, counts += 4 * group.count) {
            channels[c].sent = (struct blocks){counts, counts + group.count};
            channels[c].received = (struct blocks){counts + 2 * group.count, counts + 3 * group.count};
        }
        beside = (struct peers){group.rank, group.count, &calls, &channels[1], NULL};
        group = (struct peers){group.rank, group.count, &calls, &channels[0], &beside};
        status = share_instructions(&err);
    }
    if (status != OK)
        watch_give_up("rank %zu: %s", group.rank, err.text);
}

void group_open(int *argc, char ***argv)
{
    if (!start_mover(argc, argv))
        watch_give_up("no thread for MPI");
    if (group.count > 1)
        start_group();
    if (group.rank > 0) {
        remarks_silence();
        if (!freopen("/dev/null", "w", stdout))
            watch_give_up("rank %zu: /dev/null cannot be opened", group.rank);
    }
}

int group_close(int code)
{
    if (peers_most(&group, &code, 1, NULL) != OK)
        watch_give_up("rank %zu: the exit code of the others is not known", group.rank);
    ask(&channels[0], (struct request){.kind = END});
    pthread_join(mover.thread, NULL);
    memory_free(channels[0].sent.counts);
    return code;
}

const struct peers *group_peers(void)
{
    return &group;
}

/* Measured as the peak of this program less that of the one without MPI, 1 to 4 processes on one machine: Open MPI
 * 4.1.4 takes 8 to 12 MB, MPICH 4.0.2 12 to 15. */
size_t group_memory(void)
{
    return 12000000;
}
