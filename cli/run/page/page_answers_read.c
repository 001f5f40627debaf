#define _GNU_SOURCE /* qsort_r */
#include "cli/run/page/page_answers.h"

#include <stdlib.h>
#include <string.h>

#include "cli/run/run_file.h"
#include "cli/shell/cell.h"
#include "core/base/csv.h"
#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/base/text.h"

#define FILE_NAME "predictions_val.csv"
enum { PREDICTIONS_MOST = 1 << 30 };

struct reading {
    struct page_gathering gathering;
    const struct class_names *classes;
    uint32_t *by_name; /* class numbers in the order of the names */
    size_t part, row;
};

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
    while (status == OK) {
        struct page_answer answer = {.part = r->part, .row = r->row};
        status = csv_next(&row, csv, err);
        if (status != OK || row.count == 0)
            break;
        if (!find_class(&answer.label, r, row.cells[columns[COLUMN_CLASS]]) ||
            !find_class(&answer.predicted, r, row.cells[columns[COLUMN_ANSWER]]) ||
            !find_share(&answer.probability, row.cells[columns[COLUMN_P]]) ||
            !find_share(&answer.label_probability, row.cells[columns[COLUMN_CLASS_P]]))
            return error_set(err, ERR_DATA, "%s:%zu: is no answer of this run", name, row.line);
        answer.file = cell_undo(row.cells[columns[COLUMN_FILE]]);
        status = page_gather_add(&r->gathering, &answer, err);
        r->row++;
    }
    return status;
}

static enum status read_text(const char *text, size_t size, const char *name, struct reading *r, struct error *err)
{
    struct csv csv;
    enum status status = csv_open(&csv, text, size, name, false, err);
    if (status != OK)
        return status;
    status = read_rows(r, &csv, name, err);
    csv_close(&csv);
    return status;
}

static enum status read_folder(struct reading *r, const char *folder, struct error *err)
{
    char *text, *path;
    size_t size;
    enum status status = path_join(&path, folder, FILE_NAME, err);
    if (status != OK)
        return status;
    status = run_file_read(&text, &size, folder, FILE_NAME, PREDICTIONS_MOST, err);
    if (text)
        status = read_text(text, size, path, r, err);
    memory_free(text);
    memory_free(path);
    return status;
}

enum status page_answers_read(struct page_answers *out, bool *there, const char *const *folders, size_t count,
                              const struct class_names *classes, size_t most, uint64_t seed, struct error *err)
{
    struct reading reading = {.classes = classes};
    enum status status = page_gather_begin(&reading.gathering, out, classes->count, most, seed, err);
    if (status == OK)
        status = sort_names(&reading, err);
    for (; reading.part < count && status == OK; reading.part++)
        status = read_folder(&reading, folders[reading.part], err);
    if (status == OK)
        status = page_gather_end(&reading.gathering, err);
    *there = status == OK && out->count > 0;
    page_gather_free(&reading.gathering);
    memory_free(reading.by_name);
    return status;
}
