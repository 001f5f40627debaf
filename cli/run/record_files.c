#include "cli/run/record_files.h"
#include "cli/run/train_options.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/run/duplicates.h"
#include "cli/shell/cell.h"
#include "cli/shell/json.h"
#include "cli/shell/numbers.h"
#include "cli/shell/table.h"
#include "cli/shell/version.h"
#include "core/base/memory.h"
#include "core/base/outfile.h"
#include "core/train/confusion.h"

static void put_versions(struct json *json)
{
    json_open(json, "versions", '{');
    json_text(json, "freezetune", FREEZETUNE_VERSION);
    for (size_t i = 0; i < version_part_count(); i++) {
        char space[256];
        struct version_part part = version_part(i, false, space);
        json_text(json, part.name, part.text);
    }
    json_close(json);
}

static struct train_decided decided_by(const struct run_setup *t)
{
    return (struct train_decided){.data = t->paths.data,
                                  .labels = t->paths.labels,
                                  .val_labels = t->paths.val_labels,
                                  .weights = t->weights ? t->weights : "random",
                                  .classes = t->classes,
                                  .freeze_until = t->freeze_until,
                                  .head_lr_mult = t->options.rates.head};
}

enum status write_config(const char *folder, const struct run_setup *t, struct error *err)
{
    struct outfile file;
    enum status status = outfile_open_in(&file, folder, "config.json", err);
    if (status != OK)
        return status;
    const struct train_decided decided = decided_by(t);
    char photos[33];
    checkpoint_photos(photos, &t->dataset);
    struct json json = json_start(file.stream, true);
    json_open(&json, NULL, '{');
    train_options_record(&json, &train_table, t->values, &decided);
    json_text(&json, "arch", t->net->arch);
    json_text(&json, "weights_hash", t->weights_hash); /* XXH3, 128 bits */
    json_bool(&json, "new_head", t->head_drawn);
    json_open(&json, "classes", '[');
    for (size_t i = 0; i < t->dataset.classes.count; i++)
        json_text(&json, NULL, t->dataset.classes.names[i]);
    json_close(&json);
    json_int(&json, "train_photos", (int64_t)t->dataset.train.count);
    json_int(&json, "val_photos", (int64_t)t->dataset.val.count);
    json_text(&json, "photos", photos); /* which they are: a hash of both lists */
    json_int(&json, "unreadable_photos", (int64_t)(t->scan.bad_count - t->scan.away_count));
    json_int(&json, "unavailable_photos", (int64_t)t->scan.away_count);
    duplicates_record(&json, &t->scan);
    json_int(&json, "steps_per_epoch", (int64_t)train_state_get(t->train)->steps_per_epoch);
    put_versions(&json);
    json_close(&json);
    json_end(&json);
    return outfile_end(&file, OK, err);
}

enum status options_text(char **out, const struct run_setup *t, struct error *err)
{
    const struct train_decided decided = {.freeze_until = t->freeze_until, .head_lr_mult = t->options.rates.head};
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    if (!stream)
        return error_memory(err, "the options", 1);
    struct json json = json_start(stream, false);
    json_open(&json, NULL, '{');
    train_options_record(&json, &train_table, t->values, &decided);
    json_close(&json);
    json_end(&json);
    enum status status = fclose(stream) == 0 ? memory_strdup(out, text, err) : error_memory(err, "the options", 1);
    free(text);
    return status;
}

enum status write_series_config(const char *folder, const struct arguments *args, const struct run_setup *t,
                                struct error *err)
{
    struct outfile file;
    char photos[33];
    enum status status = outfile_open_in(&file, folder, "config.json", err);
    if (status != OK)
        return status;
    checkpoint_photos(photos, &t->dataset);
    struct train_decided decided = decided_by(t);
    decided.freeze_until = -1; /* sweep's is a list */
    struct json json = json_start(file.stream, true);
    json_open(&json, NULL, '{');
    json_text(&json, "command", args->command->name);
    train_options_record(&json, args->command, args->values, &decided);
    json_text(&json, "weights_hash", t->weights_hash); /* XXH3, 128 bits */
    json_text(&json, "photos", photos);
    put_versions(&json);
    json_close(&json);
    json_end(&json);
    return outfile_end(&file, OK, err);
}

/* A line for each class, a column for each answer. */
static void put_matrix(FILE *out, const struct confusion *confusion, const struct class_names *classes)
{
    uint64_t row[CONFUSION_MATRIX_CLASSES];
    size_t at = 0;
    fputs("class", out);
    for (size_t k = 0; k < classes->count; k++) {
        putc(',', out);
        csv_cell(out, classes->names[k]);
    }
    putc('\n', out);
    for (size_t label = 0; label < classes->count; label++) {
        confusion_row(row, classes->count, confusion, (uint32_t)label, &at);
        csv_cell(out, classes->names[label]);
        for (size_t k = 0; k < classes->count; k++)
            fprintf(out, ",%llu", (unsigned long long)row[k]);
        putc('\n', out);
    }
}

/* A line for each pair of class and answer that occurs. */
static void put_cells(FILE *out, const struct confusion *confusion, const struct class_names *classes)
{
    fputs("class,predicted,photos\n", out);
    for (size_t i = 0; i < confusion->count; i++) {
        const struct confusion_cell *cell = &confusion->cells[i];
        csv_cell(out, classes->names[cell->label]);
        putc(',', out);
        csv_cell(out, classes->names[cell->predicted]);
        fprintf(out, ",%llu\n", (unsigned long long)cell->count);
    }
}

enum status write_confusion(const char *folder, const struct class_names *classes, const struct metrics *metrics,
                            struct error *err)
{
    struct outfile file;
    struct confusion confusion;
    enum status status = confusion_make(&confusion, metrics, err);
    if (status != OK)
        return status;
    status = outfile_open_in(&file, folder, "confusion.csv", err);
    if (status == OK) {
        (classes->count <= CONFUSION_MATRIX_CLASSES ? put_matrix : put_cells)(file.stream, &confusion, classes);
        status = outfile_end(&file, OK, err);
    }
    confusion_free(&confusion);
    return status;
}

enum status write_predictions(const char *folder, const struct dataset *dataset, const struct metrics *metrics,
                              struct error *err)
{
    static const struct column columns[] = {{"file", COLUMN_TEXT, 0, 0},
                                            {"class", COLUMN_TEXT, 0, 0},
                                            {"predicted", COLUMN_TEXT, 0, 0},
                                            {"probability", COLUMN_NUMBER, 0, 0},
                                            {"class_probability", COLUMN_NUMBER, 0, 0},
                                            {"right", COLUMN_NUMBER, 0, 0}};
    struct outfile file;
    struct table table;
    char *const *classes = dataset->classes.names;
    enum status status = outfile_open_in(&file, folder, "predictions_val.csv", err);
    if (status != OK)
        return status;
    table_start(&table, file.stream, TABLE_CSV, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < metrics->predictions_count && status == OK; i++) {
        const struct prediction *p = &metrics->predictions[i];
        char probability[NUMBER_TEXT], of_class[NUMBER_TEXT];
        snprintf(probability, sizeof probability, "%.6g", (double)p->probability);
        snprintf(of_class, sizeof of_class, "%.6g", (double)p->label_probability);
        const char *cells[] = {
            photo_name(&dataset->val, p->photo), classes[p->label], classes[p->predicted], probability, of_class,
            p->predicted == p->label ? "1" : "0"};
        status = table_row(&table, cells, err);
    }
    table_end(&table);
    return outfile_end(&file, status, err);
}

enum { BAD_COLUMNS = 5 };

/* Content that is bad for good; then files that were away, with the number of epochs that they missed. */
static enum status bad_rows(struct table *table, const struct run_setup *t, bool val, struct error *err)
{
    const struct photo_list *list = val ? &t->dataset.val : &t->dataset.train;
    const struct absence *absence = train_absence(t->train, val);
    enum status status = OK;
    for (size_t i = 0; i < train_skipped_count(t->train, val) && status == OK; i++) {
        struct photo_fault bad = train_skipped_get(t->train, val, i);
        const char *cells[BAD_COLUMNS] = {val ? "val" : "train", photo_name(list, bad.photo), bad.reason, "bad", ""};
        if (!bad.away)
            status = table_row(table, cells, err);
    }
    for (size_t i = 0; i < absence->count && status == OK; i++) {
        const struct absence_row *row = &absence->rows[i];
        char epochs[NUMBER_TEXT];
        snprintf(epochs, sizeof epochs, "%u", row->epochs);
        const char *cells[BAD_COLUMNS] = {val ? "val" : "train", photo_name(list, row->photo),
                                          absence->reasons[row->reason], "unavailable", epochs};
        status = table_row(table, cells, err);
    }
    return status;
}

static enum status damaged_rows(struct table *table, const struct run_setup *t, bool val, struct error *err)
{
    const struct photo_list *list = val ? &t->dataset.val : &t->dataset.train;
    enum status status = OK;
    for (uint32_t i = 0; i < list->count && status == OK; i++) {
        const char *cells[BAD_COLUMNS] = {val ? "val" : "train", photo_name(list, i), "used all the same", "damaged",
                                          ""};
        if (train_is_damaged(t->train, val, i))
            status = table_row(table, cells, err);
    }
    return status;
}

enum status write_bad_images(const char *folder, const struct run_setup *setup, struct error *err)
{
    static const struct column columns[BAD_COLUMNS] = {{"list", COLUMN_TEXT, 0, 0},
                                                       {"file", COLUMN_TEXT, 0, 0},
                                                       {"reason", COLUMN_TEXT, 0, 0},
                                                       {"kind", COLUMN_TEXT, 0, 0},
                                                       {"epochs", COLUMN_NUMBER, 0, 0}};
    struct outfile file;
    struct table table;
    enum status status = outfile_open_in(&file, folder, "bad_images.tsv", err);
    if (status != OK)
        return status;
    table_start(&table, file.stream, TABLE_TSV, columns, BAD_COLUMNS);
    status = bad_rows(&table, setup, false, err);
    if (status == OK)
        status = bad_rows(&table, setup, true, err);
    for (int val = 0; val < 2 && status == OK; val++)
        status = damaged_rows(&table, setup, val, err);
    table_end(&table);
    return outfile_end(&file, status, err);
}
