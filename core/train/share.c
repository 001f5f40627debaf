#include "core/train/share.h"

#include "core/base/memory.h"

enum { LOSS, RIGHT, STATISTICS }; /* where they lie in a record */

static bool keeps_statistics(const struct peers *peers, bool synced)
{
    return peers->count > 1 && !synced;
}

static size_t values_of(const struct plan *plan, bool keeps)
{
    return STATISTICS + (keeps ? exec_statistics_count(plan) : 0);
}

size_t share_bytes(const struct peers *peers, const struct plan *plan, size_t pieces, bool synced)
{
    size_t values = values_of(plan, keeps_statistics(peers, synced));
    return pieces * values * sizeof(double) + peers->count * sizeof(size_t);
}

enum status share_create(struct share *out, const struct peers *peers, const struct plan *plan, size_t pieces,
                         bool synced, struct error *err)
{
    static const char what[] = "what the ranks tell each other";
    void *memory;
    bool keeps = keeps_statistics(peers, synced);
    *out = (struct share){.peers = peers, .values = values_of(plan, keeps), .keeps = keeps};
    enum status status = memory_alloc(&memory, pieces * out->values, sizeof(double), what, err);
    if (status != OK)
        return status;
    out->records = memory;
    status = memory_alloc(&memory, peers->count, sizeof(size_t), what, err);
    if (status == OK)
        out->sizes = memory;
    return status;
}

void share_free(struct share *share)
{
    memory_free(share->sizes);
    memory_free(share->records);
    *share = (struct share){0};
}

void share_begin(struct share *share, size_t pieces, bool whole)
{
    const struct peers *peers = whole ? &peers_alone : share->peers;
    share->pieces = pieces;
    share->whole = whole;
    share->first = peers_first(peers, peers->rank, pieces);
    share->end = peers_first(peers, peers->rank + 1, pieces);
}

static double *record_of(const struct share *share, size_t piece)
{
    return share->records + piece * share->values;
}

void share_begin_piece(struct share *share, struct exec *exec, size_t piece)
{
    exec_keep_statistics(exec, share->keeps ? record_of(share, piece) + STATISTICS : NULL);
}

void share_end_piece(struct share *share, struct exec *exec)
{
    (void)share;
    exec_keep_statistics(exec, NULL);
}

void share_note(struct share *share, size_t piece, double loss, size_t right)
{
    record_of(share, piece)[LOSS] = loss;
    record_of(share, piece)[RIGHT] = (double)right;
}

enum status share_gather(double *loss, size_t *right, struct share *share, struct exec *exec, struct error *err)
{
    const struct peers *peers = share->whole ? &peers_alone : share->peers;
    for (size_t r = 0; r < peers->count; r++)
        share->sizes[r] = (peers_first(peers, r + 1, share->pieces) - peers_first(peers, r, share->pieces)) *
                          share->values * sizeof(double);
    enum status status = peers_gather(peers, share->records, share->sizes, err);
    if (status != OK)
        return status;
    *loss = 0;
    *right = 0;
    for (size_t i = 0; i < share->pieces; i++) {
        *loss += record_of(share, i)[LOSS];
        *right += (size_t)record_of(share, i)[RIGHT];
        if (share->keeps)
            exec_move_statistics(exec, record_of(share, i) + STATISTICS);
    }
    return OK;
}
