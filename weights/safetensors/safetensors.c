/* The writer of safetensors. */
#include "weights/safetensors/safetensors.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/byte_order.h"
#include "core/base/bytes.h"
#include "core/base/memory.h"
#include "core/base/outfile.h"
#include "core/base/text.h"

struct safetensors_writer {
    struct outfile file;
    char *path;
    size_t written, size; /* bytes of the file */
};

/* ---- the header's text ------------------------------------------------------------------------------------------- */

static void put_number(struct bytes *h, uint64_t value)
{
    char digits[24];
    bytes_put(h, digits, (size_t)snprintf(digits, sizeof digits, "%llu", (unsigned long long)value));
}

/* The text in quotes; everything but ", \ and control bytes as it is. */
static void put_quoted(struct bytes *h, const char *text, const char *path)
{
    const char *whole = text;
    bytes_put_text(h, "\"");
    while (*text && h->status == OK) {
        size_t length = text_utf8_length(text);
        char escape[8];
        if (length == 0) {
            char shown[200];
            h->status = error_set(h->err, ERR_DATA, "%.400s: cannot be written: '%s' is not valid UTF-8", path,
                                  text_escape(shown, sizeof shown, whole));
        } else if ((unsigned char)*text < 0x20) {
            bytes_put(h, escape, (size_t)snprintf(escape, sizeof escape, "\\u%04x", (unsigned)(unsigned char)*text));
        } else {
            if (*text == '"' || *text == '\\')
                bytes_put_text(h, "\\");
            bytes_put(h, text, length);
        }
        text += length;
    }
    bytes_put_text(h, "\"");
}

static void put_metadata(struct bytes *h, const struct weight_metadata *metadata, size_t count, const char *path)
{
    bytes_put_text(h, "\"__metadata__\":{");
    for (size_t i = 0; i < count; i++) {
        bytes_put_text(h, i ? "," : "");
        put_quoted(h, metadata[i].key, path);
        bytes_put_text(h, ":");
        put_quoted(h, metadata[i].value, path);
    }
    bytes_put_text(h, "}");
}

static void put_tensor(struct bytes *h, const struct weight_tensor *tensor, size_t begin, const char *path)
{
    put_quoted(h, tensor->name, path);
    bytes_put_text(h, ":{\"dtype\":\"");
    bytes_put_text(h, weight_dtype_name(tensor->dtype));
    bytes_put_text(h, "\",\"shape\":[");
    for (unsigned i = 0; i < tensor->rank; i++) {
        bytes_put_text(h, i ? "," : "");
        put_number(h, tensor->shape[i]);
    }
    bytes_put_text(h, "],\"data_offsets\":[");
    put_number(h, begin);
    bytes_put_text(h, ",");
    put_number(h, begin + tensor->bytes);
    bytes_put_text(h, "]}");
}

/* *data_size = the bytes of all tensors. */
static void put_header(struct bytes *h, size_t *data_size, const char *path, const struct weight_tensor *tensors,
                       size_t count, const struct weight_metadata *metadata, size_t metadata_count)
{
    *data_size = 0;
    bytes_put_text(h, "{");
    if (metadata_count > 0)
        put_metadata(h, metadata, metadata_count, path);
    for (size_t i = 0; i < count; i++) {
        bytes_put_text(h, i || metadata_count ? "," : "");
        put_tensor(h, &tensors[i], *data_size, path);
        *data_size += tensors[i].bytes;
    }
    bytes_put_text(h, "}");
    while (h->status == OK && h->length % 8 != 0)
        bytes_put_text(h, " ");
    if (h->status == OK && h->length > SAFETENSORS_MAX_HEADER)
        h->status =
            error_set(h->err, ERR_DATA, "%.400s: cannot be written: its header would be %zu bytes, %llu are allowed",
                      path, h->length, (unsigned long long)SAFETENSORS_MAX_HEADER);
}

/* ---- what may be written ----------------------------------------------------------------------------------------- */

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* `names` is put in order. */
static enum status check_unique(const char **names, size_t count, const char *path, struct error *err)
{
    qsort(names, count, sizeof *names, compare_texts);
    for (size_t i = 0; i < count; i++) {
        char shown[200];
        bool twice = i > 0 && strcmp(names[i - 1], names[i]) == 0;
        if (twice || strcmp(names[i], "__metadata__") == 0)
            return error_set(err, ERR_DATA, "%.400s: cannot be written: the name '%s' %s", path,
                             text_escape(shown, sizeof shown, names[i]), twice ? "occurs twice" : "is reserved");
    }
    return OK;
}

static enum status check_names(const char *path, const struct weight_tensor *tensors, size_t count,
                               const struct weight_metadata *metadata, size_t metadata_count, struct error *err)
{
    void *list;
    enum status status = memory_alloc(&list, count > metadata_count ? count : metadata_count, sizeof(const char *),
                                      "a list of names", err);
    if (status != OK)
        return status;
    const char **names = list;
    for (size_t i = 0; i < count; i++)
        names[i] = tensors[i].name;
    status = check_unique(names, count, path, err);
    for (size_t i = 0; i < metadata_count; i++)
        names[i] = metadata[i].key;
    if (status == OK)
        status = check_unique(names, metadata_count, path, err);
    memory_free(list);
    return status;
}

/* ---- the file ---------------------------------------------------------------------------------------------------- */

static enum status write_bytes(struct safetensors_writer *writer, const void *bytes, size_t count, struct error *err)
{
    if (count > 0 && fwrite(bytes, 1, count, writer->file.stream) != count)
        return error_set(err, ERR_IO, "%.400s: writing failed near byte %zu of %zu: %s; nothing was changed",
                         writer->path, writer->written, writer->size, strerror(errno));
    writer->written += count;
    return OK;
}

enum status safetensors_create(struct safetensors_writer **out, const char *path, const struct weight_tensor *tensors,
                               size_t count, const struct weight_metadata *metadata, size_t metadata_count,
                               struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        size_t values, bytes;
        bool fits = weight_size(&values, &bytes, tensors[i].dtype, tensors[i].rank, tensors[i].shape);
        assert(tensors[i].rank <= WEIGHT_MAX_RANK && fits && bytes == tensors[i].bytes);
        (void)fits;
    }
    struct bytes header = bytes_start("the header of a weight file", err);
    struct safetensors_writer *writer = NULL;
    size_t data_size;
    enum status status = check_names(path, tensors, count, metadata, metadata_count, err);
    if (status != OK)
        return status;
    put_header(&header, &data_size, path, tensors, count, metadata, metadata_count);
    status = header.status;
    if (status != OK)
        goto cleanup;
    void *fresh;
    status = memory_alloc(&fresh, 1, sizeof *writer, "a writer", err);
    if (status != OK)
        goto cleanup;
    writer = fresh;
    writer->size = 8 + header.length + data_size;
    status = memory_strdup(&writer->path, path, err);
    if (status == OK)
        status = outfile_open(&writer->file, path, err);
    if (status != OK)
        goto cleanup;
    uint8_t length[8];
    put_little(length, header.length, sizeof length);
    status = write_bytes(writer, length, sizeof length, err);
    if (status == OK)
        status = write_bytes(writer, header.data, header.length, err);
    if (status == OK) {
        *out = writer;
        writer = NULL;
    }
cleanup:
    safetensors_discard(writer);
    bytes_free(&header);
    return status;
}

enum status safetensors_append(struct safetensors_writer *writer, const void *data, size_t bytes, struct error *err)
{
    assert(bytes <= writer->size - writer->written);
    return write_bytes(writer, data, bytes, err);
}

static void writer_destroy(struct safetensors_writer *writer)
{
    memory_free(writer->path);
    memory_free(writer);
}

enum status safetensors_finish(struct safetensors_writer *writer, struct error *err)
{
    assert(writer->written == writer->size);
    enum status status = outfile_commit(&writer->file, err);
    writer_destroy(writer);
    return status;
}

void safetensors_discard(struct safetensors_writer *writer)
{
    if (!writer)
        return;
    outfile_discard(&writer->file);
    writer_destroy(writer);
}

enum status safetensors_write(const char *path, const struct weight_tensor *tensors, size_t count,
                              const struct weight_metadata *metadata, size_t metadata_count, struct error *err)
{
    struct safetensors_writer *writer;
    enum status status = safetensors_create(&writer, path, tensors, count, metadata, metadata_count, err);
    if (status != OK)
        return status;
    for (size_t i = 0; i < count && status == OK; i++)
        status = safetensors_append(writer, tensors[i].data, tensors[i].bytes, err);
    if (status == OK)
        return safetensors_finish(writer, err);
    safetensors_discard(writer);
    return status;
}
