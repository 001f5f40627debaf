#include "cli/report/probabilities_reader.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/shell/cell.h"
#include "core/base/csv.h"
#include "core/base/memory.h"
#include "core/base/text.h"

enum { FILE_COLUMN, CLASS_COLUMN, FIRST_COLUMN, PIECE = 256 << 10 };

struct probabilities_reader {
    struct file_map map;
    char *name;
    size_t at, ready; /* where the next line begins; up to where the file is read */
    size_t line;
    struct csv csv; /* of the line before */
    bool csv_open;
    struct class_names classes;
    const char **sorted; /* [classes] */
    size_t *numbers;     /* [classes] of sorted */
    double *probability; /* [classes] */
    struct probability_row row;
};

/* ---- lines ------------------------------------------------------------------------------------------------------- */

static enum status wrong(const struct probabilities_reader *reader, const char *what, struct error *err)
{
    return error_set(err, ERR_DATA,
                     "%s: line %zu: %s: it is no table of probabilities, or was changed; write it again with train or "
                     "eval",
                     reader->name, reader->line, what);
}

/* The bytes of the next line without its end, borrowed; *size = 0 for an empty one and at the end of the file. */
static enum status next_line(const char **line, size_t *size, struct probabilities_reader *reader, struct error *err)
{
    size_t searched = reader->at, start = reader->at;
    const uint8_t *end = NULL;
    enum status status = OK;
    file_map_drop(&reader->map, 0, start);
    while (!end && status == OK) {
        if (searched < reader->ready)
            end = memchr(reader->map.bytes + searched, '\n', reader->ready - searched);
        searched = reader->ready;
        if (end || reader->ready == reader->map.size)
            break;
        size_t left = reader->map.size - reader->ready, piece = left < PIECE ? left : PIECE;
        if (reader->ready - start > CSV_ROW_MOST)
            return wrong(reader, "is too long", err);
        status = file_map_read(&reader->map, reader->ready, piece, err);
        if (status == OK)
            reader->ready += piece;
    }
    if (status != OK)
        return status;
    *line = (const char *)reader->map.bytes + start;
    *size = end ? (size_t)(end - reader->map.bytes) - start : reader->map.size - start;
    reader->at = start + *size + (end != NULL);
    return OK;
}

/* The cells of the next line; row->count is 0 at the end. */
static enum status next_cells(struct csv_row *row, struct probabilities_reader *reader, struct error *err)
{
    const char *line = NULL;
    size_t size = 0;
    struct error reason = {0};
    if (reader->csv_open)
        csv_close(&reader->csv);
    reader->csv_open = false;
    *row = (struct csv_row){0};
    reader->line++;
    if (reader->at == reader->map.size)
        return OK;
    enum status status = next_line(&line, &size, reader, err);
    if (status != OK)
        return status;
    size -= size > 0 && line[size - 1] == '\r';
    if (size > 0 && memchr(line, '\r', size))
        return wrong(reader, "holds the end of another line", err);
    status = csv_open(&reader->csv, line, size, "row", true, &reason);
    reader->csv_open = status == OK;
    if (status == OK)
        status = csv_next(row, &reader->csv, &reason);
    if (status == ERR_SYSTEM)
        return error_set(err, status, "%s", reason.text);
    if (status != OK)
        return wrong(reader, reason.text, err);
    return row->count > 0 ? OK : wrong(reader, "is empty", err);
}

/* ---- the titles -------------------------------------------------------------------------------------------------- */

struct numbered {
    const char *name;
    size_t number;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct numbered *)a)->name, ((const struct numbered *)b)->name);
}

/* Fills reader->sorted and ->numbers. */
static enum status sort_classes(struct probabilities_reader *reader, struct error *err)
{
    size_t count = reader->classes.count;
    void *memory;
    enum status status = memory_alloc(&memory, count, sizeof(struct numbered), "the classes", err);
    if (status != OK)
        return status;
    struct numbered *all = memory;
    for (size_t i = 0; i < count; i++)
        all[i] = (struct numbered){reader->classes.names[i], i};
    qsort(all, count, sizeof *all, by_name);
    for (size_t i = 0; i < count && status == OK; i++) {
        if (all[i].name[0] == '\0' || (i > 0 && strcmp(all[i - 1].name, all[i].name) == 0))
            status = wrong(reader, "a class has no name, or two have the same", err);
        reader->sorted[i] = all[i].name;
        reader->numbers[i] = all[i].number;
    }
    memory_free(all);
    return status;
}

static enum status reserve(struct probabilities_reader *reader, size_t classes, struct error *err)
{
    void *memory;
    enum status status = memory_alloc(&memory, classes, sizeof(char *), "the classes", err);
    if (status != OK)
        return status;
    reader->classes.names = memory;
    status = memory_alloc(&memory, classes, sizeof(char *), "the classes", err);
    if (status != OK)
        return status;
    reader->sorted = memory;
    status = memory_alloc(&memory, classes, sizeof(size_t), "the classes", err);
    if (status != OK)
        return status;
    reader->numbers = memory;
    status = memory_alloc(&memory, classes, sizeof(double), "the probabilities", err);
    if (status == OK)
        reader->probability = memory;
    return status;
}

static enum status read_titles(struct probabilities_reader *reader, struct error *err)
{
    struct csv_row row;
    enum status status = next_cells(&row, reader, err);
    if (status != OK)
        return status;
    if (row.count <= FIRST_COLUMN || strcmp(row.cells[FILE_COLUMN], "file") != 0 ||
        strcmp(row.cells[CLASS_COLUMN], "class") != 0)
        return wrong(reader, "the columns are not file, class and the names of the classes", err);
    status = reserve(reader, row.count - FIRST_COLUMN, err);
    for (size_t i = FIRST_COLUMN; i < row.count && status == OK; i++) {
        status = memory_strdup(&reader->classes.names[i - FIRST_COLUMN], cell_undo(row.cells[i]), err);
        reader->classes.count += status == OK;
    }
    return status == OK ? sort_classes(reader, err) : status;
}

/* ---- public ------------------------------------------------------------------------------------------------------ */

enum status probabilities_open_map(struct probabilities_reader **out, struct file_map *map, const char *name,
                                   struct error *err)
{
    void *memory;
    enum status status = memory_alloc(&memory, 1, sizeof(struct probabilities_reader), "a table", err);
    if (status != OK) {
        file_map_close(map);
        return status;
    }
    struct probabilities_reader *reader = memory;
    reader->map = *map;
    *map = (struct file_map){0};
    status = memory_strdup(&reader->name, name, err);
    if (status == OK)
        status = read_titles(reader, err);
    if (status == OK)
        *out = reader;
    else
        probabilities_close(reader);
    return status;
}

enum status probabilities_open(struct probabilities_reader **out, const char *path, struct error *err)
{
    struct file_map map;
    enum status status = file_map_open(&map, path, err);
    return status == OK ? probabilities_open_map(out, &map, path, err) : status;
}

void probabilities_close(struct probabilities_reader *reader)
{
    if (!reader)
        return;
    if (reader->csv_open)
        csv_close(&reader->csv);
    class_names_free(&reader->classes);
    memory_free(reader->sorted);
    memory_free(reader->numbers);
    memory_free(reader->probability);
    memory_free(reader->name);
    file_map_close(&reader->map);
    memory_free(reader);
}

const struct class_names *probabilities_classes(const struct probabilities_reader *reader)
{
    return &reader->classes;
}

static int name_against(const void *name, const void *sorted)
{
    return strcmp(name, *(const char *const *)sorted);
}

static enum status take_numbers(struct probabilities_reader *reader, char *const *cells, struct error *err)
{
    double sum = 0;
    for (size_t k = 0; k < reader->classes.count; k++) {
        double p;
        if (!text_to_double(&p, cells[k]) || !(p >= 0 && p <= 1))
            return wrong(reader, "a probability is no number from 0 to 1", err);
        reader->probability[k] = p;
        sum += p;
    }
    return fabs(sum - 1) <= 1e-6 ? OK : wrong(reader, "the probabilities do not add up to 1", err);
}

enum status probabilities_next(const struct probability_row **row, struct probabilities_reader *reader,
                               struct error *err)
{
    struct csv_row cells;
    *row = NULL;
    enum status status = next_cells(&cells, reader, err);
    if (status != OK || cells.count == 0)
        return status;
    if (cells.count != FIRST_COLUMN + reader->classes.count)
        return wrong(reader, "has another number of cells than the first line", err);
    const char *file = cell_undo(cells.cells[FILE_COLUMN]), *class = cell_undo(cells.cells[CLASS_COLUMN]);
    const char **found = bsearch(class, reader->sorted, reader->classes.count, sizeof *reader->sorted, name_against);
    if (!found)
        return wrong(reader, "its class is not in the first line", err);
    status = take_numbers(reader, cells.cells + FIRST_COLUMN, err);
    if (status != OK)
        return status;
    reader->row = (struct probability_row){.file = file,
                                           .label = reader->numbers[found - reader->sorted],
                                           .probability = reader->probability,
                                           .line = reader->line};
    *row = &reader->row;
    return OK;
}
