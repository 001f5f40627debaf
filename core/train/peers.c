#include "core/train/peers.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "core/base/memory.h"

const struct peers peers_alone = {.rank = 0, .count = 1};

size_t peers_first(const struct peers *peers, size_t rank, size_t count)
{
    return count * rank / peers->count;
}

enum status peers_exchange(const struct peers *peers, void *out, const size_t *received, const void *in,
                           const size_t *sent, struct error *err)
{
    if (peers->count > 1)
        return peers->calls->exchange(peers->context, out, received, in, sent, err);
    assert(received[0] == sent[0]);
    if (sent[0] > 0)
        memcpy(out, in, sent[0]);
    return OK;
}

enum status peers_gather(const struct peers *peers, void *all, const size_t *sizes, struct error *err)
{
    return peers->count > 1 ? peers->calls->gather(peers->context, all, sizes, err) : OK;
}

/* One record of `size` bytes of each rank: *all = [count][size], owned by the caller (memory_free). */
static enum status gather_records(void **all, const struct peers *peers, const void *own, size_t size,
                                  struct error *err)
{
    void *sizes, *records;
    enum status status = memory_alloc(&sizes, peers->count, sizeof(size_t), "the answers of the ranks", err);
    if (status != OK)
        return status;
    status = memory_alloc(&records, peers->count, size, "the answers of the ranks", err);
    if (status == OK) {
        for (size_t r = 0; r < peers->count; r++)
            ((size_t *)sizes)[r] = size;
        memcpy((uint8_t *)records + peers->rank * size, own, size);
        status = peers_gather(peers, records, sizes, err);
        if (status == OK)
            *all = records;
        else
            memory_free(records);
    }
    memory_free(sizes);
    return status;
}

enum status peers_most(const struct peers *peers, int *values, size_t count, struct error *err)
{
    void *all;
    if (peers->count == 1)
        return OK;
    enum status status = gather_records(&all, peers, values, count * sizeof *values, err);
    if (status != OK)
        return status;
    for (size_t i = 0; i < peers->count * count; i++) {
        int other = ((const int *)all)[i];
        values[i % count] = other > values[i % count] ? other : values[i % count];
    }
    memory_free(all);
    return OK;
}

/* After all know that one of them failed. */
static enum status tell_errors(const struct peers *peers, enum status status, struct error *err)
{
    struct error own = {.status = status};
    void *all;
    if (status != OK && err)
        own = *err;
    own.status = status;
    enum status gathered = gather_records(&all, peers, &own, sizeof own, err);
    if (gathered != OK)
        return status != OK ? status : gathered;
    const struct error *errors = all;
    for (size_t r = 0; r < peers->count && status == OK; r++)
        if (errors[r].status != OK)
            status = error_set(err, errors[r].status, "rank %zu: %.900s", r, errors[r].text);
    memory_free(all);
    return status;
}

enum status peers_settle(const struct peers *peers, enum status status, struct error *err)
{
    struct error lost;
    int failed = status != OK;
    if (peers->count == 1)
        return status;
    enum status gathered = peers_most(peers, &failed, 1, &lost);
    if (gathered != OK && status == OK)
        status = error_set(err, gathered, "%s", lost.text);
    return gathered == OK && failed ? tell_errors(peers, status, err) : status;
}

enum status peers_compare(size_t *rank, const struct peers *peers, const void *own, size_t size, struct error *err)
{
    void *all;
    *rank = 0;
    if (peers->count == 1)
        return OK;
    enum status status = gather_records(&all, peers, own, size, err);
    if (status != OK)
        return status;
    for (size_t r = peers->count; r-- > 1;)
        if (memcmp((const uint8_t *)all + r * size, all, size) != 0)
            *rank = r;
    memory_free(all);
    return OK;
}
