#define _POSIX_C_SOURCE 200809L
#include "cli/report/logits_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/shell/json.h"
#include "core/base/memory.h"
#include "core/base/outfile.h"
#include "weights/safetensors/safetensors.h"

enum status logits_file_start(struct logits_file *file, const char *path, size_t classes, struct error *err)
{
    *file = (struct logits_file){.path = path, .tensor = "logits", .classes = classes};
    return outfile_probe(path, err);
}

static bool ends_in(const char *path, const char *ending)
{
    const char *dot = strrchr(path, '.');
    return dot && strcasecmp(dot, ending) == 0;
}

enum status logits_file_start_features(struct logits_file *file, const char *path, size_t columns, struct error *err)
{
    bool npy = ends_in(path, ".npy");
    if (!npy && !ends_in(path, ".safetensors"))
        return error_set(err, ERR_USAGE, "--features %s: unknown format: end the name in .safetensors or .npy", path);
    enum status status = logits_file_start(file, path, columns, err);
    if (status == OK) {
        file->tensor = "features";
        file->npy = npy;
    }
    return status;
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

static enum status write_safetensors(const struct logits_file *file, const char *names, struct error *err)
{
    const struct weight_metadata metadata = {"files", names};
    const struct weight_tensor tensor = {.name = file->tensor,
                                         .dtype = WEIGHT_F32,
                                         .rank = 2,
                                         .shape = {file->count, file->classes},
                                         .data = file->logits,
                                         .bytes = file->count * file->classes * sizeof(float)};
    return safetensors_write(file->path, &tensor, 1, &metadata, 1, err);
}

/* NumPy's format (numpy/lib/format.py, version 1.0): a magic, the length of a Python literal that ends in a newline and
 * fills up to a multiple of 64 bytes, and the values. */
static enum status write_npy(const struct logits_file *file, struct error *err)
{
    enum { LENGTH = 128, BEFORE = 10 };
    char head[LENGTH + 1];
    struct outfile out;
    enum status status = outfile_open(&out, file->path, err);
    if (status != OK)
        return status;
    memcpy(head, "\x93NUMPY\x01\x00\x76\x00", BEFORE); /* 0x76: 128 - 10 */
    int used = snprintf(head + BEFORE, LENGTH - BEFORE,
                        "{'descr': '<f4', 'fortran_order': False, 'shape': (%zu, %zu), }", file->count, file->classes);
    memset(head + BEFORE + used, ' ', (size_t)(LENGTH - BEFORE - used));
    head[LENGTH - 1] = '\n';
    fwrite(head, 1, LENGTH, out.stream);
    fwrite(file->logits, sizeof(float), file->count * file->classes, out.stream);
    return outfile_end(&out, OK, err);
}

static enum status write_names(const struct logits_file *file, const char *names, struct error *err)
{
    char path[4096];
    struct outfile out;
    if (snprintf(path, sizeof path, "%s.files.json", file->path) >= (int)sizeof path)
        return error_set(err, ERR_CANTCREATE, "%.400s...: the path is too long", file->path);
    enum status status = outfile_open(&out, path, err);
    if (status != OK)
        return status;
    fprintf(out.stream, "%s\n", names);
    return outfile_end(&out, OK, err);
}

enum status logits_file_write(const struct logits_file *file, const struct photo_list *photos, struct error *err)
{
    char *names = names_json(file, photos);
    if (!names)
        return error_memory(err, "the names of the photos", file->count);
    enum status status = file->npy ? write_names(file, names, err) : write_safetensors(file, names, err);
    if (status == OK && file->npy)
        status = write_npy(file, err);
    free(names);
    return status;
}

void logits_file_free(struct logits_file *file)
{
    memory_free(file->logits);
    memory_free(file->photos);
    *file = (struct logits_file){0};
}
