#define _POSIX_C_SOURCE 200809L
#include "cli/model/model_calibration.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/model/convert.h"
#include "cli/shell/json.h"
#include "cli/shell/numbers.h"
#include "core/base/file_map.h"
#include "core/base/json_text.h"
#include "core/base/memory.h"
#include "core/base/text.h"

static const char key_temperature[] = "freezetune.temperature", key_coverage[] = "freezetune.coverage";

bool model_calibration_is_key(const char *key)
{
    return strcmp(key, key_temperature) == 0 || strcmp(key, key_coverage) == 0;
}

void model_calibration_free(struct model_calibration *calibration)
{
    memory_free(calibration->points);
    *calibration = (struct model_calibration){.temperature = 1};
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static enum status wrong(const struct weight_file *file, const char *key, const char *what, struct error *err)
{
    return error_set(err, ERR_DATA, "%s: metadata %s: %s; write it again with eval --calibrate", weight_file_path(file),
                     key, what);
}

static bool read_count(size_t *out, const cJSON *item)
{
    double value = cJSON_IsNumber(item) ? item->valuedouble : -1;
    bool good = value >= 0 && value <= 0x1p53 && value == (double)(uint64_t)value;
    *out = good ? (size_t)value : 0;
    return good;
}

/* One that may follow `before`, which is NULL for the first. */
static bool read_point(struct coverage_point *out, const cJSON *row, const struct coverage_point *before)
{
    const cJSON *threshold = cJSON_GetArrayItem(row, 0);
    if (!cJSON_IsArray(row) || cJSON_GetArraySize(row) != 3 || !cJSON_IsNumber(threshold) ||
        !read_count(&out->answered, cJSON_GetArrayItem(row, 1)) || !read_count(&out->wrong, cJSON_GetArrayItem(row, 2)))
        return false;
    out->threshold = threshold->valuedouble;
    if (!(out->threshold >= 0 && out->threshold <= 1) || out->answered == 0 || out->wrong > out->answered)
        return false;
    return !before || (out->threshold < before->threshold && out->answered > before->answered &&
                       out->wrong >= before->wrong && out->wrong - before->wrong <= out->answered - before->answered);
}

static enum status read_points(struct model_calibration *out, const cJSON *list, const struct weight_file *file,
                               struct error *err)
{
    void *memory;
    int count = cJSON_IsArray(list) ? cJSON_GetArraySize(list) : 0;
    if (count < 1 || count > CALIBRATION_POINTS)
        return wrong(file, key_coverage, "not a JSON list of 1 to 200 rows", err);
    enum status status = memory_alloc(&memory, (size_t)count, sizeof *out->points, "the thresholds", err);
    if (status != OK)
        return status;
    out->points = memory;
    const cJSON *row;
    bool good = true;
    cJSON_ArrayForEach(row, list)
    {
        struct coverage_point *point = &out->points[out->count];
        good = good && read_point(point, row, out->count > 0 ? point - 1 : NULL);
        out->count += good;
    }
    if (!good || out->points[out->count - 1].threshold > 0)
        return wrong(file, key_coverage, "its rows are not [threshold, answered, wrong], down to threshold 0", err);
    return OK;
}

enum status model_calibration_read(struct model_calibration *out, const struct weight_file *file, struct error *err)
{
    const char *temperature = weight_file_metadata_find(file, key_temperature);
    const char *coverage = weight_file_metadata_find(file, key_coverage);
    *out = (struct model_calibration){.temperature = 1};
    if (!temperature)
        return OK;
    if (!text_to_double(&out->temperature, temperature) || !(out->temperature >= 1e-6 && out->temperature <= 1e6)) {
        out->temperature = 1;
        return wrong(file, key_temperature, "no number from 1e-6 to 1e6", err);
    }
    out->known = true;
    if (!coverage)
        return OK;
    cJSON *json = json_text_parse(coverage, strlen(coverage));
    enum status status = read_points(out, json, file, err);
    cJSON_Delete(json);
    if (status != OK)
        model_calibration_free(out);
    return status;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

/* Is byte 8 the header's first brace, which no other format has there? */
static enum status is_safetensors(bool *out, const char *path, struct error *err)
{
    enum { FIRST_BRACE = 8 };
    struct file_map map;
    *out = false;
    enum status status = file_map_open(&map, path, err);
    if (status != OK)
        return status;
    if (map.size > FIRST_BRACE)
        status = file_map_read(&map, 0, FIRST_BRACE + 1, err);
    if (status == OK && map.size > FIRST_BRACE)
        *out = map.bytes[FIRST_BRACE] == '{';
    file_map_close(&map);
    return status;
}

enum status model_calibration_check(const char *path, struct error *err)
{
    struct weight_file *file = NULL;
    bool fits;
    enum status status = is_safetensors(&fits, path, err);
    if (status == OK && fits)
        status = weight_file_open(&file, path, err);
    if (status == OK && fits)
        fits = !weight_file_is_hugging_face(file) && weight_file_prefix(file)[0] == '\0';
    weight_file_close(file);
    if (status == OK && !fits)
        status =
            error_set(err, ERR_DATA,
                      "%s: cannot keep a temperature: it is no safetensors file with torchvision's names; make one "
                      "with freezetune convert",
                      path);
    return status;
}

/* The list as JSON, to be freed with free(); NULL without memory. */
static char *points_json(const struct model_calibration *calibration)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    struct json json = json_start(out, false);
    json_open(&json, NULL, '[');
    for (size_t i = 0; i < calibration->count; i++) {
        const struct coverage_point *point = &calibration->points[i];
        json_open(&json, NULL, '[');
        json_double(&json, NULL, point->threshold);
        json_int(&json, NULL, (int64_t)point->answered);
        json_int(&json, NULL, (int64_t)point->wrong);
        json_close(&json);
    }
    json_close(&json);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

/* All entries of the file but former ones, and the new ones. */
static enum status make_texts(struct convert_texts *out, const struct weight_file *file, const char *temperature,
                              const char *coverage, struct error *err)
{
    size_t others = weight_file_metadata_count(file);
    void *entries;
    enum status status = memory_alloc(&entries, others + 2, sizeof *out->entries, "the list of metadata", err);
    if (status != OK)
        return status;
    *out = (struct convert_texts){.entries = entries};
    for (size_t i = 0; i < others; i++) {
        struct weight_metadata entry = weight_file_metadata_at(file, i);
        if (!model_calibration_is_key(entry.key))
            out->entries[out->count++] = entry;
    }
    out->entries[out->count++] = (struct weight_metadata){key_temperature, temperature};
    out->entries[out->count++] = (struct weight_metadata){key_coverage, coverage};
    return OK;
}

enum status model_calibration_write(const char *path, const struct model_calibration *calibration, struct error *err)
{
    const struct convert_rules rules = {.format = CONVERT_SAFETENSORS};
    struct weight_file *file = NULL;
    struct convert_texts texts = {0};
    struct convert_result result;
    char temperature[NUMBER_TEXT], *coverage = points_json(calibration);
    if (!coverage)
        return error_memory(err, "the thresholds", calibration->count);
    enum status status = model_calibration_check(path, err);
    if (status == OK)
        status = weight_file_open(&file, path, err);
    if (status == OK)
        status = make_texts(&texts, file, number_double(temperature, calibration->temperature), coverage, err);
    if (status == OK)
        status = convert_tensors(&result, path, file, &rules, &texts, err);
    convert_texts_free(&texts);
    weight_file_close(file);
    free(coverage);
    return status;
}
