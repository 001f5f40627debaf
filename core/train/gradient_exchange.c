#include "core/train/gradient_exchange.h"

#include <assert.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/train/sum_tree.h"
#include "core/train/vectors.h"

struct gradient_exchange {
    const struct peers *peers;
    struct pool *pool;               /* the caller's thread alone */
    size_t most;                     /* pieces of a step */
    size_t pieces;                   /* of this step */
    size_t *nodes, *sent, *received; /* [peers->count]: nodes of each, and bytes to and from each */
    size_t values;                   /* of the largest parameter there is room for */
    float *in, *out;
};

/* What goes through the buffers, in nodes: in holds parameters, out slices. A peer's only node is sent from where it
 * is. */
struct load {
    size_t in, out;
};

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t nodes_of(const struct peers *peers, size_t rank, size_t pieces)
{
    return sum_tree_nodes(peers_first(peers, rank, pieces), peers_first(peers, rank + 1, pieces), pieces);
}

/* The most of any step. A block of fewer leaves may be more nodes, so all are looked at. */
static struct load load_of(const struct peers *peers, size_t most)
{
    struct load load = {0, 0};
    for (size_t pieces = 1; pieces <= most; pieces++) {
        size_t own = nodes_of(peers, peers->rank, pieces), all = 0;
        for (size_t r = 0; r < peers->count; r++)
            all += nodes_of(peers, r, pieces);
        load.in = larger(load.in, own > 1 ? own : 0);
        load.out = larger(load.out, all);
    }
    return load;
}

static size_t most_of_a_slice(const struct peers *peers, size_t values)
{
    return (values + peers->count - 1) / peers->count;
}

size_t gradient_exchange_bytes(const struct peers *peers, size_t pieces, size_t values)
{
    struct load load = load_of(peers, pieces);
    return (load.in * values + load.out * most_of_a_slice(peers, values)) * sizeof(float);
}

enum status gradient_exchange_create(struct gradient_exchange **out, const struct peers *peers, size_t pieces,
                                     struct error *err)
{
    void *memory, *counts;
    enum status status = memory_alloc(&memory, 1, sizeof(struct gradient_exchange), "the exchange of gradients", err);
    if (status != OK)
        return status;
    status = memory_alloc(&counts, 3 * peers->count, sizeof(size_t), "the exchange of gradients", err);
    if (status != OK) {
        memory_free(memory);
        return status;
    }
    struct gradient_exchange *exchange = memory;
    *exchange = (struct gradient_exchange){.peers = peers, .most = pieces, .nodes = counts};
    exchange->sent = exchange->nodes + peers->count;
    exchange->received = exchange->sent + peers->count;
    status = pool_create(&exchange->pool, 1, err);
    if (status == OK)
        *out = exchange;
    else
        gradient_exchange_destroy(exchange);
    return status;
}

void gradient_exchange_destroy(struct gradient_exchange *exchange)
{
    if (!exchange)
        return;
    pool_destroy(exchange->pool);
    memory_free(exchange->in);
    memory_free(exchange->out);
    memory_free(exchange->nodes);
    memory_free(exchange);
}

enum status gradient_exchange_reserve(struct gradient_exchange *exchange, size_t values, struct error *err)
{
    struct load load = load_of(exchange->peers, exchange->most);
    size_t slice = most_of_a_slice(exchange->peers, values);
    void *in = NULL, *out;
    if (values <= exchange->values)
        return OK;
    enum status status =
        load.in > 0 ? memory_alloc(&in, values, load.in * sizeof(float), "the exchange of gradients", err) : OK;
    if (status != OK)
        return status;
    status = memory_alloc(&out, slice, load.out * sizeof(float), "the exchange of gradients", err);
    if (status != OK) {
        memory_free(in);
        return status;
    }
    memory_free(exchange->in);
    memory_free(exchange->out);
    exchange->in = in;
    exchange->out = out;
    exchange->values = values;
    return OK;
}

void gradient_exchange_begin(struct gradient_exchange *exchange, size_t pieces)
{
    assert(pieces <= exchange->most);
    exchange->pieces = pieces;
    for (size_t r = 0; r < exchange->peers->count; r++)
        exchange->nodes[r] = nodes_of(exchange->peers, r, pieces);
}

/* Slice by slice, in each the nodes. */
static const float *pack(const struct gradient_exchange *exchange, const float *nodes, size_t values)
{
    const struct peers *peers = exchange->peers;
    size_t own = exchange->nodes[peers->rank];
    float *to = exchange->in;
    if (own <= 1)
        return nodes;
    for (size_t r = 0; r < peers->count; r++) {
        size_t first = peers_first(peers, r, values), slice = peers_first(peers, r + 1, values) - first;
        for (size_t node = 0; node < own; node++, to += slice)
            vectors_copy(exchange->pool, to, nodes + node * values + first, slice);
    }
    return exchange->in;
}

/* What was received is in the order of leaves. OVERWRITES the first node with the sum of all. */
static void merge(const struct gradient_exchange *exchange, size_t slice)
{
    const struct peers *peers = exchange->peers;
    float *list[SUM_TREE_DEPTH], *next = exchange->out;
    size_t count = 0;
    for (size_t r = 0; r < peers->count; r++) {
        size_t at = peers_first(peers, r, exchange->pieces), end = peers_first(peers, r + 1, exchange->pieces);
        while (at < end) {
            struct sum_node node = sum_tree_node(at, end, exchange->pieces);
            list[count++] = next;
            for (size_t merges = sum_tree_merges(0, node, exchange->pieces); merges > 0; merges--, count--)
                vectors_add(exchange->pool, list[count - 2], list[count - 1], slice);
            next += slice;
            at = node.end;
        }
    }
    assert(count == 1);
}

enum status gradient_exchange_sum(struct gradient_exchange *exchange, float *nodes, size_t values, struct error *err)
{
    const struct peers *peers = exchange->peers;
    size_t own_first = peers_first(peers, peers->rank, values);
    size_t own_slice = peers_first(peers, peers->rank + 1, values) - own_first;
    assert(values <= exchange->values && exchange->pieces > 0);
    for (size_t r = 0; r < peers->count; r++) {
        size_t slice = peers_first(peers, r + 1, values) - peers_first(peers, r, values);
        exchange->sent[r] = exchange->nodes[peers->rank] * slice * sizeof(float);
        exchange->received[r] = exchange->nodes[r] * own_slice * sizeof(float);
    }
    enum status status =
        peers_exchange(peers, exchange->out, exchange->received, pack(exchange, nodes, values), exchange->sent, err);
    if (status != OK)
        return status;
    merge(exchange, own_slice);
    memcpy(nodes + own_first, exchange->out, own_slice * sizeof(float));
    for (size_t r = 0; r < peers->count; r++)
        exchange->sent[r] = (peers_first(peers, r + 1, values) - peers_first(peers, r, values)) * sizeof(float);
    return peers_gather(peers, nodes, exchange->sent, err);
}
