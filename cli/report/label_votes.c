#include "cli/report/label_votes.h"

#include "core/base/memory.h"

static const char what[] = "the probabilities of several runs";

enum status label_votes_init(struct label_votes *out, size_t photos, size_t classes, struct error *err)
{
    size_t row = 0;
    void *memory;
    *out = (struct label_votes){.photos = photos, .classes = classes};
    if (!size_mul(&row, classes, sizeof *out->sums))
        return error_set(err, ERR_SYSTEM, "%zu classes are too many", classes);
    enum status status = memory_alloc(&memory, photos, row, what, err);
    if (status != OK)
        return status;
    out->sums = memory;
    status = memory_alloc(&memory, photos, sizeof *out->count, what, err);
    if (status != OK)
        return status;
    out->count = memory;
    status = memory_alloc(&memory, photos, sizeof *out->labels, what, err);
    if (status == OK)
        out->labels = memory;
    return status;
}

void label_votes_free(struct label_votes *votes)
{
    memory_free(votes->sums);
    memory_free(votes->count);
    memory_free(votes->labels);
    *votes = (struct label_votes){0};
}

void label_votes_add(struct label_votes *votes, size_t photo, size_t label, const double *p)
{
    double *sum = votes->sums + photo * votes->classes;
    for (size_t k = 0; k < votes->classes; k++)
        sum[k] += p[k];
    votes->count[photo]++;
    votes->labels[photo] = (uint32_t)label;
}

bool label_votes_mean(double *p, const struct label_votes *votes, size_t photo)
{
    const double *sum = votes->sums + photo * votes->classes;
    if (votes->count[photo] == 0)
        return false;
    for (size_t k = 0; k < votes->classes; k++)
        p[k] = sum[k] / votes->count[photo];
    return true;
}
