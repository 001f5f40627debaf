#define _GNU_SOURCE /* qsort_r */
#include "cli/run/page/page_answers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/run/run_file.h"
#include "cli/shell/cell.h"
#include "core/base/csv.h"
#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/base/rng.h"
#include "core/base/text.h"

#define FILE_NAME "predictions_val.csv"
enum { PREDICTIONS_MOST = 1 << 30 };

/* ---- the photos that are kept ------------------------------------------------------------------------------------ */

/* The `most` entries with the smallest keys so far, in order; ties by row. */
struct best {
    struct page_answer *entries;
    size_t count, most;
};

static bool comes_before(const struct page_answer *a, const struct page_answer *b)
{
    return a->key < b->key || (a->key == b->key && a->row < b->row);
}

/* Takes a copy of the name where the entry is kept. */
static enum status best_offer(struct best *best, const struct page_answer *answer, struct error *err)
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

struct reading {
    struct page_answers *answers;
    struct best best[PAGE_KINDS];
    const struct class_names *classes;
    uint32_t *by_name; /* class numbers in the order of the names */
    uint64_t seed;
    size_t most;
};

static enum status reading_begin(struct reading *r, struct error *err)
{
    enum status status = OK;
    for (int kind = 0; kind < PAGE_KINDS && status == OK; kind++) {
        void *entries = NULL;
        /* A sample of `most`, so that enough are left without those that the other kinds keep. */
        r->best[kind].most = kind == PAGE_MISTAKE ? r->most * 2 / 5 : kind == PAGE_UNSURE ? r->most * 3 / 10 : r->most;
        status =
            memory_alloc(&entries, r->best[kind].most, sizeof(struct page_answer), "the photos of the report", err);
        r->best[kind].entries = entries;
    }
    return status;
}

static void reading_end(struct reading *r)
{
    for (int kind = 0; kind < PAGE_KINDS; kind++) {
        for (size_t i = 0; i < r->best[kind].count; i++)
            memory_free(r->best[kind].entries[i].file);
        memory_free(r->best[kind].entries);
    }
    memory_free(r->by_name);
}

static bool is_kept(const struct best *best, size_t row)
{
    for (size_t i = 0; i < best->count; i++)
        if (best->entries[i].row == row)
            return true;
    return false;
}

/* One list of them all. A photo of the sample that another kind shows is left out of the sample. */
static enum status join(struct reading *r, struct error *err)
{
    struct page_answers *answers = r->answers;
    void *chosen;
    enum status status = memory_alloc(&chosen, r->most, sizeof(struct page_answer), "the photos of the report", err);
    if (status != OK)
        return status;
    answers->chosen = chosen;
    for (int kind = 0; kind < PAGE_KINDS; kind++) {
        for (size_t i = 0; i < r->best[kind].count && answers->chosen_count < r->most; i++) {
            struct page_answer *entry = &r->best[kind].entries[i];
            if (kind == PAGE_SAMPLE &&
                (is_kept(&r->best[PAGE_MISTAKE], entry->row) || is_kept(&r->best[PAGE_UNSURE], entry->row)))
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

/* ---- rows -------------------------------------------------------------------------------------------------------- */

static int compare_names(const void *a, const void *b, void *context)
{
    const struct class_names *classes = context;
    return strcmp(classes->names[*(const uint32_t *)a], classes->names[*(const uint32_t *)b]);
}

static enum status sort_names(struct reading *r, struct error *err)
{
    void *order;
    enum status status = memory_alloc(&order, r->classes->count, sizeof(uint32_t), "the classes", err);
    if (status != OK)
        return status;
    r->by_name = order;
    for (size_t i = 0; i < r->classes->count; i++)
        r->by_name[i] = (uint32_t)i;
    struct class_names classes = *r->classes;
    qsort_r(r->by_name, classes.count, sizeof *r->by_name, compare_names, &classes);
    return OK;
}

static bool find_class(uint32_t *out, const struct reading *r, char *cell)
{
    const char *name = cell_undo(cell);
    size_t low = 0, high = r->classes->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strcmp(name, r->classes->names[r->by_name[middle]]);
        if (order == 0) {
            *out = r->by_name[middle];
            return true;
        }
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

static bool find_share(double *out, const char *cell)
{
    return text_to_double(out, cell) && *out >= 0 && *out <= 1;
}

static void count_in(struct page_bin bins[PAGE_FINE], double probability, bool right)
{
    size_t i = (size_t)(probability * PAGE_FINE);
    struct page_bin *bin = &bins[i < PAGE_FINE ? i : PAGE_FINE - 1];
    bin->count++;
    bin->right += right;
}

static enum status take(struct reading *r, struct page_answer *answer, struct error *err)
{
    struct page_answers *a = r->answers;
    bool right = answer->label == answer->predicted;
    a->count++;
    a->right += right;
    a->loss += answer->loss;
    a->labelled[answer->label]++;
    a->predicted[answer->predicted]++;
    a->hits[answer->label] += right;
    if (a->matrix)
        a->matrix[answer->label * a->classes + answer->predicted]++;
    reliability_add(&a->reliability, answer->probability, right);
    count_in(a->fine, answer->probability, right);
    answer->key = right ? answer->probability : -answer->loss;
    enum status status = best_offer(&r->best[right ? PAGE_UNSURE : PAGE_MISTAKE], answer, err);
    struct rng rng = rng_stream(r->seed, RNG_REPORT, 0, answer->row);
    answer->key = rng_double(&rng);
    return status == OK ? best_offer(&r->best[PAGE_SAMPLE], answer, err) : status;
}

enum column { COLUMN_FILE, COLUMN_CLASS, COLUMN_ANSWER, COLUMN_P, COLUMN_CLASS_P, COLUMN_COUNT };

static enum status read_rows(struct reading *r, struct csv *csv, const char *name, struct error *err)
{
    static const char *const titles[] = {"file", "class", "predicted", "probability", "class_probability"};
    size_t columns[COLUMN_COUNT];
    struct csv_row row;
    enum status status = csv_next(&row, csv, err);
    for (int i = 0; i < COLUMN_COUNT && status == OK; i++) {
        columns[i] = csv_find(&row, titles[i]);
        if (columns[i] == CSV_NO_COLUMN)
            status = error_set(err, ERR_DATA, "%s: has no column '%s'", name, titles[i]);
    }
    for (size_t i = 0; status == OK; i++) {
        struct page_answer answer = {.row = i};
        status = csv_next(&row, csv, err);
        if (status != OK || row.count == 0)
            break;
        if (!find_class(&answer.label, r, row.cells[columns[COLUMN_CLASS]]) ||
            !find_class(&answer.predicted, r, row.cells[columns[COLUMN_ANSWER]]) ||
            !find_share(&answer.probability, row.cells[columns[COLUMN_P]]) ||
            !find_share(&answer.label_probability, row.cells[columns[COLUMN_CLASS_P]]))
            return error_set(err, ERR_DATA, "%s:%zu: is no answer of this run", name, row.line);
        answer.file = cell_undo(row.cells[columns[COLUMN_FILE]]);
        answer.loss = -log(fmax(answer.label_probability, 1e-38));
        status = take(r, &answer, err);
    }
    return status;
}

static enum status make_room(struct page_answers *out, const struct class_names *classes, struct error *err)
{
    void *counts = NULL, *matrix = NULL;
    size_t k = classes->count;
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

static enum status read_text(struct page_answers *out, const char *text, size_t size, const char *name,
                             struct reading *r, struct error *err)
{
    struct csv csv;
    enum status status = make_room(out, r->classes, err);
    if (status == OK)
        status = sort_names(r, err);
    if (status == OK)
        status = reading_begin(r, err);
    if (status != OK)
        return status;
    status = csv_open(&csv, text, size, name, false, err);
    if (status == OK) {
        status = read_rows(r, &csv, name, err);
        csv_close(&csv);
    }
    if (status == OK)
        status = join(r, err);
    if (out->count > 0)
        out->loss /= (double)out->count;
    return status;
}

enum status page_answers_read(struct page_answers *out, bool *there, const char *folder,
                              const struct class_names *classes, size_t most, uint64_t seed, struct error *err)
{
    struct reading reading = {.answers = out, .classes = classes, .seed = seed, .most = most};
    char *text, *path;
    size_t size;
    *out = (struct page_answers){0};
    *there = false;
    enum status status = path_join(&path, folder, FILE_NAME, err);
    if (status != OK)
        return status;
    status = run_file_read(&text, &size, folder, FILE_NAME, PREDICTIONS_MOST, err);
    if (text) {
        status = read_text(out, text, size, path, &reading, err);
        *there = status == OK && out->count > 0;
        reading_end(&reading);
    }
    memory_free(text);
    memory_free(path);
    return status;
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
