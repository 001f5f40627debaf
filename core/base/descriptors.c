#define _GNU_SOURCE
#include "core/base/descriptors.h"

#include <poll.h>
#include <pthread.h>
#include <sys/resource.h>

enum { ENOUGH = 4096, LOOKED_AT = 256 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t given_back = PTHREAD_COND_INITIALIZER;
static size_t at_once = ENOUGH, taken;

/* How many of the first ones are open. poll says it of all in one call. */
static size_t count_open(size_t limit)
{
    struct pollfd files[LOOKED_AT];
    size_t count = limit < LOOKED_AT ? limit : LOOKED_AT, open = 0;
    for (size_t i = 0; i < count; i++)
        files[i] = (struct pollfd){.fd = (int)i};
    if (poll(files, (nfds_t)count, 0) < 0)
        return 3;
    for (size_t i = 0; i < count; i++)
        open += !(files[i].revents & POLLNVAL);
    return open;
}

enum status descriptors_plan(struct error *err)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return OK;
    if (limit.rlim_cur < limit.rlim_max && limit.rlim_cur < ENOUGH) {
        rlim_t before = limit.rlim_cur;
        limit.rlim_cur = limit.rlim_max < ENOUGH ? limit.rlim_max : ENOUGH;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
            limit.rlim_cur = before;
    }
    size_t most = limit.rlim_cur < ENOUGH ? (size_t)limit.rlim_cur : ENOUGH;
    size_t open = count_open(most), needed = open + DESCRIPTORS_NEEDED + 1;
    if (most < needed)
        return error_set(
            err, ERR_SYSTEM,
            "%zu files may be open at once (`ulimit -n`), %zu are open already and %d more are needed: raise it "
            "to %zu or more",
            most, open, DESCRIPTORS_NEEDED + 1, needed);
    at_once = most > open + DESCRIPTORS_KEPT ? most - open - DESCRIPTORS_KEPT : 1;
    return OK;
}

size_t descriptors_at_once(void)
{
    return at_once;
}

void descriptor_take(void)
{
    pthread_mutex_lock(&lock);
    while (taken >= at_once)
        pthread_cond_wait(&given_back, &lock);
    taken++;
    pthread_mutex_unlock(&lock);
}

void descriptor_give_back(void)
{
    pthread_mutex_lock(&lock);
    taken--;
    pthread_cond_signal(&given_back);
    pthread_mutex_unlock(&lock);
}
