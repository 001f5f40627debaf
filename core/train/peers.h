/* The processes that train one network together, each with its share of the pieces of every batch. One that works alone
 * is a group of one, for which nothing here does or costs anything.
 *
 * All of a group call the same functions in the same order, each from the thread that drives its training. One other
 * thread of each may do the same with `beside`, the same ranks once more, at the same time. What is
 * behind them (struct peers_calls) moves bytes and adds nothing: sums are made by the caller, in an order that does not
 * depend on how many processes there are (sum_tree.h), so that neither does any result.
 *
 * A process that fails says so at the next peers_settle, where all others wait for it. One that has died is noticed by
 * what is behind the calls: they fail with ERR_IO, or end the process.
 */
#ifndef FREEZETUNE_PEERS_H
#define FREEZETUNE_PEERS_H

#include <stddef.h>

#include "core/base/error.h"

/* What moves the bytes. Every rank r of count names the same sizes. Errors: ERR_IO for a peer that cannot be reached.
 *
 *   exchange   in[] lies in blocks by receiving rank: block r, of sent[r] bytes, goes to rank r. OVERWRITES out[], in
 *              blocks by sending rank: received[r] bytes of rank r
 *   gather     all[] lies in blocks by rank, of sizes[r] bytes each; the caller has filled its own. OVERWRITES the
 *              others with those of their ranks
 */
struct peers_calls {
    enum status (*exchange)(void *context, void *out, const size_t *received, const void *in, const size_t *sent,
                            struct error *err);
    enum status (*gather)(void *context, void *all, const size_t *sizes, struct error *err);
};

struct peers {
    size_t rank, count; /* rank 0..count-1; rank 0 writes the files of the run */
    const struct peers_calls *calls;
    void *context;
    const struct peers *beside; /* NULL where there is one process */
};

/* The group of one. */
extern const struct peers peers_alone;

/* Part `rank` of `count` things dealt in blocks, as even as can be: from first up to where the next rank's begin. */
size_t peers_first(const struct peers *peers, size_t rank, size_t count);

/* As the calls above. Alone: exchange copies, gather does nothing. */
MUST_CHECK enum status peers_exchange(const struct peers *peers, void *out, const size_t *received, const void *in,
                                      const size_t *sent, struct error *err);
MUST_CHECK enum status peers_gather(const struct peers *peers, void *all, const size_t *sizes, struct error *err);

/* values[i] = the largest that any rank has for it. */
MUST_CHECK enum status peers_most(const struct peers *peers, int *values, size_t count, struct error *err);

/* Each rank calls it with the status of what it has just done, and *err of that: OK when all of them are OK. A rank
 * that failed keeps its own error; the others get that of the lowest rank that failed, with "rank N: " before its
 * text. */
MUST_CHECK enum status peers_settle(const struct peers *peers, enum status status, struct error *err);

/* *rank = the lowest one whose `size` bytes at `own` are not those of rank 0; 0 where all are the same. */
MUST_CHECK enum status peers_compare(size_t *rank, const struct peers *peers, const void *own, size_t size,
                                     struct error *err);

#endif
