#include "core/train/exchange_queue.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>

#include "core/base/memory.h"

struct planned {
    float *nodes;
    size_t values;
    bool ready;
};

struct exchange_queue {
    struct gradient_exchange *exchange;
    pthread_t thread;
    pthread_mutex_t lock; /* of all that follows */
    pthread_cond_t wake, done;
    struct planned *list; /* [most] */
    size_t most, count, next;
    bool started, ended;
    struct error failed; /* the first exchange that did; nothing is exchanged after it */
};

/* The next parameter, when it is time for it; NULL when the queue ends. Called with the lock held. */
static struct planned *next_ready(struct exchange_queue *queue)
{
    for (;;) {
        if (queue->ended)
            return NULL;
        if (queue->started && queue->next < queue->count && queue->list[queue->next].ready)
            return &queue->list[queue->next];
        pthread_cond_wait(&queue->wake, &queue->lock);
    }
}

static void *exchange_all(void *context)
{
    struct exchange_queue *queue = context;
    struct planned *planned;
    pthread_mutex_lock(&queue->lock);
    while ((planned = next_ready(queue)) != NULL) {
        struct error err = {.status = OK};
        if (queue->failed.status == OK) {
            pthread_mutex_unlock(&queue->lock);
            err.status = gradient_exchange_sum(queue->exchange, planned->nodes, planned->values, &err);
            pthread_mutex_lock(&queue->lock);
        }
        if (err.status != OK)
            queue->failed = err;
        if (++queue->next == queue->count)
            pthread_cond_signal(&queue->done);
    }
    pthread_mutex_unlock(&queue->lock);
    return NULL;
}

/* Signals are for the thread that trains. */
static bool start_thread(struct exchange_queue *queue)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(&queue->thread, NULL, exchange_all, queue) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

static void release(struct exchange_queue *queue)
{
    pthread_cond_destroy(&queue->done);
    pthread_cond_destroy(&queue->wake);
    pthread_mutex_destroy(&queue->lock);
    memory_free(queue->list);
    memory_free(queue);
}

enum status exchange_queue_create(struct exchange_queue **out, struct gradient_exchange *exchange, size_t most,
                                  struct error *err)
{
    void *memory, *list;
    enum status status = memory_alloc(&memory, 1, sizeof(struct exchange_queue), "the exchange of gradients", err);
    if (status != OK)
        return status;
    status = memory_alloc(&list, most, sizeof(struct planned), "the exchange of gradients", err);
    if (status != OK) {
        memory_free(memory);
        return status;
    }
    struct exchange_queue *queue = memory;
    *queue = (struct exchange_queue){.exchange = exchange, .list = list, .most = most};
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->wake, NULL);
    pthread_cond_init(&queue->done, NULL);
    if (!start_thread(queue)) {
        release(queue);
        return error_set(err, ERR_SYSTEM, "no thread for the exchange of gradients");
    }
    *out = queue;
    return OK;
}

void exchange_queue_destroy(struct exchange_queue *queue)
{
    if (!queue)
        return;
    pthread_mutex_lock(&queue->lock);
    queue->ended = true;
    pthread_cond_signal(&queue->wake);
    pthread_mutex_unlock(&queue->lock);
    pthread_join(queue->thread, NULL);
    release(queue);
}

void exchange_queue_begin(struct exchange_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->count = queue->next = 0;
    queue->started = false;
    queue->failed.status = OK;
    pthread_mutex_unlock(&queue->lock);
}

size_t exchange_queue_plan(struct exchange_queue *queue, float *nodes, size_t values)
{
    pthread_mutex_lock(&queue->lock);
    size_t number = queue->count++;
    assert(number < queue->most && !queue->started);
    queue->list[number] = (struct planned){.nodes = nodes, .values = values};
    pthread_mutex_unlock(&queue->lock);
    return number;
}

void exchange_queue_start(struct exchange_queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    queue->started = true;
    pthread_cond_signal(&queue->wake);
    pthread_mutex_unlock(&queue->lock);
}

void exchange_queue_ready(struct exchange_queue *queue, size_t number)
{
    pthread_mutex_lock(&queue->lock);
    queue->list[number].ready = true;
    pthread_cond_signal(&queue->wake);
    pthread_mutex_unlock(&queue->lock);
}

enum status exchange_queue_wait(struct exchange_queue *queue, struct error *err)
{
    pthread_mutex_lock(&queue->lock);
    while (queue->next < queue->count)
        pthread_cond_wait(&queue->done, &queue->lock);
    struct error failed = queue->failed;
    pthread_mutex_unlock(&queue->lock);
    return failed.status == OK ? OK : error_set(err, failed.status, "%s", failed.text);
}
