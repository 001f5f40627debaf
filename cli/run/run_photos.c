#define _POSIX_C_SOURCE 200809L
#include "cli/run/run_photos.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/shell/cell.h"
#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/data/divide.h"
#include "core/train/checkpoint.h"

/* ---- predictions_val.csv ----------------------------------------------------------------------------------------- */

enum { PREDICTIONS_MOST = 1 << 30 };

/* The first cells of a CSV file, as they are written there (with quotes), sorted. */
struct cells {
    char *text;
    const char **cells;
    size_t count;
    bool *met; /* by cell */
};

static void cells_free(struct cells *cells)
{
    memory_free(cells->met);
    memory_free(cells->cells);
    memory_free(cells->text);
}

/* Ends the first cell of the line at `at` with a NUL; returns where the next line begins, or NULL behind the last one.
 * Line breaks and commas inside quotes belong to the cell. */
static char *end_first_cell(char *at)
{
    char *cell_end = NULL;
    bool quoted = false;
    for (; *at && (quoted || *at != '\n'); at++) {
        quoted ^= *at == '"';
        if (*at == ',' && !quoted && !cell_end)
            cell_end = at;
    }
    char *next = *at ? at + 1 : NULL;
    *(cell_end ? cell_end : at) = '\0';
    return next;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum status take_cells(struct cells *out, size_t size, struct error *err)
{
    void *cells, *met;
    size_t lines = 1;
    for (size_t i = 0; i < size; i++)
        lines += out->text[i] == '\n';
    enum status status = memory_alloc(&cells, lines, sizeof *out->cells, "the validated photos", err);
    if (status != OK)
        return status;
    out->cells = cells;
    status = memory_alloc(&met, lines, sizeof *out->met, "the validated photos", err);
    if (status != OK)
        return status;
    out->met = met;
    char *at = end_first_cell(out->text); /* the titles */
    while (at && *at) {
        out->cells[out->count++] = at;
        at = end_first_cell(at);
    }
    qsort(out->cells, out->count, sizeof *out->cells, by_text);
    return OK;
}

static enum status read_validated(struct cells *out, const struct record_config *record, const char *data,
                                  struct error *err)
{
    char *path;
    uint8_t *text = NULL;
    size_t size;
    *out = (struct cells){0};
    enum status status = path_join(&path, record->folder, "predictions_val.csv", err);
    if (status != OK)
        return status;
    status = file_read(&text, &size, path, PREDICTIONS_MOST, err);
    out->text = (char *)text;
    if (status != OK || strncmp(out->text, "file,", 5) != 0)
        status = error_set(err, ERR_DATA,
                           "%s: photos were added, removed or renamed since %s was trained, and it has no "
                           "predictions_val.csv to say which it validated: name photos that are new to it with --data",
                           data, record->folder);
    memory_free(path);
    return status == OK ? take_cells(out, size, err) : status;
}

/* A name as csv_cell writes it, in storage of the stream that *text grows with. */
static const char *name_as_cell(FILE *stream, char **text, const char *name)
{
    rewind(stream);
    csv_cell(stream, name);
    putc('\0', stream);
    return fflush(stream) == 0 && !ferror(stream) ? *text : NULL;
}

/* validates[i] of the photos, train and then val counted through. */
static enum status mark_validated(bool *validates, struct cells *cells, const struct dataset *dataset,
                                  struct error *err)
{
    char *text = NULL;
    size_t size, train = dataset->train.count, count = train + dataset->val.count;
    FILE *stream = open_memstream(&text, &size);
    bool good = stream != NULL;
    for (size_t i = 0; good && i < count; i++) {
        const char *name = i < train ? photo_name(&dataset->train, i) : photo_name(&dataset->val, i - train);
        const char *cell = name_as_cell(stream, &text, name);
        good = cell != NULL;
        const char *const *found =
            good ? bsearch(&cell, cells->cells, cells->count, sizeof *cells->cells, by_text) : NULL;
        validates[i] = found != NULL;
        if (found)
            cells->met[found - (const char *const *)cells->cells] = true;
    }
    if (stream)
        fclose(stream);
    free(text);
    return good ? OK : error_memory(err, "the names of photos", 0);
}

/* Divides the photos as they were when the run validated them. */
static enum status divide_as_recorded(struct run_photos *photos, const struct record_config *record, const char *data,
                                      struct error *err)
{
    struct dataset *dataset = &photos->dataset;
    struct cells cells;
    void *validates = NULL;
    enum status status = read_validated(&cells, record, data, err);
    if (status == OK)
        status = memory_alloc(&validates, dataset->train.count + dataset->val.count, sizeof(bool),
                              "the validated photos", err);
    if (status == OK)
        status = mark_validated(validates, &cells, dataset, err);
    if (status == OK)
        status = dataset_divide(dataset, validates, err);
    for (size_t i = 0; status == OK && i < cells.count; i++)
        photos->gone += !cells.met[i];
    memory_free(validates);
    cells_free(&cells);
    return status;
}

/* ---- the lists --------------------------------------------------------------------------------------------------- */

/* From the numbers of the folders' classes to those of the model's. */
static void number_as_model(struct photo_list *list, const struct class_names *from, const struct class_names *to)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        struct photo photo = list->photos[i];
        photo.class = class_names_find(to, from->names[photo.class]);
        if (photo.class != PHOTO_NO_CLASS)
            list->photos[kept++] = photo;
    }
    list->count = kept;
}

enum status run_photos_open(struct run_photos *out, const struct record_config *record, const char *data,
                            const struct class_names *classes, struct error *err)
{
    struct dataset *dataset = &out->dataset;
    char photos[33];
    *out = (struct run_photos){0};
    const struct dataset_source source = record_config_source(record, data);
    enum status status = dataset_open_source(dataset, &source, err);
    if (status != OK)
        return status;
    checkpoint_photos(photos, dataset);
    bool same = strcmp(photos, record->photos) == 0;
    out->changed = record->photos[0] ? !same : dataset->train.count + dataset->val.count != record->count;
    if (!same && dataset_is_one_folder(dataset))
        status = divide_as_recorded(out, record, data, err);
    number_as_model(&dataset->train, &dataset->classes, classes);
    number_as_model(&dataset->val, &dataset->classes, classes);
    return status;
}

void run_photos_free(struct run_photos *photos)
{
    dataset_close(&photos->dataset);
    *photos = (struct run_photos){0};
}
