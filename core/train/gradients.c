#include "core/train/gradients.h"

#include <assert.h>
#include <math.h>

#include "core/base/memory.h"
#include "core/train/exchange_queue.h"
#include "core/train/gradient_exchange.h"
#include "core/train/sum_tree.h"
#include "core/train/vectors.h"

struct sum {
    float *nodes;   /* [depth][values of the parameter]; NULL while it is frozen */
    size_t count;   /* of nodes that hold something */
    size_t added;   /* pieces, since gradients_begin */
    size_t planned; /* its number in the queue */
    bool complete;
};

/* Vectors of a parameter: of the last child, whose steps may be whole, and of the others. */
struct depth {
    size_t head, body;
};

struct gradients {
    const struct net *net;
    struct pool *pool;
    const struct peers *peers;
    struct depth depth;
    size_t first, end, pieces;          /* of the step: the leaves of this process, of how many */
    struct sum *sums;                   /* [net->params_count] */
    struct gradient_exchange *exchange; /* NULL alone, as the next one */
    struct exchange_queue *queue;
    bool whole;      /* this step: without the exchange */
    bool started;    /* the exchange of this step */
    double *squares; /* scratch for the largest parameter */
};

/* Vectors of a process, the most of any step. A block of fewer leaves may need more of them, so all are looked at. */
static size_t most_live(const struct peers *peers, size_t most)
{
    size_t depth = 1;
    for (size_t pieces = 1; pieces <= most; pieces++) {
        size_t first = peers_first(peers, peers->rank, pieces), end = peers_first(peers, peers->rank + 1, pieces);
        size_t live = sum_tree_live(first, end, pieces);
        depth = live > depth ? live : depth;
    }
    return depth;
}

static struct depth depth_of(const struct peers *peers, size_t most)
{
    size_t shared = most_live(peers, most), whole = most_live(&peers_alone, most);
    return (struct depth){.body = shared, .head = shared > whole ? shared : whole};
}

static size_t depth_at(const struct depth *depth, const struct net *net, const struct param *param)
{
    return (size_t)param->child == net->children ? depth->head : depth->body;
}

static size_t largest(const struct net *net, bool trainable)
{
    size_t most = 1;
    for (size_t i = 0; i < net->params_count; i++) {
        const struct param *param = &net->params[i];
        if (param->learnable && (param->trainable || !trainable) && param->count > most)
            most = param->count;
    }
    return most;
}

enum status gradients_create(struct gradients **out, const struct net *net, struct pool *pool,
                             const struct peers *peers, size_t pieces, struct error *err)
{
    void *memory;
    enum status status = memory_alloc(&memory, 1, sizeof(struct gradients), "the gradients", err);
    if (status != OK)
        return status;
    struct gradients *gradients = memory;
    *gradients = (struct gradients){.net = net, .pool = pool, .peers = peers, .depth = depth_of(peers, pieces)};
    status = memory_alloc(&memory, net->params_count, sizeof(struct sum), "the gradients", err);
    if (status == OK) {
        gradients->sums = memory;
        status = memory_alloc(&memory, vectors_parts(largest(net, false)), sizeof(double), "the gradients", err);
    }
    if (status == OK) {
        gradients->squares = memory;
        status = peers->count > 1 ? gradient_exchange_create(&gradients->exchange, peers->beside, pieces, err) : OK;
    }
    if (status == OK && gradients->exchange)
        status = exchange_queue_create(&gradients->queue, gradients->exchange, net->params_count, err);
    if (status == OK)
        status = gradients_add_trainable(gradients, err);
    if (status != OK)
        gradients_destroy(gradients);
    else
        *out = gradients;
    return status;
}

void gradients_destroy(struct gradients *gradients)
{
    if (!gradients)
        return;
    exchange_queue_destroy(gradients->queue);
    for (size_t i = 0; gradients->sums && i < gradients->net->params_count; i++)
        memory_free(gradients->sums[i].nodes);
    gradient_exchange_destroy(gradients->exchange);
    memory_free(gradients->squares);
    memory_free(gradients->sums);
    memory_free(gradients);
}

enum status gradients_add_trainable(struct gradients *gradients, struct error *err)
{
    const struct net *net = gradients->net;
    for (size_t i = 0; i < net->params_count; i++) {
        const struct param *param = &net->params[i];
        void *memory;
        if (gradients->sums[i].nodes || !param->trainable)
            continue;
        size_t depth = depth_at(&gradients->depth, net, param);
        enum status status = memory_alloc(&memory, param->count, depth * sizeof(float), "the gradients", err);
        if (status != OK)
            return status;
        gradients->sums[i].nodes = memory;
    }
    return gradients->exchange ? gradient_exchange_reserve(gradients->exchange, largest(net, true), err) : OK;
}

size_t gradients_bytes(const struct net *net, const struct peers *peers, size_t pieces)
{
    struct depth depth = depth_of(peers, pieces);
    size_t floats = 0;
    for (size_t i = 0; i < net->params_count; i++)
        if (net->params[i].trainable)
            floats += net->params[i].count * depth_at(&depth, net, &net->params[i]);
    return floats * sizeof(float);
}

size_t gradients_exchange_bytes(const struct net *net, const struct peers *peers, size_t pieces)
{
    return peers->count > 1 ? gradient_exchange_bytes(peers, pieces, largest(net, true)) : 0;
}

double gradients_sent(const struct net *net, const struct peers *peers, size_t pieces)
{
    size_t floats = 0, most = 0;
    for (size_t i = 0; i < net->params_count; i++)
        floats += net->params[i].trainable ? net->params[i].count : 0;
    for (size_t r = 0; r < peers->count; r++) {
        size_t nodes = sum_tree_nodes(peers_first(peers, r, pieces), peers_first(peers, r + 1, pieces), pieces);
        most = nodes > most ? nodes : most;
    }
    double others = 1 - 1 / (double)peers->count;
    return (double)(floats * sizeof(float)) * others * (double)(most + 1);
}

static bool exchanges(const struct gradients *gradients)
{
    return gradients->exchange && !gradients->whole;
}

/* Backward makes the gradients complete from the last parameter to the first, or nearly. */
static void plan_exchange(struct gradients *gradients)
{
    gradients->started = false;
    gradient_exchange_begin(gradients->exchange, gradients->pieces);
    exchange_queue_begin(gradients->queue);
    for (size_t i = gradients->net->params_count; i-- > 0;) {
        struct sum *sum = &gradients->sums[i];
        if (!sum->nodes)
            continue;
        sum->planned = exchange_queue_plan(gradients->queue, sum->nodes, gradients->net->params[i].count);
        if (gradients->first == gradients->end)
            exchange_queue_ready(gradients->queue, sum->planned);
    }
}

void gradients_begin(struct gradients *gradients, size_t pieces, bool whole)
{
    const struct peers *peers = whole ? &peers_alone : gradients->peers;
    gradients->pieces = pieces;
    gradients->whole = whole;
    gradients->first = peers_first(peers, peers->rank, pieces);
    gradients->end = peers_first(peers, peers->rank + 1, pieces);
    for (size_t i = 0; i < gradients->net->params_count; i++) {
        struct sum *sum = &gradients->sums[i];
        *sum = (struct sum){.nodes = sum->nodes};
    }
    if (exchanges(gradients))
        plan_exchange(gradients);
}

void gradients_start(struct gradients *gradients)
{
    if (exchanges(gradients))
        exchange_queue_start(gradients->queue);
    gradients->started = true;
}

/* A leaf that merges at once needs no vector of its own. */
static void add_leaf(struct gradients *gradients, size_t param, const float *gradient)
{
    struct sum *sum = &gradients->sums[param];
    size_t values = gradients->net->params[param].count, leaf = gradients->first + sum->added++;
    size_t merges = sum_tree_merges(gradients->first, (struct sum_node){leaf, leaf + 1}, gradients->pieces);
    assert(sum->nodes && leaf < gradients->end);
    if (merges == 0) {
        assert(sum->count < depth_at(&gradients->depth, gradients->net, &gradients->net->params[param]));
        vectors_copy(gradients->pool, sum->nodes + sum->count++ * values, gradient, values);
        return;
    }
    vectors_add(gradients->pool, sum->nodes + (sum->count - 1) * values, gradient, values);
    for (; merges > 1; merges--, sum->count--) {
        float *last = sum->nodes + (sum->count - 1) * values;
        vectors_add(gradients->pool, last - values, last, values);
    }
}

void gradients_add(struct gradients *gradients, size_t param, const float *gradient)
{
    const struct sum *sum = &gradients->sums[param];
    add_leaf(gradients, param, gradient);
    if (exchanges(gradients) && sum->added == gradients->end - gradients->first)
        exchange_queue_ready(gradients->queue, sum->planned);
}

/* Alone, the last leaf has made the root. */
enum status gradients_sum(struct gradients *gradients, struct error *err)
{
    if (!gradients->started)
        gradients_start(gradients);
    enum status status = exchanges(gradients) ? exchange_queue_wait(gradients->queue, err) : OK;
    for (size_t i = 0; i < gradients->net->params_count && status == OK; i++) {
        struct sum *sum = &gradients->sums[i];
        bool all = sum->added == gradients->end - gradients->first;
        if (!sum->nodes || (!exchanges(gradients) && sum->added == 0))
            continue;
        assert(all);
        sum->complete = all;
    }
    return status;
}

double gradients_clip(struct gradients *gradients, double most)
{
    double squares = 0;
    const struct net *net = gradients->net;
    for (size_t i = 0; i < net->params_count; i++)
        if (gradients->sums[i].complete)
            vectors_add_squares(gradients->pool, &squares, gradients->sums[i].nodes, gradients->squares,
                                net->params[i].count);
    double norm = sqrt(squares), factor = most / (norm + 1e-6);
    for (size_t i = 0; factor < 1 && isfinite(norm) && i < net->params_count; i++)
        if (gradients->sums[i].complete)
            vectors_scale(gradients->pool, gradients->sums[i].nodes, (float)factor, net->params[i].count);
    return norm;
}

const float *gradients_get(const struct gradients *gradients, size_t param)
{
    return gradients->sums[param].complete ? gradients->sums[param].nodes : NULL;
}
