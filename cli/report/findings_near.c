#include "cli/report/findings_near.h"

#include <string.h>

#include "core/base/memory.h"

/* The pair that is said of a photo. */
struct pair {
    uint32_t other; /* NEAR_NONE: none */
    enum finding_kind kind;
    float correlation;
};

struct near_pairs {
    const struct near_input *input;
    const struct near_row (*rows)[NEAR_MOST];
    struct pair *pairs;
    size_t first; /* the photo that item 0 is */
};

static enum finding_kind kind_of(const struct dataset *dataset, uint32_t a, uint32_t b)
{
    size_t train = dataset->train.count;
    if (finding_class(dataset, a) != finding_class(dataset, b))
        return FINDING_NEAR_CONFLICT;
    return (a < train) != (b < train) ? FINDING_NEAR_LEAK : FINDING_NEAR_REPEAT;
}

static void one_photo(void *context, size_t item, size_t thread)
{
    (void)thread;
    struct near_pairs *job = context;
    const struct near_input *input = job->input;
    uint32_t photo = (uint32_t)(job->first + item);
    struct pair *best = &job->pairs[photo];
    best->other = NEAR_NONE;
    for (size_t i = 0; i < NEAR_MOST && job->rows[photo][i].row != NEAR_NONE; i++) {
        uint32_t other = job->rows[photo][i].row;
        float correlation = align_correlation(&input->align[photo], &input->align[other], input->least);
        enum finding_kind kind = kind_of(input->dataset, photo, other);
        bool better =
            best->other == NEAR_NONE || kind < best->kind || (kind == best->kind && correlation > best->correlation);
        if (correlation >= input->least && better)
            *best = (struct pair){other, kind, correlation};
    }
}

/* Copies of the same bytes: a row of zeros is near nothing. */
static void drop_copies(const struct near_input *input)
{
    size_t train = input->dataset->train.count;
    for (size_t i = 0; i < input->scan->duplicate_count; i++) {
        const struct scan_duplicate *pair = &input->scan->duplicates[i];
        size_t photo = pair->val ? train + pair->photo : pair->photo;
        memset(input->embeddings + photo * input->width, 0, input->width * sizeof *input->embeddings);
    }
}

static enum status add_pairs(struct findings *out, const struct near_input *input, const struct pair *pairs,
                             size_t count, struct error *err)
{
    enum status status = OK;
    for (size_t i = 0; i < count && status == OK; i++) {
        const struct finding finding = {.kind = pairs[i].kind,
                                        .photo = (uint32_t)i,
                                        .other = pairs[i].other,
                                        .class = finding_class(input->dataset, (uint32_t)i),
                                        .score = (double)pairs[i].correlation};
        if (pairs[i].other != NEAR_NONE)
            status = findings_add(out, &finding, err);
    }
    return status;
}

enum status findings_look_near(struct findings *out, const struct near_input *input, struct pool *pool, bool *stopped,
                               struct error *err)
{
    enum { PIECE = 256 };
    size_t count = input->dataset->train.count + input->dataset->val.count;
    struct near_row(*rows)[NEAR_MOST];
    struct near_pairs job = {.input = input};
    void *pairs;
    drop_copies(input);
    near_normalise(input->embeddings, count, input->width);
    enum status status = near_rows(&rows, input->embeddings, count, input->width, CHECK_COSINE, pool, input->watch,
                                   input->context, stopped, err);
    if (status != OK)
        return status;
    status = memory_alloc(&pairs, count, sizeof *job.pairs, "the near photos", err);
    if (status != OK || *stopped) {
        memory_free(status == OK ? pairs : NULL);
        memory_free(rows);
        return status;
    }
    job.rows = (const struct near_row(*)[NEAR_MOST])rows;
    job.pairs = pairs;
    for (; job.first < count && !*stopped; job.first += PIECE) {
        size_t left = count - job.first;
        *stopped = input->watch && !input->watch(input->context, job.first, count);
        if (!*stopped)
            pool_for(pool, left < PIECE ? left : PIECE, one_photo, &job);
    }
    if (!*stopped)
        status = add_pairs(out, input, job.pairs, count, err);
    memory_free(pairs);
    memory_free(rows);
    return status;
}
