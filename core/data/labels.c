#define _GNU_SOURCE
#include "core/data/labels.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/csv.h"
#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/base/text.h"
#include "core/data/labels_path.h"

enum { LABELS_MOST = 1 << 30, LABEL_MOST = 255, SHOWN = 300 };

/* Where the columns stand; CSV_NO_COLUMN: there is none. */
struct columns {
    size_t file, label, split, group;
};

void labels_free(struct labels *labels)
{
    memory_free(labels->path);
    memory_free(labels->root);
    memory_free(labels->text);
    memory_free(labels->rows);
    *labels = (struct labels){0};
}

/* ---- the first row ----------------------------------------------------------------------------------------------- */

static enum status find_column(size_t *out, const struct csv_row *row, const char *name, bool needed, const char *path,
                               struct error *err)
{
    char first[SHOWN];
    size_t count = 0;
    for (size_t i = 0; i < row->count; i++)
        count += strcmp(row->cells[i], name) == 0;
    if (count > 1)
        return error_set(err, ERR_DATA, "%s: line %zu: there are %zu columns '%s': rename the others", path, row->line,
                         count, name);
    if (count == 0 && needed && row->count > 0)
        return error_set(err, ERR_DATA,
                         "%s: line %zu: there is no column '%s': the first row names the columns, file,label with "
                         "commas between them (it begins with '%s')",
                         path, row->line, name, text_escape(first, sizeof first, row->cells[0]));
    *out = csv_find(row, name);
    return OK;
}

static enum status read_header(struct columns *out, struct csv *csv, const char *path, struct error *err)
{
    struct csv_row row;
    enum status status = csv_next(&row, csv, err);
    if (status == OK && row.count == 0)
        status = error_set(err, ERR_DATA, "%s: is empty: the first row names the columns, file,label", path);
    if (status == OK)
        status = find_column(&out->file, &row, "file", true, path, err);
    if (status == OK)
        status = find_column(&out->label, &row, "label", true, path, err);
    if (status == OK)
        status = find_column(&out->split, &row, "split", false, path, err);
    if (status == OK)
        status = find_column(&out->group, &row, "group", false, path, err);
    return status;
}

/* ---- a row ------------------------------------------------------------------------------------------------------- */

static enum status check_label(const char *label, size_t line, const char *path, struct error *err)
{
    char shown[SHOWN];
    const char *why = NULL;
    if (!label[0])
        return error_set(err, ERR_DATA, "%s: line %zu: the label is empty: name a class, or remove the line", path,
                         line);
    if (strchr(label, '/'))
        why = "contains a /";
    else if (label[0] == '.')
        why = "begins with a dot";
    else if (strlen(label) > LABEL_MOST)
        why = "is longer than 255 bytes";
    if (why)
        return error_set(err, ERR_DATA, "%s: line %zu: the label '%s' %s, which no class folder can: rename it", path,
                         line, text_escape(shown, sizeof shown, label), why);
    return OK;
}

static enum status read_part(enum split_part *out, const char *cell, size_t line, const char *path, struct error *err)
{
    char shown[SHOWN];
    struct split_name name = split_name_parse(cell);
    if (name.part == PART_NONE || name.rest[0])
        return error_set(err, ERR_DATA, "%s: line %zu: the split '%s' is unknown: it is train, val or test", path, line,
                         text_escape(shown, sizeof shown, cell));
    *out = name.part;
    return OK;
}

static enum status keep(size_t *place, struct labels *labels, const char *text, struct error *err)
{
    void *memory = labels->text;
    size_t size = strlen(text) + 1;
    enum status status = memory_grow(&memory, &labels->text_room, labels->text_used + size, 1, "the labels", err);
    if (status != OK)
        return status;
    labels->text = memory;
    memcpy(labels->text + labels->text_used, text, size);
    *place = labels->text_used;
    labels->text_used += size;
    return OK;
}

/* Looks whether the file is there; of a path as Windows writes it turns the backslashes. */
static enum status look(char *name, const char *root, size_t line, const char *path, struct error *err)
{
    char full[PATH_MAX], turned[PATH_MAX], shown[SHOWN];
    struct stat info;
    int length = snprintf(full, sizeof full, "%s/%s", root, name);
    bool fits = length > 0 && (size_t)length < sizeof full;
    int reason = !fits ? ENAMETOOLONG : path_stat(&info, full) == 0 ? 0 : errno;
    if (reason == ENOENT && strchr(name, '\\')) {
        size_t before = (size_t)length - strlen(name);
        memcpy(turned, full, (size_t)length + 1);
        for (char *at = turned + before; (at = strchr(at, '\\'));)
            *at = '/';
        if (path_stat(&info, turned) == 0) {
            memcpy(name, turned + before, strlen(name));
            reason = 0;
        }
    }
    if (reason == ENOENT || reason == ENOTDIR || reason == ENAMETOOLONG)
        return error_set(err, ERR_NOINPUT, "%s: line %zu: %s: there is no such file in %s", path, line,
                         text_escape(shown, sizeof shown, name), root);
    if (reason == 0 && S_ISDIR(info.st_mode))
        return error_set(err, ERR_DATA, "%s: line %zu: %s is a folder: name a photo", path, line,
                         text_escape(shown, sizeof shown, name));
    return OK;
}

static enum status take_file(struct label *row, struct labels *labels, const char *cell, struct error *err)
{
    char name[PATH_MAX], shown[SHOWN];
    if (!cell[0])
        return error_set(err, ERR_DATA, "%s: line %zu: the file is empty: name a photo, or remove the line",
                         labels->path, row->line);
    if (!labels_path(name, sizeof name, cell, labels->root))
        return error_set(err, ERR_DATA, "%s: line %zu: %s is no path of a file below %s", labels->path, row->line,
                         text_escape(shown, sizeof shown, cell), labels->root);
    enum status status = look(name, labels->root, row->line, labels->path, err);
    return status == OK ? keep(&row->file, labels, name, err) : status;
}

static enum status take_row(struct labels *labels, const struct csv_row *cells, const struct columns *columns,
                            struct error *err)
{
    struct label row = {.line = cells->line};
    const char *label = cells->cells[columns->label];
    void *memory = labels->rows;
    enum status status = check_label(label, row.line, labels->path, err);
    if (status == OK && labels->has_split)
        status = read_part(&row.part, cells->cells[columns->split], row.line, labels->path, err);
    if (status == OK)
        status = take_file(&row, labels, cells->cells[columns->file], err);
    if (status == OK)
        status = keep(&row.label, labels, label, err);
    if (status == OK)
        status = keep(&row.group, labels, labels->has_group ? cells->cells[columns->group] : "", err);
    if (status == OK)
        status = memory_grow(&memory, &labels->room, labels->count + 1, sizeof row, "the labels", err);
    labels->rows = memory;
    if (status == OK)
        labels->rows[labels->count++] = row;
    return status;
}

/* ---- photos that are listed twice -------------------------------------------------------------------------------- */

static int by_file(const void *a, const void *b, void *text)
{
    const struct label *x = a, *y = b;
    int order = strcmp((const char *)text + x->file, (const char *)text + y->file);
    return order ? order : x->line < y->line ? -1 : x->line > y->line;
}

static int by_line(const void *a, const void *b)
{
    const struct label *x = a, *y = b;
    return x->line < y->line ? -1 : x->line > y->line;
}

static enum status check_same(const struct labels *labels, const struct label *first, const struct label *second,
                              struct error *err)
{
    const char *what = strcmp(labels_text(labels, first->label), labels_text(labels, second->label)) != 0   ? "label"
                       : first->part != second->part                                                        ? "split"
                       : strcmp(labels_text(labels, first->group), labels_text(labels, second->group)) != 0 ? "group"
                                                                                                            : NULL;
    char shown[SHOWN];
    if (!what)
        return OK;
    return error_set(err, ERR_DATA, "%s: line %zu: %s has another %s than on line %zu: keep one of the lines",
                     labels->path, second->line, text_escape(shown, sizeof shown, labels_text(labels, second->file)),
                     what, first->line);
}

static enum status join_repeats(struct labels *labels, struct error *err)
{
    size_t kept = 0;
    enum status status = OK;
    qsort_r(labels->rows, labels->count, sizeof *labels->rows, by_file, labels->text);
    for (size_t i = 0; i < labels->count && status == OK; i++) {
        const struct label *row = &labels->rows[i], *last = kept ? &labels->rows[kept - 1] : NULL;
        if (last && strcmp(labels_text(labels, last->file), labels_text(labels, row->file)) == 0)
            status = check_same(labels, last, row, err);
        else
            labels->rows[kept++] = *row;
    }
    labels->count = kept;
    qsort(labels->rows, kept, sizeof *labels->rows, by_line);
    return status;
}

/* ---- the file ---------------------------------------------------------------------------------------------------- */

static enum status read_rows(struct labels *labels, const char *text, size_t size, struct error *err)
{
    struct csv csv = {0};
    struct columns columns;
    struct csv_row row;
    enum status status = csv_open(&csv, text, size, labels->path, true, err);
    if (status == OK)
        status = read_header(&columns, &csv, labels->path, err);
    if (status == OK) {
        labels->has_split = columns.split != CSV_NO_COLUMN;
        labels->has_group = columns.group != CSV_NO_COLUMN;
    }
    while (status == OK && (status = csv_next(&row, &csv, err)) == OK && row.count > 0)
        status = take_row(labels, &row, &columns, err);
    csv_close(&csv);
    if (status == OK && labels->count == 0)
        status =
            error_set(err, ERR_DATA, "%s: lists no photo: a row for each photo follows the first one", labels->path);
    return status == OK ? join_repeats(labels, err) : status;
}

enum status labels_read(struct labels *out, const char *path, const char *base, struct error *err)
{
    struct labels labels = {0};
    const char *name;
    uint8_t *text = NULL;
    size_t size;
    enum status status = memory_strdup(&labels.path, path, err);
    if (status == OK)
        status = base ? memory_strdup(&labels.root, base, err) : path_split(&labels.root, &name, path, err);
    if (status == OK)
        status = file_read(&text, &size, path, LABELS_MOST, err);
    if (status == OK)
        status = read_rows(&labels, (const char *)text, size, err);
    memory_free(text);
    if (status == OK)
        *out = labels;
    else
        labels_free(&labels);
    return status;
}
