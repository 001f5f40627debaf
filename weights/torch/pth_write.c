#include "weights/torch/pth_write.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/bytes.h"
#include "core/base/memory.h"
#include "core/base/text.h"
#include "weights/torch/zip_write.h"

#define PREFIX "archive/"

struct pth_writer {
    struct zip_writer *zip;
    size_t *sizes;            /* bytes of each tensor */
    size_t count, next, left; /* the tensor that is being written, and how many of its bytes are to come */
};

/* The storage classes of torch, by the type of what they hold; NULL for what PyTorch cannot hold in one. */
static const char *storage_of(enum weight_dtype dtype)
{
    switch (dtype) {
    case WEIGHT_F64:
        return "DoubleStorage";
    case WEIGHT_F32:
        return "FloatStorage";
    case WEIGHT_F16:
        return "HalfStorage";
    case WEIGHT_BF16:
        return "BFloat16Storage";
    case WEIGHT_I64:
        return "LongStorage";
    case WEIGHT_I32:
        return "IntStorage";
    case WEIGHT_I16:
        return "ShortStorage";
    case WEIGHT_I8:
        return "CharStorage";
    case WEIGHT_U8:
        return "ByteStorage";
    case WEIGHT_BOOL:
        return "BoolStorage";
    default:
        return NULL;
    }
}

/* ---- the pickle, protocol 2 (CPython, Lib/pickletools.py) -------------------------------------------------------- */

static void put_global(struct bytes *out, const char *module, const char *name)
{
    bytes_put_u8(out, 'c');
    bytes_put_text(out, module);
    bytes_put_u8(out, '\n');
    bytes_put_text(out, name);
    bytes_put_u8(out, '\n');
}

static void put_string(struct bytes *out, const char *text)
{
    bytes_put_u8(out, 'X'); /* BINUNICODE */
    bytes_put_little(out, strlen(text), 4);
    bytes_put_text(out, text);
}

static void put_integer(struct bytes *out, uint64_t value)
{
    if (value <= UINT8_MAX) {
        bytes_put_u8(out, 'K'); /* BININT1 */
        bytes_put_little(out, value, 1);
    } else if (value <= INT32_MAX) {
        bytes_put_u8(out, 'J'); /* BININT */
        bytes_put_little(out, value, 4);
    } else {
        bytes_put_u8(out, 0x8A); /* LONG1, eight bytes and the sign's */
        bytes_put_u8(out, 9);
        bytes_put_little(out, value, 8);
        bytes_put_u8(out, 0);
    }
}

static void put_tuple(struct bytes *out, const uint64_t *values, unsigned count)
{
    bytes_put_u8(out, '('); /* MARK */
    for (unsigned i = 0; i < count; i++)
        put_integer(out, values[i]);
    bytes_put_u8(out, 't'); /* TUPLE */
}

/* OrderedDict() */
static void put_dictionary(struct bytes *out)
{
    put_global(out, "collections", "OrderedDict");
    bytes_put_text(out, ")R"); /* EMPTY_TUPLE, REDUCE */
}

/* _rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, backward_hooks), with the storage as a persistent
 * id ('storage', class, key, device, values). */
static void put_tensor(struct bytes *out, const struct weight_tensor *tensor, size_t key)
{
    uint64_t strides[WEIGHT_MAX_RANK] = {0}, step = 1;
    char digits[24];
    for (unsigned i = tensor->rank; i-- > 0; step *= tensor->shape[i] ? tensor->shape[i] : 1)
        strides[i] = step;
    put_global(out, "torch._utils", "_rebuild_tensor_v2");
    bytes_put_text(out, "((");
    put_string(out, "storage");
    put_global(out, "torch", storage_of(tensor->dtype));
    snprintf(digits, sizeof digits, "%zu", key);
    put_string(out, digits);
    put_string(out, "cpu");
    put_integer(out, weight_tensor_values(tensor));
    bytes_put_text(out, "tQ"); /* TUPLE, BINPERSID */
    put_integer(out, 0);
    put_tuple(out, tensor->shape, tensor->rank);
    put_tuple(out, strides, tensor->rank);
    bytes_put_u8(out, 0x89); /* NEWFALSE */
    put_dictionary(out);
    bytes_put_text(out, "tR");
}

static void put_metadata(struct bytes *out, const struct weight_metadata *metadata, size_t count)
{
    bytes_put_text(out, "}"); /* EMPTY_DICT */
    put_string(out, PTH_METADATA_ATTRIBUTE);
    bytes_put_text(out, "}(");
    for (size_t i = 0; i < count; i++) {
        put_string(out, metadata[i].key);
        put_string(out, metadata[i].value);
    }
    bytes_put_text(out, "usb"); /* SETITEMS, SETITEM, BUILD: the attributes of the OrderedDict */
}

static void put_pickle(struct bytes *out, const struct weight_tensor *tensors, size_t count,
                       const struct weight_metadata *metadata, size_t metadata_count)
{
    enum { AT_ONCE = 1000 };       /* as pickle does it, for the reader's stack */
    bytes_put_text(out, "\x80\2"); /* PROTO 2 */
    put_dictionary(out);
    for (size_t i = 0; i < count; i++) {
        bytes_put_text(out, i % AT_ONCE == 0 ? "(" : "");
        put_string(out, tensors[i].name);
        put_tensor(out, &tensors[i], i);
        bytes_put_text(out, i % AT_ONCE == AT_ONCE - 1 || i == count - 1 ? "u" : ""); /* SETITEMS */
    }
    if (metadata_count > 0)
        put_metadata(out, metadata, metadata_count);
    bytes_put_text(out, "."); /* STOP */
}

/* ---- what may be written ----------------------------------------------------------------------------------------- */

static enum status check_text(const char *text, const char *path, struct error *err)
{
    char shown[200];
    size_t length = strlen(text);
    for (const char *at = text; *at; at += text_utf8_length(at))
        if (text_utf8_length(at) == 0)
            return error_set(err, ERR_DATA, "%.400s: cannot be written: '%s' is not valid UTF-8", path,
                             text_escape(shown, sizeof shown, text));
    return length <= INT32_MAX
               ? OK
               : error_set(err, ERR_DATA, "%.400s: cannot be written: a text of %zu bytes", path, length);
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A dictionary would silently keep the last of two. */
static enum status check_unique(const struct weight_tensor *tensors, size_t count, const char *path, struct error *err)
{
    void *list;
    enum status status = memory_alloc(&list, count, sizeof(const char *), "a list of names", err);
    if (status != OK)
        return status;
    const char **names = list;
    for (size_t i = 0; i < count; i++)
        names[i] = tensors[i].name;
    qsort(names, count, sizeof *names, compare_texts);
    for (size_t i = 1; i < count && status == OK; i++) {
        char shown[200];
        if (strcmp(names[i - 1], names[i]) == 0)
            status = error_set(err, ERR_DATA, "%.400s: cannot be written: the name '%s' occurs twice", path,
                               text_escape(shown, sizeof shown, names[i]));
    }
    memory_free(list);
    return status;
}

static enum status check(const char *path, const struct weight_tensor *tensors, size_t count,
                         const struct weight_metadata *metadata, size_t metadata_count, struct error *err)
{
    enum status status = check_unique(tensors, count, path, err);
    for (size_t i = 0; i < count && status == OK; i++) {
        char shown[200];
        status = check_text(tensors[i].name, path, err);
        if (status == OK && !storage_of(tensors[i].dtype))
            status =
                error_set(err, ERR_DATA,
                          "%.400s: cannot be written: tensor '%s' is of type %s, for which a .pth "
                          "has no storage",
                          path, text_escape(shown, sizeof shown, tensors[i].name), weight_dtype_name(tensors[i].dtype));
    }
    for (size_t i = 0; i < metadata_count && status == OK; i++) {
        status = check_text(metadata[i].key, path, err);
        if (status == OK)
            status = check_text(metadata[i].value, path, err);
    }
    return status;
}

/* ---- the file ---------------------------------------------------------------------------------------------------- */

static enum status put_entry(struct zip_writer *zip, const char *name, const void *data, size_t size, struct error *err)
{
    enum status status = zip_begin(zip, name, err);
    if (status == OK)
        status = zip_put(zip, data, size, err);
    return status == OK ? zip_end(zip, err) : status;
}

static enum status begin_tensor(struct pth_writer *writer, struct error *err)
{
    char name[48];
    snprintf(name, sizeof name, PREFIX "data/%zu", writer->next);
    writer->left = writer->sizes[writer->next];
    return zip_begin(writer->zip, name, err);
}

/* Ends the tensors that are complete (empty ones have no data to wait for) and begins the one whose data comes next. */
static enum status advance(struct pth_writer *writer, struct error *err)
{
    enum status status = OK;
    while (status == OK && writer->next < writer->count && writer->left == 0) {
        status = zip_end(writer->zip, err);
        if (status == OK && ++writer->next < writer->count)
            status = begin_tensor(writer, err);
    }
    return status;
}

static enum status begin_file(struct pth_writer *writer, const struct bytes *pickle, struct error *err)
{
    enum status status = put_entry(writer->zip, PREFIX "data.pkl", pickle->data, pickle->length, err);
    if (status == OK)
        status = put_entry(writer->zip, PREFIX "byteorder", "little", 6, err);
    if (status == OK && writer->count > 0)
        status = begin_tensor(writer, err);
    return status == OK ? advance(writer, err) : status;
}

enum status pth_create(struct pth_writer **out, const char *path, const struct weight_tensor *tensors, size_t count,
                       const struct weight_metadata *metadata, size_t metadata_count, struct error *err)
{
    struct bytes pickle = bytes_start("the pickle of a .pth", err);
    struct pth_writer *writer = NULL;
    void *fresh, *sizes;
    enum status status = check(path, tensors, count, metadata, metadata_count, err);
    if (status == OK) {
        put_pickle(&pickle, tensors, count, metadata, metadata_count);
        status = pickle.status;
    }
    if (status == OK)
        status = memory_alloc(&fresh, 1, sizeof *writer, "a writer", err);
    if (status != OK)
        goto cleanup;
    writer = fresh;
    writer->count = count;
    status = memory_alloc(&sizes, count, sizeof *writer->sizes, "a list of sizes", err);
    if (status != OK)
        goto cleanup;
    writer->sizes = sizes;
    for (size_t i = 0; i < count; i++)
        writer->sizes[i] = tensors[i].bytes;
    status = zip_create(&writer->zip, path, err);
    if (status == OK)
        status = begin_file(writer, &pickle, err);
    if (status == OK) {
        *out = writer;
        writer = NULL;
    }
cleanup:
    pth_discard(writer);
    bytes_free(&pickle);
    return status;
}

enum status pth_append(struct pth_writer *writer, const void *data, size_t bytes, struct error *err)
{
    const uint8_t *at = data;
    enum status status = OK;
    while (bytes > 0 && status == OK) {
        assert(writer->next < writer->count);
        size_t part = bytes < writer->left ? bytes : writer->left;
        status = zip_put(writer->zip, at, part, err);
        writer->left -= part;
        at += part;
        bytes -= part;
        if (status == OK)
            status = advance(writer, err);
    }
    return status;
}

static void writer_destroy(struct pth_writer *writer)
{
    memory_free(writer->sizes);
    memory_free(writer);
}

enum status pth_finish(struct pth_writer *writer, struct error *err)
{
    assert(writer->next == writer->count);
    enum status status = put_entry(writer->zip, PREFIX "version", "3\n", 2, err);
    if (status != OK) {
        pth_discard(writer);
        return status;
    }
    status = zip_finish(writer->zip, err);
    writer_destroy(writer);
    return status;
}

void pth_discard(struct pth_writer *writer)
{
    if (!writer)
        return;
    zip_discard(writer->zip);
    writer_destroy(writer);
}
