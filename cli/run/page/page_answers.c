#include "cli/run/page/page_answers.h"

#include <math.h>

#include "core/base/memory.h"
#include "core/base/rng.h"

/* ---- the photos that are kept ------------------------------------------------------------------------------------ */

static bool comes_before(const struct page_answer *a, const struct page_answer *b)
{
    return a->key < b->key || (a->key == b->key && a->row < b->row);
}

/* Takes a copy of the name where the entry is kept. */
static enum status best_offer(struct page_best *best, const struct page_answer *answer, struct error *err)
{
    size_t at = best->count;
    if (best->most == 0 || (at == best->most && !comes_before(answer, &best->entries[at - 1])))
        return OK;
    char *file;
    enum status status = memory_strdup(&file, answer->file, err);
    if (status != OK)
        return status;
    if (at == best->most)
        memory_free(best->entries[--at].file);
    else
        best->count++;
    for (; at > 0 && comes_before(answer, &best->entries[at - 1]); at--)
        best->entries[at] = best->entries[at - 1];
    best->entries[at] = *answer;
    best->entries[at].file = file;
    return OK;
}

static enum status begin_best(struct page_gathering *g, struct error *err)
{
    enum status status = OK;
    for (int kind = 0; kind < PAGE_KINDS && status == OK; kind++) {
        void *entries = NULL;
        /* A sample of `most`, so that enough are left without those that the other kinds keep. */
        g->best[kind].most = kind == PAGE_MISTAKE ? g->most * 2 / 5 : kind == PAGE_UNSURE ? g->most * 3 / 10 : g->most;
        status =
            memory_alloc(&entries, g->best[kind].most, sizeof(struct page_answer), "the photos of the report", err);
        g->best[kind].entries = entries;
    }
    return status;
}

void page_gather_free(struct page_gathering *g)
{
    for (int kind = 0; kind < PAGE_KINDS; kind++) {
        for (size_t i = 0; i < g->best[kind].count; i++)
            memory_free(g->best[kind].entries[i].file);
        memory_free(g->best[kind].entries);
    }
    *g = (struct page_gathering){0};
}

static bool is_kept(const struct page_best *best, size_t row)
{
    for (size_t i = 0; i < best->count; i++)
        if (best->entries[i].row == row)
            return true;
    return false;
}

/* One list of them all. A photo of the sample that another kind shows is left out of the sample. */
static enum status join(struct page_gathering *g, struct error *err)
{
    struct page_answers *answers = g->answers;
    void *chosen;
    enum status status = memory_alloc(&chosen, g->most, sizeof(struct page_answer), "the photos of the report", err);
    if (status != OK)
        return status;
    answers->chosen = chosen;
    for (int kind = 0; kind < PAGE_KINDS; kind++) {
        for (size_t i = 0; i < g->best[kind].count && answers->chosen_count < g->most; i++) {
            struct page_answer *entry = &g->best[kind].entries[i];
            if (kind == PAGE_SAMPLE &&
                (is_kept(&g->best[PAGE_MISTAKE], entry->row) || is_kept(&g->best[PAGE_UNSURE], entry->row)))
                continue;
            answers->chosen[answers->chosen_count] = *entry;
            answers->chosen[answers->chosen_count].kind = (enum page_kind)kind;
            status = memory_strdup(&answers->chosen[answers->chosen_count].file, entry->file, err);
            if (status != OK)
                return status;
            answers->chosen_count++;
        }
    }
    return OK;
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */

static void count_in(struct page_bin bins[PAGE_FINE], double probability, bool right)
{
    size_t i = (size_t)(probability * PAGE_FINE);
    struct page_bin *bin = &bins[i < PAGE_FINE ? i : PAGE_FINE - 1];
    bin->count++;
    bin->right += right;
}

enum status page_gather_add(struct page_gathering *g, struct page_answer *answer, struct error *err)
{
    struct page_answers *a = g->answers;
    bool right = answer->label == answer->predicted;
    answer->loss = -log(fmax(answer->label_probability, 1e-38));
    a->count++;
    a->right += right;
    a->labelled[answer->label]++;
    a->predicted[answer->predicted]++;
    a->hits[answer->label] += right;
    if (a->matrix)
        a->matrix[answer->label * a->classes + answer->predicted]++;
    reliability_add(&a->reliability, answer->probability, right);
    count_in(a->fine, answer->probability, right);
    answer->key = right ? answer->probability : -answer->loss;
    enum status status = best_offer(&g->best[right ? PAGE_UNSURE : PAGE_MISTAKE], answer, err);
    struct rng rng = rng_stream(g->seed, RNG_REPORT, 0, answer->row);
    answer->key = rng_double(&rng);
    return status == OK ? best_offer(&g->best[PAGE_SAMPLE], answer, err) : status;
}

static enum status make_room(struct page_answers *out, size_t k, struct error *err)
{
    void *counts = NULL, *matrix = NULL;
    *out = (struct page_answers){.classes = k};
    enum status status = memory_alloc(&counts, 3 * k, sizeof(uint64_t), "the counts of classes", err);
    out->labelled = counts;
    if (status == OK && k <= CONFUSION_MATRIX_CLASSES)
        status = memory_alloc(&matrix, k * k, sizeof(uint64_t), "the confusion matrix", err);
    out->matrix = matrix;
    if (status == OK) {
        out->predicted = out->labelled + k;
        out->hits = out->predicted + k;
    }
    return status;
}

enum status page_gather_begin(struct page_gathering *out, struct page_answers *answers, size_t classes, size_t most,
                              uint64_t seed, struct error *err)
{
    *out = (struct page_gathering){.answers = answers, .seed = seed, .most = most};
    enum status status = make_room(answers, classes, err);
    return status == OK ? begin_best(out, err) : status;
}

enum status page_gather_end(struct page_gathering *g, struct error *err)
{
    return join(g, err);
}

void page_answers_free(struct page_answers *answers)
{
    for (size_t i = 0; i < answers->chosen_count; i++)
        memory_free(answers->chosen[i].file);
    memory_free(answers->chosen);
    memory_free(answers->labelled);
    memory_free(answers->matrix);
    *answers = (struct page_answers){0};
}
