/* A pool of threads over which work is cut into items of fixed size.
 *
 * Items are handed out in order to the next free thread; which thread takes an item is left to chance, so an item's
 * result must depend on its number alone and items must write to disjoint places. That makes every result the same for
 * any number of threads.
 */
#ifndef FREEZETUNE_THREADS_H
#define FREEZETUNE_THREADS_H

#include <stddef.h>

#include "core/base/error.h"

/* OpenBLAS as distributions build it serves that many callers at a time;
 * with more it warns, and at some number falls. */
enum { POOL_THREADS_MOST = 128 };

struct pool;

/* One item of work. `thread` is 0..pool_threads()-1 and names the scratch memory that may be used. */
typedef void pool_work(void *context, size_t item, size_t thread);

/* A pool of `threads` (1..POOL_THREADS_MOST) threads, the caller's own among them. */
MUST_CHECK enum status pool_create(struct pool **out, size_t threads, struct error *err);
void pool_destroy(struct pool *pool);

size_t pool_threads(const struct pool *pool);

/* Runs work(context, 0..items-1, thread) and returns when all are done. Only one thread may call this at a time and
 * never from inside an item. */
void pool_for(struct pool *pool, size_t items, pool_work *work, void *context);

/* The number of processors this process may use (the affinity mask), 1..POOL_THREADS_MOST. */
size_t threads_available(void);

#endif
