#include "cli/report/predict_output.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "cli/shell/json.h"
#include "cli/shell/numbers.h"
#include "core/base/memory.h"
#include "core/ops/loss.h"
#include "core/train/metrics.h"

static const struct column text_columns[] = {{"file", COLUMN_PATH, 20, 0},
                                             {"index", COLUMN_NUMBER, 0, 1},
                                             {"class", COLUMN_TEXT, 12, 0},
                                             {"probability", COLUMN_NUMBER, 0, 0}};
static const struct column row_columns[] = {{"file", COLUMN_TEXT, 0, 0},          {"rank", COLUMN_NUMBER, 0, 0},
                                            {"index", COLUMN_NUMBER, 0, 0},       {"class", COLUMN_TEXT, 0, 0},
                                            {"probability", COLUMN_NUMBER, 0, 0}, {"error", COLUMN_TEXT, 0, 0}};

/* Without the last column, which is for a stream. */
enum { ROW_COLUMNS = sizeof row_columns / sizeof *row_columns - 1 };

enum status predict_output_start(struct predict_output *output, FILE *out, enum table_format format,
                                 const struct class_names *classes, size_t top, struct error *err)
{
    void *probability = NULL;
    enum status status = memory_alloc(&probability, classes->count, sizeof(float), "the probabilities", err);
    if (status != OK)
        return status;
    *output = (struct predict_output){.out = out,
                                      .format = format,
                                      .classes = classes,
                                      .top = top < classes->count ? top : classes->count,
                                      .temperature = 1,
                                      .probability = probability};
    if (format == TABLE_TEXT)
        table_start(&output->table, out, format, text_columns, sizeof text_columns / sizeof *text_columns);
    else if (format != TABLE_JSONL)
        table_start(&output->table, out, format, row_columns, ROW_COLUMNS);
    return OK;
}

enum status predict_output_start_stream(struct predict_output *output, FILE *out, enum table_format format,
                                        const struct class_names *classes, size_t top, struct error *err)
{
    assert(format != TABLE_TEXT);
    enum status status = predict_output_start(output, out, TABLE_JSONL, classes, top, err);
    output->format = format;
    if (status == OK && format != TABLE_JSONL)
        table_start(&output->table, out, format, row_columns, ROW_COLUMNS + 1);
    return status;
}

/* The next class in descending order: takes the largest out of `left`. */
static size_t take_largest(float *left, size_t count, float *value)
{
    size_t best = argmax(left, count);
    *value = left[best];
    left[best] = -1;
    return best;
}

static enum status write_unknown_row(struct predict_output *output, const char *file, float largest, struct error *err)
{
    char probability[NUMBER_TEXT];
    static const char unknown[] = "unknown";
    if (output->format == TABLE_TEXT) {
        const char *cells[] = {file, "-1", unknown, number_percent(probability, (double)largest)};
        return table_row(&output->table, cells, err);
    }
    const char *cells[] = {file, "1", "-1", unknown, number_float(probability, largest), NULL};
    return table_row(&output->table, cells, err);
}

static enum status write_rows(struct predict_output *output, const char *file, struct error *err)
{
    enum status status = OK;
    for (size_t i = 0; i < output->top && status == OK; i++) {
        char rank[24], index[24], probability[NUMBER_TEXT];
        float value;
        size_t class = take_largest(output->probability, output->classes->count, &value);
        const char *name = output->classes->names[class];
        snprintf(rank, sizeof rank, "%zu", i + 1);
        snprintf(index, sizeof index, "%zu", class);
        if (output->format == TABLE_TEXT) {
            const char *cells[] = {i ? "" : file, index, name, number_percent(probability, (double)value)};
            status = table_row(&output->table, cells, err);
        } else {
            const char *cells[] = {file, rank, index, name, number_float(probability, value), NULL};
            status = table_row(&output->table, cells, err);
        }
    }
    return status;
}

static void put_answer(struct json *json, int64_t index, const char *class, float probability)
{
    json_open(json, NULL, '{');
    json_int(json, "index", index);
    json_text(json, "class", class);
    json_float(json, "probability", probability);
    json_close(json);
}

static void write_maps(struct json *json, const struct cam_answer *cam, const struct class_names *classes)
{
    json_open(json, "cam", '{');
    json_text(json, "file", cam->file);
    json_int(json, "height", (int64_t)cam->height);
    json_int(json, "width", (int64_t)cam->width);
    json_open(json, "maps", '[');
    for (size_t i = 0; i < cam->count; i++) {
        json_open(json, NULL, '{');
        json_int(json, "index", (int64_t)cam->shown[i].class);
        json_text(json, "class", classes->names[cam->shown[i].class]);
        json_float(json, "logit", cam->shown[i].logit);
        json_float(json, "bias", cam->shown[i].bias);
        json_open(json, "values", '[');
        for (size_t p = 0; p < cam->height * cam->width; p++)
            json_float(json, NULL, cam->shown[i].map[p]);
        json_close(json);
        json_close(json);
    }
    json_close(json);
    json_close(json);
}

static void write_line(struct predict_output *output, const char *file, bool unknown)
{
    struct json json = json_start(output->out, false);
    json_open(&json, NULL, '{');
    json_text(&json, "file", file);
    if (output->multi_label)
        json_bool(&json, "multi_label", true);
    if (output->temperature != 1)
        json_double(&json, "temperature", output->temperature);
    if (output->threshold > 0)
        json_double(&json, "threshold", output->threshold);
    json_open(&json, "top", '[');
    for (size_t i = 0; i < (unknown ? 1 : output->top); i++) {
        float value;
        size_t class = take_largest(output->probability, output->classes->count, &value);
        put_answer(&json, unknown ? -1 : (int64_t) class, unknown ? NULL : output->classes->names[class], value);
    }
    json_close(&json);
    if (output->cam)
        write_maps(&json, output->cam, output->classes);
    json_close(&json);
    json_end(&json);
}

/* softmax(logits / temperature); at 1 that of loss.h, to the bit. */
static void tempered(float *probability, const float *logits, size_t classes, double temperature)
{
    for (size_t k = 0; k < classes; k++)
        probability[k] = temperature == 1 ? logits[k] : (float)((double)logits[k] / temperature);
    softmax(probability, probability, classes);
}

enum status predict_output_photo(struct predict_output *output, const char *file, const float *logits,
                                 struct error *err)
{
    float *probability = output->probability;
    size_t classes = output->classes->count;
    if (output->multi_label)
        sigmoid(probability, logits, classes);
    else
        tempered(probability, logits, classes, output->temperature);
    float largest = probability[argmax(probability, classes)];
    bool unknown = output->threshold > 0 && !((double)largest >= output->threshold);
    output->unknown += unknown;
    if (output->format == TABLE_JSONL)
        write_line(output, file, unknown);
    else
        return unknown ? write_unknown_row(output, file, largest, err) : write_rows(output, file, err);
    return OK;
}

enum status predict_output_error(struct predict_output *output, const char *file, const char *reason, struct error *err)
{
    if (output->format != TABLE_JSONL) {
        const char *cells[] = {file, NULL, NULL, NULL, NULL, reason};
        return table_row(&output->table, cells, err);
    }
    struct json json = json_start(output->out, false);
    json_open(&json, NULL, '{');
    json_text(&json, "file", file);
    json_text(&json, "error", reason);
    json_close(&json);
    json_end(&json);
    return OK;
}

void predict_output_end(struct predict_output *output)
{
    table_end(&output->table);
    predict_output_discard(output);
}

void predict_output_discard(struct predict_output *output)
{
    table_discard(&output->table);
    memory_free(output->probability);
    *output = (struct predict_output){0};
}
