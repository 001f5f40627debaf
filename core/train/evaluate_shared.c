/* An evaluation by several processes, in rounds of a batch for each:
 *
 *   every rank goes through all batches of a round, so that all compose them by the same rule, and keeps their numbers
 *   each computes its own, for which alone it has decoded photos (feed_share.h)
 *   all are told the logits of all
 *   the batches of the round are counted one after the other
 */
#include <string.h>

#include "core/base/memory.h"
#include "core/train/evaluate.h"

struct round {
    const struct peers *peers;
    size_t most, classes;     /* photos of a batch; logits of a photo */
    size_t batches;           /* of this round: fewer than ranks at the end */
    float *logits;            /* [batches' photos, classes], one batch after the other */
    int32_t *labels;          /* [ranks][most] */
    uint32_t *photos;         /* [ranks][most] */
    size_t *sizes;            /* [ranks] bytes of logits */
    struct photo_batch *rows; /* [ranks] */
};

size_t evaluate_shared_bytes(const struct peers *peers, size_t batch, size_t classes)
{
    size_t photos = peers->count * batch;
    if (peers->count == 1)
        return 0;
    return photos * (classes * sizeof(float) + sizeof(int32_t) + sizeof(uint32_t)) +
           peers->count * (sizeof(size_t) + sizeof(struct photo_batch));
}

static void round_free(struct round *round)
{
    memory_free(round->rows);
    memory_free(round->sizes);
    memory_free(round->photos);
    memory_free(round->labels);
    memory_free(round->logits);
}

static enum status round_create(struct round *out, const struct peers *peers, size_t batch, size_t classes,
                                struct error *err)
{
    size_t photos = peers->count * batch;
    *out = (struct round){.peers = peers, .most = batch, .classes = classes};
    const struct {
        void **out;
        size_t count, size;
    } arrays[] = {{(void **)&out->logits, photos * classes, sizeof *out->logits},
                  {(void **)&out->labels, photos, sizeof *out->labels},
                  {(void **)&out->photos, photos, sizeof *out->photos},
                  {(void **)&out->sizes, peers->count, sizeof *out->sizes},
                  {(void **)&out->rows, peers->count, sizeof *out->rows}};
    enum status status = OK;
    for (size_t i = 0; status == OK && i < sizeof arrays / sizeof *arrays; i++)
        status = memory_alloc(arrays[i].out, arrays[i].count, arrays[i].size, "the answers of the ranks", err);
    return status;
}

/* Keeps what is asked of the batch later: the feed has room for one. */
static void keep(struct round *round, const struct photo_batch *batch)
{
    size_t at = round->batches * round->most;
    memcpy(round->labels + at, batch->labels, batch->count * sizeof *batch->labels);
    memcpy(round->photos + at, batch->photos, batch->count * sizeof *batch->photos);
    round->rows[round->batches] = (struct photo_batch){
        .count = batch->count, .labels = round->labels + at, .photos = round->photos + at, .position = batch->position};
    round->sizes[round->batches] = batch->count * round->classes * sizeof(float);
}

/* Logits of a batch of the round. All batches but the last are full. */
static float *logits_of(const struct round *round, size_t batch)
{
    return round->logits + batch * round->most * round->classes;
}

/* The feed's batch without pixels, or with those of another, is this rank's no more: so its own is kept apart. */
static enum status run_round(struct round *round, struct exec *exec, struct feed *feed, struct error *err)
{
    const struct peers *peers = round->peers;
    const float *logits;
    struct photo_batch own = {0};
    enum status status = OK;
    memset(round->sizes, 0, peers->count * sizeof *round->sizes);
    for (round->batches = 0; round->batches < peers->count; round->batches++) {
        const struct photo_batch *batch;
        status = feed_next(feed, &batch, err);
        if (status != OK || !batch)
            break;
        keep(round, batch);
        if (round->batches == peers->rank) {
            own = round->rows[peers->rank];
            own.pixels = batch->pixels;
        }
    }
    if (status == OK && own.count > 0)
        status = feed_forward(&logits, feed, exec, &own, 0, own.count, err);
    if (status == OK && own.count > 0)
        memcpy(logits_of(round, peers->rank), logits, round->sizes[peers->rank]);
    status = peers_settle(peers, status, err);
    return status == OK ? peers_gather(peers, round->logits, round->sizes, err) : status;
}

size_t evaluate_needs(void *peers, uint32_t *places, size_t rank, size_t batch, size_t count)
{
    if (batch % ((const struct peers *)peers)->count != rank)
        return 0;
    for (size_t i = 0; i < count; i++)
        places[i] = (uint32_t)i;
    return count;
}

enum status evaluate_shared(struct metrics *metrics, struct exec *exec, struct feed *feed, const struct peers *peers,
                            size_t batch, size_t classes, evaluate_hook *hook, void *context, struct error *err)
{
    struct round round;
    if (peers->count == 1)
        return evaluate(metrics, exec, feed, hook, context, err);
    enum status status = peers_settle(peers, round_create(&round, peers, batch, classes, err), err);
    bool goes_on = status == OK;
    while (goes_on) {
        status = run_round(&round, exec, feed, err);
        goes_on = status == OK && round.batches == peers->count;
        for (size_t i = 0; status == OK && i < round.batches; i++) {
            const struct photo_batch *row = &round.rows[i];
            metrics_add(metrics, logits_of(&round, i), row->labels, row->photos, row->count);
            if (hook && !hook(context, row, logits_of(&round, i))) {
                goes_on = false;
                break;
            }
        }
    }
    round_free(&round);
    return status;
}
