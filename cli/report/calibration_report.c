#include "cli/report/calibration_report.h"

#include "cli/shell/numbers.h"
#include "cli/shell/table.h"
#include "cli/shell/wrap.h"
#include "core/base/memory.h"

static void score_all(struct photo_score *scores, double *probability, const float *logits, const int32_t *labels,
                      size_t photos, size_t classes, double temperature)
{
    for (size_t i = 0; i < photos; i++) {
        temperature_softmax(probability, logits + i * classes, classes, temperature);
        scores[i] = photo_score_of(probability, classes, (size_t)labels[i]);
    }
}

enum status calibration_report_make(struct calibration_report *out, const float *logits, const int32_t *labels,
                                    size_t photos, size_t classes, double temperature, struct error *err)
{
    void *memory = NULL, *probability = NULL;
    struct calibration_report report = {.fitted = temperature == 0, .temperature = temperature, .photos = photos};
    enum status status = memory_alloc(&memory, photos, sizeof(struct photo_score), "the scores of the photos", err);
    if (status == OK)
        status = memory_alloc(&probability, classes, sizeof(double), "the probabilities of a photo", err);
    struct photo_score *scores = memory;
    if (status == OK && report.fitted)
        report.none = !temperature_fit(&report.temperature, logits, labels, photos, classes);
    if (status == OK) {
        score_all(scores, probability, logits, labels, photos, classes, 1);
        status = calibration_measure(&report.before, scores, photos, err);
    }
    if (status == OK) {
        score_all(scores, probability, logits, labels, photos, classes, report.temperature);
        status = calibration_measure(&report.after, scores, photos, err);
    }
    if (status == OK) {
        report.points_count = coverage_curve(report.points, CALIBRATION_POINTS, scores, photos);
        *out = report;
    }
    memory_free(probability);
    memory_free(memory);
    return status;
}

/* ---- text -------------------------------------------------------------------------------------------------------- */

enum { CELL = 64 };

static const char *interval(char out[CELL], const struct scored *scored)
{
    snprintf(out, CELL, "%.4f to %.4f", scored->low, scored->high);
    return out;
}

static enum status put_row(struct table *table, const char *name, const struct scored *before,
                           const struct scored *after, struct error *err)
{
    char numbers[2][NUMBER_TEXT], intervals[2][CELL];
    snprintf(numbers[0], NUMBER_TEXT, "%.4f", before->value);
    snprintf(numbers[1], NUMBER_TEXT, "%.4f", after->value);
    const char *cells[] = {name, numbers[0], interval(intervals[0], before), numbers[1], interval(intervals[1], after)};
    return table_row(table, cells, err);
}

static void put_lines(FILE *out, const struct calibration_report *report)
{
    struct lines lines;
    FILE *line = lines_start(&lines, out);
    fprintf(line,
            "95 %% intervals by bootstrap. ECE over %d bins is biased upwards: on %zu photos honest probabilities "
            "would have %.4f before and %.4f after",
            RELIABILITY_BINS, report->photos, report->before.ece_honest, report->after.ece_honest);
    if (report->fitted)
        fputs("; the temperature was fitted on these photos, so the figures after it are a little too good", line);
    putc('\n', line);
    lines_end(&lines);
}

enum status calibration_report_text(FILE *out, const struct calibration_report *report, struct error *err)
{
    static const struct column columns[] = {{"probabilities", COLUMN_TEXT, 0, 0},
                                            {"temperature 1", COLUMN_NUMBER, 0, 0},
                                            {"95 % interval", COLUMN_TEXT, 0, 2},
                                            {NULL, COLUMN_NUMBER, 0, 0},
                                            {"95 % interval", COLUMN_TEXT, 0, 1}};
    enum { COLUMNS = sizeof columns / sizeof *columns, AFTER = 3 };
    struct column titled[COLUMNS];
    char title[CELL];
    struct table table;
    for (size_t i = 0; i < COLUMNS; i++)
        titled[i] = columns[i];
    snprintf(title, sizeof title, "temperature %.4g", report->temperature);
    titled[AFTER].title = title;
    table_start(&table, out, TABLE_TEXT, titled, COLUMNS);
    enum status status = put_row(&table, "NLL", &report->before.nll, &report->after.nll, err);
    if (status == OK)
        status = put_row(&table, "Brier", &report->before.brier, &report->after.brier, err);
    if (status == OK)
        status = put_row(&table, "ECE", &report->before.ece, &report->after.ece, err);
    if (status == OK)
        table_end(&table);
    table_discard(&table);
    if (status == OK)
        put_lines(out, report);
    return status;
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

static void json_scored(struct json *json, const char *key, const struct scored *scored)
{
    json_open(json, key, '{');
    json_double(json, "value", scored->value);
    json_double(json, "low", scored->low);
    json_double(json, "high", scored->high);
    json_close(json);
}

static void json_scores(struct json *json, const char *key, const struct calibration_scores *scores)
{
    json_open(json, key, '{');
    json_scored(json, "nll", &scores->nll);
    json_scored(json, "brier", &scores->brier);
    json_scored(json, "ece", &scores->ece);
    json_double(json, "ece_honest", scores->ece_honest);
    json_close(json);
}

void calibration_report_json(struct json *json, const struct calibration_report *report)
{
    json_open(json, "calibration", '{');
    json_double(json, "temperature", report->temperature);
    json_bool(json, "fitted", report->fitted && !report->none);
    json_int(json, "photos", (int64_t)report->photos);
    json_scores(json, "before", &report->before);
    json_scores(json, "after", &report->after);
    json_close(json);
}
