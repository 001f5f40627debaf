#define _GNU_SOURCE
#include "core/base/threads.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "core/base/memory.h"

/* Between two loops of a training step only microseconds pass: a short spin saves the futex round trip. It is kept
 * short, because with more threads than processors a spinning thread keeps the others from working. */
enum { SPINS = 2000 };

struct worker {
    struct pool *pool;
    size_t index;
    pthread_t thread;
};

struct pool {
    size_t threads;
    struct worker *workers; /* threads - 1 of them; the caller is thread 0 */
    size_t started;

    pthread_mutex_t lock;
    pthread_cond_t wake, done;
    atomic_ulong round; /* a new value: there is work (or the end) */
    atomic_size_t next; /* the next item to hand out */
    atomic_size_t busy; /* workers that have not finished this round */
    bool stop;

    pool_work *work;
    void *context;
    size_t items;
};

static void pause_briefly(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

static void take_items(struct pool *pool, size_t thread)
{
    size_t item;
    while ((item = atomic_fetch_add(&pool->next, 1)) < pool->items)
        pool->work(pool->context, item, thread);
}

static void *worker_main(void *argument)
{
    struct worker *self = argument;
    struct pool *pool = self->pool;
    unsigned long seen = 0;
    for (;;) {
        for (int i = 0; i < SPINS && atomic_load(&pool->round) == seen; i++)
            pause_briefly();
        pthread_mutex_lock(&pool->lock);
        while (atomic_load(&pool->round) == seen)
            pthread_cond_wait(&pool->wake, &pool->lock);
        seen = atomic_load(&pool->round);
        bool stop = pool->stop;
        pthread_mutex_unlock(&pool->lock);
        if (stop)
            return NULL;
        take_items(pool, self->index);
        if (atomic_fetch_sub(&pool->busy, 1) == 1) {
            pthread_mutex_lock(&pool->lock);
            pthread_cond_signal(&pool->done);
            pthread_mutex_unlock(&pool->lock);
        }
    }
}

enum status pool_create(struct pool **out, size_t threads, struct error *err)
{
    void *memory;
    if (threads < 1 || threads > POOL_THREADS_MOST)
        return error_set(err, ERR_USAGE, "--threads %zu: the number must be 1 to %d", threads, POOL_THREADS_MOST);
    enum status status = memory_alloc(&memory, 1, sizeof(struct pool), "the thread pool", err);
    if (status != OK)
        return status;
    struct pool *pool = memory;
    status = memory_alloc(&memory, threads, sizeof(struct worker), "the thread pool", err);
    if (status != OK) {
        memory_free(pool);
        return status;
    }
    pool->workers = memory;
    pool->threads = threads;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pthread_cond_init(&pool->done, NULL);

    /* Signals are for the thread that called us: a handler that interrupts a worker would help nobody. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (size_t i = 0; i + 1 < threads && status == OK; i++) {
        struct worker *worker = &pool->workers[i];
        worker->pool = pool;
        worker->index = i + 1;
        if (pthread_create(&worker->thread, NULL, worker_main, worker) != 0)
            status =
                error_set(err, ERR_SYSTEM, "the system refused thread %zu of %zu: use fewer --threads", i + 2, threads);
        else
            pool->started++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (status != OK) {
        pool_destroy(pool);
        return status;
    }
    *out = pool;
    return OK;
}

void pool_destroy(struct pool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->stop = true;
    atomic_fetch_add(&pool->round, 1);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    for (size_t i = 0; i < pool->started; i++)
        pthread_join(pool->workers[i].thread, NULL);
    pthread_cond_destroy(&pool->done);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->lock);
    memory_free(pool->workers);
    memory_free(pool);
}

size_t pool_threads(const struct pool *pool)
{
    return pool->threads;
}

void pool_for(struct pool *pool, size_t items, pool_work *work, void *context)
{
    if (pool->threads == 1 || items <= 1) {
        for (size_t i = 0; i < items; i++)
            work(context, i, 0);
        return;
    }
    pthread_mutex_lock(&pool->lock);
    pool->work = work;
    pool->context = context;
    pool->items = items;
    atomic_store(&pool->next, 0);
    atomic_store(&pool->busy, pool->threads - 1);
    atomic_fetch_add(&pool->round, 1);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);

    take_items(pool, 0);

    for (int i = 0; i < SPINS && atomic_load(&pool->busy) > 0; i++)
        pause_briefly();
    pthread_mutex_lock(&pool->lock);
    while (atomic_load(&pool->busy) > 0)
        pthread_cond_wait(&pool->done, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}

size_t threads_available(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    int count = CPU_COUNT(&set);
    return count < 1 ? 1 : count > POOL_THREADS_MOST ? POOL_THREADS_MOST : (size_t)count;
}
