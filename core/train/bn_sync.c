#include "core/train/bn_sync.h"

#include <assert.h>

#include "core/base/memory.h"

static size_t sums_count(size_t pieces, size_t values)
{
    return (2 * pieces + 1) * values;
}

static size_t sizes_count(const struct peers *peers, size_t pieces)
{
    return peers->count + pieces + 1;
}

size_t bn_sync_bytes(const struct peers *peers, const struct plan *plan, size_t pieces)
{
    return sums_count(pieces, exec_pieces_values(plan)) * sizeof(double) + sizes_count(peers, pieces) * sizeof(size_t);
}

enum status bn_sync_create(struct bn_sync *out, const struct peers *peers, const struct plan *plan, size_t pieces,
                           struct error *err)
{
    static const char what[] = "the statistics of the batch";
    void *memory;
    *out = (struct bn_sync){.peers = peers, .most = pieces, .values = exec_pieces_values(plan)};
    enum status status = memory_alloc(&memory, sums_count(pieces, out->values), sizeof(double), what, err);
    if (status != OK)
        return status;
    out->sums = memory;
    status = memory_alloc(&memory, sizes_count(peers, pieces), sizeof(size_t), what, err);
    if (status == OK)
        out->sizes = memory;
    return status;
}

void bn_sync_free(struct bn_sync *sync)
{
    memory_free(sync->sizes);
    memory_free(sync->sums);
    *sync = (struct bn_sync){0};
}

/* The sums over the pieces of all processes. A layer narrower than the widest uses less of the room. */
static const double *total(void *context, double *sums, size_t values)
{
    struct bn_sync *sync = context;
    const struct peers *peers = sync->peers;
    double *all = sync->sums + 2 * sync->most * sync->values;
    assert(values <= sync->values);
    for (size_t r = 0; r < peers->count; r++)
        sync->sizes[r] =
            (peers_first(peers, r + 1, sync->count) - peers_first(peers, r, sync->count)) * values * sizeof(double);
    if (sync->status == OK)
        sync->status = peers_gather(peers, sums, sync->sizes, &sync->error);
    for (size_t v = 0; v < values; v++) {
        all[v] = 0;
        for (size_t i = 0; i < sync->count; i++)
            all[v] += sums[i * values + v];
    }
    return all;
}

void bn_sync_begin(struct bn_sync *sync, struct exec *exec, const struct share *share, size_t photos)
{
    size_t *begin = sync->sizes + sync->peers->count, first = photos * share->first / share->pieces;
    assert(share->pieces <= sync->most);
    for (size_t i = share->first; i <= share->end; i++)
        begin[i - share->first] = photos * i / share->pieces - first;
    sync->count = share->pieces;
    sync->status = OK;
    sync->pieces = (struct exec_pieces){.count = share->end - share->first,
                                        .before = share->first,
                                        .begin = begin,
                                        .images = photos,
                                        .sums = {sync->sums, sync->sums + sync->most * sync->values},
                                        .total = total,
                                        .context = sync};
    exec_set_pieces(exec, &sync->pieces);
}

void bn_sync_end(struct bn_sync *sync, struct exec *exec)
{
    (void)sync;
    exec_set_pieces(exec, NULL);
}

enum status bn_sync_status(const struct bn_sync *sync, struct error *err)
{
    return sync->status == OK ? OK : error_set(err, sync->status, "%s", sync->error.text);
}

/* Forward two sums of each channel, backward two. */
double bn_sync_sent(const struct plan *plan, size_t own)
{
    return 2.0 * (double)(exec_statistics_count(plan) * own * sizeof(double));
}
