#include "cli/report/inspect_file.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/model/children.h"
#include "cli/shell/json.h"
#include "cli/shell/numbers.h"
#include "cli/shell/table.h"
#include "cli/shell/wrap.h"
#include "core/base/memory.h"
#include "weights/recognise.h"
#include "weights/weight_file.h"

/* A file's tensors in the order of tensor_name_compare. */
struct listing {
    const struct weight_tensor **tensors;
    size_t count, values, bytes;
};

static int by_name(const void *a, const void *b)
{
    const struct weight_tensor *const *x = a, *const *y = b;
    return tensor_name_compare((*x)->name, (*y)->name);
}

static enum status listing_make(struct listing *out, const struct weight_file *file, struct error *err)
{
    void *tensors = NULL;
    size_t count = weight_file_count(file);
    enum status status = memory_alloc(&tensors, count, sizeof *out->tensors, "the list of tensors", err);
    if (status != OK)
        return status;
    *out = (struct listing){.tensors = tensors, .count = count};
    for (size_t i = 0; i < count; i++) {
        out->tensors[i] = weight_file_at(file, i);
        out->values += weight_tensor_values(out->tensors[i]);
        out->bytes += out->tensors[i]->bytes;
    }
    qsort(out->tensors, count, sizeof *out->tensors, by_name);
    return OK;
}

/* How many tensors from `first` on belong to the same child, and their values. */
static size_t child_run(const struct listing *listing, size_t first, size_t *values)
{
    const char *name = listing->tensors[first]->name;
    size_t length = child_name_length(name), i = first;
    *values = 0;
    for (; i < listing->count; i++) {
        const char *other = listing->tensors[i]->name;
        if (child_name_length(other) != length || memcmp(other, name, length) != 0)
            break;
        *values += weight_tensor_values(listing->tensors[i]);
    }
    return i - first;
}

static enum status print_children(const struct listing *listing, struct error *err)
{
    static const struct column columns[] = {{"child", COLUMN_NUMBER, 0, 0},
                                            {"name", COLUMN_TEXT, 8, 0},
                                            {"tensors", COLUMN_NUMBER, 0, 0},
                                            {"values", COLUMN_NUMBER, 0, 0}};
    struct table table;
    enum status status = OK;
    table_start(&table, stdout, TABLE_TEXT, columns, 4);
    for (size_t i = 0, run; i < listing->count && status == OK; i += run) {
        char number[16] = "", name[256], tensors[NUMBER_TEXT], sum[NUMBER_TEXT];
        const char *first = listing->tensors[i]->name;
        size_t values;
        run = child_run(listing, i, &values);
        if (child_number(first))
            snprintf(number, sizeof number, "%d", child_number(first));
        snprintf(name, sizeof name, "%.*s", (int)child_name_length(first), first);
        const char *cells[] = {number, name, number_count(tensors, run), number_count(sum, values)};
        status = table_row(&table, cells, err);
    }
    if (status == OK)
        table_end(&table);
    table_discard(&table);
    return status;
}

static enum status print_tensors(const struct listing *listing, struct error *err)
{
    static const struct column columns[] = {{"tensor", COLUMN_TEXT, 30, 0},
                                            {"type", COLUMN_TEXT, 0, 2},
                                            {"shape", COLUMN_TEXT, 0, 0},
                                            {"values", COLUMN_NUMBER, 0, 1}};
    struct table table;
    enum status status = OK;
    table_start(&table, stdout, TABLE_TEXT, columns, 4);
    for (size_t i = 0; i < listing->count && status == OK; i++) {
        const struct weight_tensor *tensor = listing->tensors[i];
        char shape[WEIGHT_SHAPE_TEXT], values[NUMBER_TEXT];
        const char *cells[] = {tensor->name, weight_dtype_name(tensor->dtype),
                               weight_shape_text(shape, sizeof shape, tensor->rank, tensor->shape),
                               number_count(values, weight_tensor_values(tensor))};
        status = table_row(&table, cells, err);
    }
    if (status == OK)
        table_end(&table);
    table_discard(&table);
    return status;
}

static enum status print_metadata(const struct weight_file *file, struct error *err)
{
    static const struct column columns[] = {{"metadata", COLUMN_TEXT, 12, 0}, {"value", COLUMN_PROSE, 20, 0}};
    struct table table;
    enum status status = OK;
    if (weight_file_metadata_count(file) == 0)
        return OK;
    putchar('\n');
    table_start(&table, stdout, TABLE_TEXT, columns, 2);
    for (size_t i = 0; i < weight_file_metadata_count(file) && status == OK; i++) {
        struct weight_metadata entry = weight_file_metadata_at(file, i);
        const char *cells[] = {entry.key, entry.value};
        status = table_row(&table, cells, err);
    }
    if (status == OK)
        table_end(&table);
    table_discard(&table);
    return status;
}

/* What the file holds besides; the first ones by name. */
static void print_left(const struct weight_file *file)
{
    enum { SHOWN = 12 };
    size_t count = weight_file_left_count(file);
    struct lines lines;
    FILE *out = lines_start(&lines, stdout);
    if (weight_file_key(file)[0]) {
        fputs("key: ", out);
        text_padded(out, weight_file_key(file), 0, false);
        putc('\n', out);
    }
    if (weight_file_prefix(file)[0]) {
        fputs("prefix: ", out);
        text_padded(out, weight_file_prefix(file), 0, false);
        putc('\n', out);
    }
    if (count > 0)
        fprintf(out, "left out: %zu\n", count);
    for (size_t i = 0; i < count && i < SHOWN; i++) {
        struct weight_left left = weight_file_left_at(file, i);
        fputs("  ", out);
        text_padded(out, left.name, 0, false);
        fprintf(out, ": %s%s\n", left.what,
                left.kind != WEIGHT_LEFT_NETWORK ? ""
                : left.key                       ? " (--key takes it)"
                                                 : " (--prefix takes it)");
    }
    if (count > SHOWN)
        fprintf(out, "  and %zu more\n", count - SHOWN);
    lines_end(&lines);
}

static enum status print_text(const struct weight_file *file, const struct listing *listing, struct error *err)
{
    char count[NUMBER_TEXT], values[NUMBER_TEXT], bytes[NUMBER_TEXT];
    struct recognised found;
    char path[PATH_SHOWN];
    say(stdout, "%s: %s tensors, %s values, %s", path_shown(path, weight_file_path(file), stdout),
        number_count(count, listing->count), number_count(values, listing->values),
        number_bytes(bytes, listing->bytes));
    if (!weights_recognise(&found, file))
        puts("network: none that freezetune knows");
    else if (found.classes == 0)
        printf("network: %s without a last layer\n", found.arch);
    else
        printf("network: %s with %zu classes\n", found.arch, found.classes);
    print_left(file);
    enum status status = print_metadata(file, err);
    if (status != OK || listing->count == 0)
        return status;
    putchar('\n');
    status = print_children(listing, err);
    if (status != OK)
        return status;
    putchar('\n');
    return print_tensors(listing, err);
}

static void print_json(const struct weight_file *file, const struct listing *listing)
{
    struct json json = json_start(stdout, true);
    struct recognised found;
    bool known = weights_recognise(&found, file);
    json_open(&json, NULL, '{');
    json_text(&json, "file", weight_file_path(file));
    json_int(&json, "values", (int64_t)listing->values);
    json_int(&json, "bytes", (int64_t)listing->bytes);
    json_text(&json, "arch", known ? found.arch : NULL);
    if (known)
        json_int(&json, "classes", (int64_t)found.classes);
    json_text(&json, "key", weight_file_key(file));
    json_text(&json, "prefix", weight_file_prefix(file));
    json_open(&json, "left_out", '[');
    for (size_t i = 0; i < weight_file_left_count(file); i++) {
        struct weight_left left = weight_file_left_at(file, i);
        json_open(&json, NULL, '{');
        json_text(&json, "name", left.name);
        json_text(&json, "what", left.what);
        json_bool(&json, "network", left.kind == WEIGHT_LEFT_NETWORK);
        json_close(&json);
    }
    json_close(&json);
    json_open(&json, "metadata", '{');
    for (size_t i = 0; i < weight_file_metadata_count(file); i++) {
        struct weight_metadata entry = weight_file_metadata_at(file, i);
        json_text(&json, entry.key, entry.value);
    }
    json_close(&json);
    json_open(&json, "tensors", '[');
    for (size_t i = 0; i < listing->count; i++) {
        const struct weight_tensor *tensor = listing->tensors[i];
        json_open(&json, NULL, '{');
        json_text(&json, "name", tensor->name);
        json_int(&json, "child", child_number(tensor->name));
        json_text(&json, "type", weight_dtype_name(tensor->dtype));
        json_open(&json, "shape", '[');
        for (unsigned d = 0; d < tensor->rank; d++)
            json_int(&json, NULL, (int64_t)tensor->shape[d]);
        json_close(&json);
        json_close(&json);
    }
    json_close(&json);
    json_close(&json);
    json_end(&json);
}

enum status inspect_file(const char *path, const struct weight_choice *choice, bool json, struct error *err)
{
    struct weight_file *file = NULL;
    struct listing listing = {0};
    enum status status = weight_file_open_choice(&file, path, choice, err);
    if (status == OK)
        status = listing_make(&listing, file, err);
    if (status == OK && json)
        print_json(file, &listing);
    else if (status == OK)
        status = print_text(file, &listing, err);
    memory_free(listing.tensors);
    weight_file_close(file);
    return status;
}
