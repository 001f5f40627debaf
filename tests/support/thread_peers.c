#include "tests/support/thread_peers.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/test.h"

enum call_kind { CALL_EXCHANGE, CALL_GATHER };

/* What a rank has come with: exchange's in and sent, or gather's all and sizes; and what it has to say against it. */
struct call {
    enum call_kind kind;
    const uint8_t *bytes;
    const size_t *sizes;
    struct error wrong;
};

struct group {
    pthread_mutex_t lock;
    pthread_cond_t turn;
    size_t count, here; /* ranks; those that wait for the others */
    unsigned long round;
    bool ended; /* a rank has, `first` being the first */
    size_t first;
    struct group *beside;
    struct call *calls[2]; /* [count], for calls in turn: one is read while the next is being made */
    thread_peers_work *work;
    void *context;
};

/* A rank in one of the two groups, which are the same ranks. */
struct member {
    struct group *group;
    struct peers peers;
    struct error *end;
    size_t calls;
    pthread_t thread;
};
enum { GROUPS = 2 };

/* Waits until all are here. What each has written to its call before is then seen by all. */
static enum status meet(struct group *group, struct error *err)
{
    enum status status = OK;
    pthread_mutex_lock(&group->lock);
    unsigned long round = group->round;
    if (!group->ended && ++group->here == group->count) {
        group->here = 0;
        group->round++;
        pthread_mutex_unlock(&group->lock);
        pthread_cond_broadcast(&group->turn); /* nobody wakes just to wait for the lock */
        return OK;
    }
    while (group->round == round && !group->ended)
        pthread_cond_wait(&group->turn, &group->lock);
    if (group->round == round)
        status = error_set(err, ERR_IO, "rank %zu has ended", group->first);
    pthread_mutex_unlock(&group->lock);
    return status;
}

static size_t sum(const size_t *sizes, size_t count)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += sizes[i];
    return total;
}

static enum status copy_block(uint8_t *to, size_t expected, const struct call *from, size_t block, size_t rank,
                              struct error *err)
{
    size_t given = from->sizes[block];
    if (given != expected)
        return error_set(err, ERR_PROMISE, "rank %zu has %zu bytes, %zu are expected", rank, given, expected);
    if (given > 0)
        memcpy(to, from->bytes + sum(from->sizes, block), given);
    return OK;
}

/* Between the two meetings the memory of all ranks may be read. What one has to say is then an error of all. */
static enum status call(struct member *member, enum call_kind kind, uint8_t *to, const size_t *expected,
                        const void *bytes, const size_t *sizes, struct error *err)
{
    struct group *group = member->group;
    size_t own = member->peers.rank;
    struct call *calls = group->calls[member->calls++ % 2], *mine = &calls[own];
    *mine = (struct call){.kind = kind, .bytes = bytes, .sizes = sizes};
    enum status status = meet(group, err);
    if (status != OK)
        return status;
    for (size_t r = 0; r < group->count && mine->wrong.status == OK; to += expected[r++]) {
        const struct call *other = &calls[r];
        if (other->kind != kind)
            mine->wrong.status = error_set(&mine->wrong, ERR_PROMISE, "rank %zu makes another call", r);
        else if (kind == CALL_EXCHANGE)
            mine->wrong.status = copy_block(to, expected[r], other, own, r, &mine->wrong);
        else if (r != own)
            mine->wrong.status = copy_block(to, expected[r], other, r, r, &mine->wrong);
    }
    status = meet(group, err);
    for (size_t r = 0; r < group->count && status == OK; r++)
        if (calls[r].wrong.status != OK)
            status = error_set(err, calls[r].wrong.status, "%.900s", calls[r].wrong.text);
    return status;
}

static enum status exchange(void *context, void *out, const size_t *received, const void *in, const size_t *sent,
                            struct error *err)
{
    return call(context, CALL_EXCHANGE, out, received, in, sent, err);
}

static enum status gather(void *context, void *all, const size_t *sizes, struct error *err)
{
    return call(context, CALL_GATHER, all, sizes, all, sizes, err);
}

size_t thread_peers_calls(const struct peers *peers)
{
    const struct member *member = peers->context, *beside = peers->beside ? peers->beside->context : NULL;
    return peers->count == 1 ? 0 : member->calls + (beside ? beside->calls : 0);
}

static void end(struct group *group, size_t rank)
{
    pthread_mutex_lock(&group->lock);
    if (!group->ended)
        group->first = rank;
    group->ended = true;
    pthread_cond_broadcast(&group->turn);
    pthread_mutex_unlock(&group->lock);
}

static void *run_member(void *context)
{
    struct member *member = context;
    struct group *group = member->group;
    member->end->status = group->work(group->context, &member->peers, member->end);
    end(group, member->peers.rank);
    end(group->beside, member->peers.rank);
    return NULL;
}

static void open_group(struct group *group)
{
    for (int i = 0; i < 2; i++) {
        group->calls[i] = calloc(group->count, sizeof *group->calls[i]);
        assert_non_null(group->calls[i]);
    }
    pthread_mutex_init(&group->lock, NULL);
    pthread_cond_init(&group->turn, NULL);
}

static void close_group(struct group *group)
{
    pthread_cond_destroy(&group->turn);
    pthread_mutex_destroy(&group->lock);
    free(group->calls[0]);
    free(group->calls[1]);
}

void thread_peers_run(struct error *ends, size_t count, thread_peers_work *work, void *context)
{
    static const struct peers_calls calls = {exchange, gather};
    struct group groups[GROUPS];
    struct member *members = calloc(GROUPS * count, sizeof *members);
    size_t started = 0;
    assert_non_null(members);
    for (int g = 0; g < GROUPS; g++) {
        groups[g] = (struct group){.count = count, .work = work, .context = context, .beside = &groups[1 - g]};
        open_group(&groups[g]);
    }
    for (; started < count; started++) {
        struct member *member = &members[started], *beside = &members[count + started];
        ends[started] = (struct error){.status = OK};
        *beside = (struct member){.group = &groups[1], .peers = {started, count, &calls, beside, NULL}};
        *member = (struct member){
            .group = &groups[0], .peers = {started, count, &calls, member, &beside->peers}, .end = &ends[started]};
        if (pthread_create(&member->thread, NULL, run_member, member) != 0) {
            end(&groups[0], started);
            end(&groups[1], started);
            break;
        }
    }
    for (size_t r = 0; r < started; r++)
        pthread_join(members[r].thread, NULL);
    for (int g = 0; g < GROUPS; g++)
        close_group(&groups[g]);
    free(members);
    assert_int_equal(started, count);
}
