#define _POSIX_C_SOURCE 200809L
#include "cli/report/logits_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/shell/json.h"
#include "core/base/memory.h"
#include "core/base/outfile.h"
#include "weights/safetensors/safetensors.h"

enum status logits_file_start(struct logits_file *file, const char *path, size_t classes, struct error *err)
{
    struct outfile probe;
    enum status status = outfile_open(&probe, path, err);
    if (status != OK)
        return status;
    outfile_discard(&probe);
    *file = (struct logits_file){.path = path, .classes = classes};
    return OK;
}

enum status logits_file_add(struct logits_file *file, const float *logits, const uint32_t *photos, size_t count,
                            struct error *err)
{
    void *values = file->logits, *numbers = file->photos;
    size_t total = file->count + count;
    enum status status =
        memory_grow(&values, &file->logits_room, total * file->classes, sizeof(float), "the logits", err);
    file->logits = values;
    if (status == OK)
        status = memory_grow(&numbers, &file->photos_room, total, sizeof(uint32_t), "the logits", err);
    file->photos = numbers;
    if (status != OK)
        return status;
    memcpy(file->logits + file->count * file->classes, logits, count * file->classes * sizeof(float));
    memcpy(file->photos + file->count, photos, count * sizeof(uint32_t));
    file->count = total;
    return OK;
}

/* The names as a JSON list, to be freed with free(); NULL without memory. */
static char *names_json(const struct logits_file *file, const struct photo_list *photos)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    struct json json = json_start(out, false);
    json_open(&json, NULL, '[');
    for (size_t i = 0; i < file->count; i++)
        json_text(&json, NULL, photo_name(photos, file->photos[i]));
    json_close(&json);
    if (fclose(out) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

enum status logits_file_write(const struct logits_file *file, const struct photo_list *photos, struct error *err)
{
    char *names = names_json(file, photos);
    if (!names)
        return error_memory(err, "the names of the photos", file->count);
    const struct weight_metadata metadata = {"files", names};
    const struct weight_tensor tensor = {.name = "logits",
                                         .dtype = WEIGHT_F32,
                                         .rank = 2,
                                         .shape = {file->count, file->classes},
                                         .data = file->logits,
                                         .bytes = file->count * file->classes * sizeof(float)};
    enum status status = safetensors_write(file->path, &tensor, 1, &metadata, 1, err);
    free(names);
    return status;
}

void logits_file_free(struct logits_file *file)
{
    memory_free(file->logits);
    memory_free(file->photos);
    *file = (struct logits_file){0};
}
