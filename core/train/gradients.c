#include "core/train/gradients.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/ops/map_lanes.h"

/* Values of one item of work. */
enum { PIECE = 16384 };

struct sum {
    float *data; /* as the parameter; NULL while it is frozen */
    bool filled; /* since gradients_clear */
};

struct gradients {
    const struct net *net;
    struct pool *pool;
    struct sum *sums; /* [net->params_count] */
    double *squares;  /* of each piece of the largest parameter */
};

static size_t pieces_of(size_t count)
{
    return (count + PIECE - 1) / PIECE;
}

static size_t largest(const struct net *net)
{
    size_t most = 1;
    for (size_t i = 0; i < net->params_count; i++)
        if (net->params[i].learnable && net->params[i].count > most)
            most = net->params[i].count;
    return most;
}

enum status gradients_create(struct gradients **out, const struct net *net, struct pool *pool, struct error *err)
{
    void *memory;
    enum status status = memory_alloc(&memory, 1, sizeof(struct gradients), "the gradients", err);
    if (status != OK)
        return status;
    struct gradients *gradients = memory;
    *gradients = (struct gradients){.net = net, .pool = pool};
    status = memory_alloc(&memory, net->params_count, sizeof(struct sum), "the gradients", err);
    if (status == OK) {
        gradients->sums = memory;
        status = memory_alloc(&memory, pieces_of(largest(net)), sizeof(double), "the gradients", err);
    }
    if (status == OK) {
        gradients->squares = memory;
        status = gradients_add_trainable(gradients, err);
    }
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
    for (size_t i = 0; gradients->sums && i < gradients->net->params_count; i++)
        memory_free(gradients->sums[i].data);
    memory_free(gradients->squares);
    memory_free(gradients->sums);
    memory_free(gradients);
}

enum status gradients_add_trainable(struct gradients *gradients, struct error *err)
{
    for (size_t i = 0; i < gradients->net->params_count; i++) {
        const struct param *param = &gradients->net->params[i];
        void *memory;
        if (gradients->sums[i].data || !param->trainable)
            continue;
        enum status status = memory_alloc(&memory, param->count, sizeof(float), "the gradients", err);
        if (status != OK)
            return status;
        gradients->sums[i].data = memory;
    }
    return OK;
}

size_t gradients_bytes(const struct net *net)
{
    size_t floats = 0;
    for (size_t i = 0; i < net->params_count; i++)
        if (net->params[i].trainable)
            floats += net->params[i].count;
    return floats * sizeof(float);
}

void gradients_clear(struct gradients *gradients)
{
    for (size_t i = 0; i < gradients->net->params_count; i++)
        gradients->sums[i].filled = false;
}

/* ---- work on the pieces of one parameter ------------------------------------------------------------------------- */
struct piece_work {
    float *data;
    const float *more;
    double *squares;
    size_t count;
    float factor;
};

static size_t piece_count(const struct piece_work *work, size_t item)
{
    size_t from = item * PIECE;
    return work->count - from < PIECE ? work->count - from : PIECE;
}

static void copy_piece(void *context, size_t item, size_t thread)
{
    (void)thread;
    const struct piece_work *work = context;
    memcpy(work->data + item * PIECE, work->more + item * PIECE, piece_count(work, item) * sizeof(float));
}

static void add_piece(void *context, size_t item, size_t thread)
{
    (void)thread;
    const struct piece_work *work = context;
    map_lanes(PRECISION_F32)->add(work->data + item * PIECE, work->more + item * PIECE, piece_count(work, item));
}

static void square_piece(void *context, size_t item, size_t thread)
{
    (void)thread;
    const struct piece_work *work = context;
    const float *data = work->data + item * PIECE;
    double sum = 0;
    for (size_t i = 0, count = piece_count(work, item); i < count; i++)
        sum += (double)data[i] * (double)data[i];
    work->squares[item] = sum;
}

static void scale_piece(void *context, size_t item, size_t thread)
{
    (void)thread;
    const struct piece_work *work = context;
    float *data = work->data + item * PIECE;
    for (size_t i = 0, count = piece_count(work, item); i < count; i++)
        data[i] *= work->factor;
}

void gradients_add(struct gradients *gradients, size_t param, const float *gradient)
{
    struct sum *sum = &gradients->sums[param];
    struct piece_work work = {.data = sum->data, .more = gradient, .count = gradients->net->params[param].count};
    assert(sum->data);
    pool_for(gradients->pool, pieces_of(work.count), sum->filled ? add_piece : copy_piece, &work);
    sum->filled = true;
}

double gradients_clip(struct gradients *gradients, double most)
{
    double squares = 0;
    for (size_t i = 0; i < gradients->net->params_count; i++) {
        struct piece_work work = {
            .data = gradients->sums[i].data, .squares = gradients->squares, .count = gradients->net->params[i].count};
        if (!gradients->sums[i].filled)
            continue;
        size_t pieces = pieces_of(work.count);
        pool_for(gradients->pool, pieces, square_piece, &work);
        for (size_t piece = 0; piece < pieces; piece++)
            squares += gradients->squares[piece];
    }
    double norm = sqrt(squares), factor = most / (norm + 1e-6);
    for (size_t i = 0; factor < 1 && isfinite(norm) && i < gradients->net->params_count; i++) {
        struct piece_work work = {
            .data = gradients->sums[i].data, .count = gradients->net->params[i].count, .factor = (float)factor};
        if (gradients->sums[i].filled)
            pool_for(gradients->pool, pieces_of(work.count), scale_piece, &work);
    }
    return norm;
}

const float *gradients_get(const struct gradients *gradients, size_t param)
{
    return gradients->sums[param].filled ? gradients->sums[param].data : NULL;
}
