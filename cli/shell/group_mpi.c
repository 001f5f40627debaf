/* The group of freezetune-mpi: the ranks of MPI_COMM_WORLD. MPI moves bytes here and never adds floats: the order of
 * MPI_Allreduce's sums is the library's, and changes with the number of ranks, the size of a message and the version.
 *
 * Errors of MPI end all ranks (MPI_ERRORS_ARE_FATAL, which is what a communicator begins with): a rank that is gone
 * cannot be trained without, and the last checkpoint is whole. */
#include "cli/shell/group.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mpi.h>

#include "cli/shell/remark.h"
#include "core/base/memory.h"
#include "core/ops/cpu.h"

/* Counts and places of a call, as MPI takes them. */
struct blocks {
    int *counts, *places; /* [ranks] */
};

static struct blocks sent, received;
static struct peers group = {.rank = 0, .count = 1};

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
    (void)context;
    enum status status = fill(&received, out_sizes, err);
    if (status == OK)
        status = fill(&sent, in_sizes, err);
    if (status == OK)
        MPI_Alltoallv(in, sent.counts, sent.places, MPI_BYTE, out, received.counts, received.places, MPI_BYTE,
                      MPI_COMM_WORLD);
    return status;
}

static enum status gather(void *context, void *all, const size_t *sizes, struct error *err)
{
    (void)context;
    enum status status = fill(&received, sizes, err);
    if (status == OK)
        MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, all, received.counts, received.places, MPI_BYTE,
                       MPI_COMM_WORLD);
    return status;
}

/* Unlike processors round unlike, since only some fuse a product and a sum: all take the set that all have. */
static void share_instructions(void)
{
    int least[2] = {(int)cpu_set_get(), cpu_has_bf16()};
    MPI_Allreduce(MPI_IN_PLACE, least, 2, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
    cpu_narrow((enum cpu_set)least[0], least[1] != 0);
}

static void start_group(size_t rank, size_t count)
{
    static const struct peers_calls calls = {exchange, gather};
    void *memory;
    if (memory_alloc(&memory, 4 * count, sizeof(int), "the ranks", NULL) != OK)
        MPI_Abort(MPI_COMM_WORLD, ERR_SYSTEM);
    sent = (struct blocks){.counts = memory, .places = (int *)memory + count};
    received = (struct blocks){.counts = (int *)memory + 2 * count, .places = (int *)memory + 3 * count};
    group = (struct peers){.rank = rank, .count = count, .calls = &calls};
    share_instructions();
}

void group_open(int *argc, char ***argv)
{
    int level, rank, count;
    MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &level);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &count);
    if (count > 1)
        start_group((size_t)rank, (size_t)count);
    if (rank > 0) {
        remarks_silence();
        if (!freopen("/dev/null", "w", stdout))
            MPI_Abort(MPI_COMM_WORLD, ERR_SYSTEM);
    }
}

int group_close(int code)
{
    if (group.count > 1)
        MPI_Allreduce(MPI_IN_PLACE, &code, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
    memory_free(sent.counts);
    MPI_Finalize();
    return code;
}

const struct peers *group_peers(void)
{
    return &group;
}
