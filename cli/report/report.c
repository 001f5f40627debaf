#include "cli/report/report.h"

#include <stdint.h>
#include <string.h>

#include "cli/shell/numbers.h"
#include "cli/shell/table.h"
#include "cli/shell/wrap.h"
#include "core/base/memory.h"
#include "core/train/statistics.h"

static enum status close_table(struct table *table, enum status status)
{
    if (status == OK)
        table_end(table);
    table_discard(table);
    return status;
}

void report_line(FILE *out, const struct metrics *metrics)
{
    char text[NUMBER_TEXT];
    struct lines lines;
    FILE *line = lines_start(&lines, out);
    struct interval interval = interval_of_share(metrics->top1, metrics->count, INTERVAL_95);
    fprintf(line, "accuracy %s (95 %% interval %.1f to %.1f %%)", number_percent(text, metrics_accuracy(metrics)),
            100 * interval.low, 100 * interval.high);
    if (metrics->classes > 5)
        fprintf(line, "  top-5 %s", number_percent(text, metrics_top5(metrics)));
    fprintf(line, "  loss %.4f  macro-F1 %s\n", metrics_loss(metrics), number_percent(text, metrics_macro_f1(metrics)));
    lines_end(&lines);
}

enum status report_classes(FILE *out, const struct metrics *metrics, const struct class_names *classes,
                           struct error *err)
{
    static const struct column columns[] = {{"class", COLUMN_TEXT, 8, 0},       {"photos", COLUMN_NUMBER, 0, 0},
                                            {"right", COLUMN_NUMBER, 0, 0},     {"predicted", COLUMN_NUMBER, 0, 1},
                                            {"precision", COLUMN_NUMBER, 0, 0}, {"recall", COLUMN_NUMBER, 0, 0},
                                            {"F1", COLUMN_NUMBER, 0, 0}};
    struct table table;
    enum status status = OK;
    table_start(&table, out, TABLE_TEXT, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < classes->count && status == OK; i++) {
        char photos[NUMBER_TEXT], right[NUMBER_TEXT], predicted[NUMBER_TEXT], precision[NUMBER_TEXT],
            recall[NUMBER_TEXT], f1[NUMBER_TEXT];
        struct class_score score = metrics_class(metrics, i);
        if (score.labelled == 0)
            continue;
        const char *cells[] = {classes->names[i],
                               number_count(photos, score.labelled),
                               number_count(right, score.right),
                               number_count(predicted, score.predicted),
                               number_percent(precision, score.precision),
                               number_percent(recall, score.recall),
                               number_percent(f1, score.f1)};
        status = table_row(&table, cells, err);
    }
    return close_table(&table, status);
}

static enum status report_matrix(FILE *out, const struct confusion *confusion, const struct class_names *classes,
                                 struct error *err)
{
    struct column columns[REPORT_MATRIX + 1] = {{"class", COLUMN_TEXT, 8, 0}};
    char texts[REPORT_MATRIX][NUMBER_TEXT];
    const char *cells[REPORT_MATRIX + 1];
    uint64_t row[REPORT_MATRIX];
    struct table table;
    enum status status = OK;
    size_t at = 0;
    for (size_t i = 0; i < classes->count; i++)
        columns[i + 1] = (struct column){classes->names[i], COLUMN_NUMBER, 6, 0};
    table_start(&table, out, TABLE_TEXT, columns, classes->count + 1);
    for (size_t label = 0; label < classes->count && status == OK; label++) {
        confusion_row(row, classes->count, confusion, (uint32_t)label, &at);
        cells[0] = classes->names[label];
        for (size_t i = 0; i < classes->count; i++)
            cells[i + 1] = number_count(texts[i], row[i]);
        status = table_row(&table, cells, err);
    }
    return close_table(&table, status);
}

static enum status report_confusions(FILE *out, struct confusion *confusion, const struct class_names *classes,
                                     struct error *err)
{
    static const struct column columns[] = {
        {"class", COLUMN_TEXT, 8, 0}, {"predicted", COLUMN_TEXT, 8, 0}, {"photos", COLUMN_NUMBER, 0, 0}};
    struct table table;
    enum status status = OK;
    size_t count = confusion_sort_mistakes(confusion);
    if (count == 0)
        return OK;
    table_start(&table, out, TABLE_TEXT, columns, 3);
    for (size_t i = 0; i < REPORT_CONFUSIONS && i < count && status == OK; i++) {
        const struct confusion_cell *cell = &confusion->cells[i];
        char photos[NUMBER_TEXT];
        const char *cells[] = {classes->names[cell->label], classes->names[cell->predicted],
                               number_count(photos, cell->count)};
        status = table_row(&table, cells, err);
    }
    return close_table(&table, status);
}

enum status report_confusion(FILE *out, struct confusion *confusion, const struct class_names *classes,
                             struct error *err)
{
    if (classes->count > REPORT_MATRIX)
        return report_confusions(out, confusion, classes, err);
    return report_matrix(out, confusion, classes, err);
}

enum status report_worst(FILE *out, const struct metrics *metrics, const struct class_names *classes,
                         const struct photo_list *photos, size_t most, struct error *err)
{
    static const struct column columns[] = {{"file", COLUMN_PATH, 20, 0},
                                            {"class", COLUMN_TEXT, 8, 0},
                                            {"predicted", COLUMN_TEXT, 8, 0},
                                            {"probability", COLUMN_NUMBER, 0, 0}};
    struct table table;
    void *room = NULL;
    enum status status = memory_alloc(&room, most, sizeof(struct prediction), "the worst mistakes", err);
    if (status != OK)
        return status;
    const struct prediction *worst = room;
    size_t count = metrics_worst(room, most, metrics);
    table_start(&table, out, TABLE_TEXT, columns, 4);
    for (size_t i = 0; i < count && status == OK; i++) {
        char probability[NUMBER_TEXT];
        const char *cells[] = {photo_name(photos, worst[i].photo), classes->names[worst[i].label],
                               classes->names[worst[i].predicted],
                               number_percent(probability, (double)worst[i].probability)};
        status = table_row(&table, cells, err);
    }
    memory_free(room);
    if (status == OK && count == 0) {
        table_discard(&table);
        return OK;
    }
    return close_table(&table, status);
}

void report_worst_json(struct json *json, const struct prediction *worst, size_t count,
                       const struct class_names *classes, const struct photo_list *photos)
{
    for (size_t i = 0; i < count; i++) {
        json_open(json, NULL, '{');
        json_text(json, "file", photo_name(photos, worst[i].photo));
        json_text(json, "class", classes->names[worst[i].label]);
        json_text(json, "predicted", classes->names[worst[i].predicted]);
        json_float(json, "probability", worst[i].probability);
        json_close(json);
    }
}

/* [[3, 1], [0, 2]], or the cells where a matrix would be long. */
static void json_confusion(struct json *json, const struct confusion *confusion, const struct class_names *classes)
{
    uint64_t row[CONFUSION_MATRIX_CLASSES];
    bool matrix = classes->count <= CONFUSION_MATRIX_CLASSES;
    size_t at = 0;
    json_open(json, matrix ? "confusion" : "confusion_cells", '[');
    for (size_t label = 0; label < classes->count && matrix; label++) {
        confusion_row(row, classes->count, confusion, (uint32_t)label, &at);
        json_open(json, NULL, '[');
        for (size_t i = 0; i < classes->count; i++)
            json_int(json, NULL, (int64_t)row[i]);
        json_close(json);
    }
    for (size_t i = 0; i < confusion->count && !matrix; i++) {
        const struct confusion_cell *cell = &confusion->cells[i];
        json_open(json, NULL, '{');
        json_text(json, "class", classes->names[cell->label]);
        json_text(json, "predicted", classes->names[cell->predicted]);
        json_int(json, "photos", (int64_t)cell->count);
        json_close(json);
    }
    json_close(json);
}

void report_json(struct json *json, const struct metrics *metrics, const struct confusion *confusion,
                 const struct class_names *classes)
{
    json_int(json, "photos", (int64_t)metrics->count);
    struct interval interval = interval_of_share(metrics->top1, metrics->count, INTERVAL_95);
    json_double(json, "accuracy", metrics_accuracy(metrics));
    json_double(json, "accuracy_low", interval.low);
    json_double(json, "accuracy_high", interval.high);
    json_double(json, "top5", metrics_top5(metrics));
    json_double(json, "loss", metrics_loss(metrics));
    json_double(json, "macro_f1", metrics_macro_f1(metrics));
    json_open(json, "classes", '[');
    for (size_t i = 0; i < classes->count; i++) {
        struct class_score score = metrics_class(metrics, i);
        json_open(json, NULL, '{');
        json_text(json, "class", classes->names[i]);
        json_int(json, "photos", (int64_t)score.labelled);
        json_int(json, "right", (int64_t)score.right);
        json_int(json, "predicted", (int64_t)score.predicted);
        json_double(json, "precision", score.precision);
        json_double(json, "recall", score.recall);
        json_double(json, "f1", score.f1);
        json_close(json);
    }
    json_close(json);
    json_confusion(json, confusion, classes);
}
