/* The reader of safetensors: a parser of exactly the grammar that a header may have, without recursion, then the checks
 * that need all tensors: the order of their data, and that no name occurs twice. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/byte_order.h"
#include "core/base/memory.h"
#include "core/base/text.h"
#include "weights/safetensors/safetensors.h"
#include "weights/safetensors/strict_json.h"
#include "weights/weight_formats.h"

#define LENGTH_BYTES ((size_t)8)

struct parser {
    struct strict_json json;
    struct weight_file *file;
    const uint8_t *data;
    size_t data_size;
    /* Data that the file does not hold: the first tensor of which, the end of the last, and how many bytes all tensors
     * have together, UINT64_MAX where that is too many. */
    const char *beyond;
    uint64_t beyond_begin, beyond_end, last_end, all;
};

/* ---- the grammar ------------------------------------------------------------------------------------------------- */

static enum status read_dtype(struct parser *p, struct weight_tensor *tensor)
{
    const char *name;
    strict_skip_space(&p->json);
    size_t at = p->json.at;
    enum status status = strict_string(&p->json, "a type in quotes", &name);
    if (status != OK)
        return status;
    char shown[40];
    if (!weight_dtype_parse(&tensor->dtype, name))
        return strict_fail(&p->json, at, "the type '%s' is not known", text_escape(shown, sizeof shown, name));
    return OK;
}

static enum status read_shape(struct parser *p, struct weight_tensor *tensor)
{
    enum status status = strict_expect(&p->json, '[');
    bool more = status == OK && !strict_accept(&p->json, ']');
    while (status == OK && more) {
        if (tensor->rank == WEIGHT_MAX_RANK)
            return strict_fail(&p->json, p->json.at, "more than %d dimensions", WEIGHT_MAX_RANK);
        status = strict_integer(&p->json, &tensor->shape[tensor->rank]);
        if (status == OK) {
            tensor->rank++;
            status = strict_expect_next(&p->json, ']', &more);
        }
    }
    return status;
}

static enum status read_range(struct parser *p, uint64_t *begin, uint64_t *end)
{
    enum status status = strict_expect(&p->json, '[');
    if (status == OK)
        status = strict_integer(&p->json, begin);
    if (status == OK)
        status = strict_expect(&p->json, ',');
    if (status == OK)
        status = strict_integer(&p->json, end);
    return status == OK ? strict_expect(&p->json, ']') : status;
}

static enum status fail_beyond(struct parser *p, const char *name, uint64_t begin, uint64_t end)
{
    p->json.tensor = name;
    return strict_fail(&p->json, (size_t)(name - p->json.text),
                       "data_offsets are [%llu,%llu], the file holds %zu bytes of data", (unsigned long long)begin,
                       (unsigned long long)end, p->data_size);
}

/* The range must be forward and as long as shape and type say. One that ends beyond the data is noted: whether the file
 * is truncated or wrong is known when all tensors are. */
static enum status place_tensor(struct parser *p, size_t at, struct weight_tensor *tensor, uint64_t begin, uint64_t end)
{
    char shape[WEIGHT_SHAPE_TEXT];
    size_t values, bytes;
    if (begin > end)
        return fail_beyond(p, tensor->name, begin, end);
    weight_shape_text(shape, sizeof shape, tensor->rank, tensor->shape);
    if (!weight_size(&values, &bytes, tensor->dtype, tensor->rank, tensor->shape))
        return strict_fail(&p->json, at, "shape %s of type %s is not a whole number of bytes that a computer can hold",
                           shape, weight_dtype_name(tensor->dtype));
    if (bytes != end - begin)
        return strict_fail(&p->json, at, "data_offsets [%llu,%llu] hold %llu bytes, shape %s of type %s needs %zu",
                           (unsigned long long)begin, (unsigned long long)end, (unsigned long long)(end - begin), shape,
                           weight_dtype_name(tensor->dtype), bytes);
    tensor->bytes = bytes;
    p->all = p->all > UINT64_MAX - bytes ? UINT64_MAX : p->all + bytes;
    p->last_end = end > p->last_end ? end : p->last_end;
    if (end <= p->data_size) {
        tensor->data = p->data + begin;
    } else if (!p->beyond) {
        p->beyond = tensor->name;
        p->beyond_begin = begin;
        p->beyond_end = end;
    }
    return OK;
}

/* All tensors are known, and some end beyond the file:
 * if they follow one another without a hole, its end is missing. */
static enum status check_end(struct parser *p)
{
    uint64_t before = LENGTH_BYTES + (uint64_t)p->json.end;
    if (!p->beyond)
        return OK;
    if (p->all == p->last_end && p->last_end <= SIZE_MAX - before)
        return weight_file_truncated(p->file->path, p->file->map.size, before + p->last_end, false, NULL, p->json.err);
    return fail_beyond(p, p->beyond, p->beyond_begin, p->beyond_end);
}

static enum status read_tensor(struct parser *p, const char *name)
{
    enum { DTYPE = 1, SHAPE = 2, RANGE = 4, ALL = 7 };
    static const struct {
        const char *key;
        unsigned bit;
    } keys[] = {{"dtype", DTYPE}, {"shape", SHAPE}, {"data_offsets", RANGE}};
    struct weight_tensor tensor = {.name = name};
    uint64_t begin = 0, end = 0;
    unsigned seen = 0;
    bool more = true;
    p->json.tensor = name;
    enum status status = strict_expect(&p->json, '{');
    while (status == OK && more) {
        const char *key;
        strict_skip_space(&p->json);
        size_t at = p->json.at;
        status = strict_string(&p->json, "\"dtype\", \"shape\" or \"data_offsets\"", &key);
        if (status != OK)
            return status;
        unsigned bit = 0;
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
            if (strcmp(key, keys[i].key) == 0)
                bit = keys[i].bit;
        char shown[40];
        if (bit == 0 || (seen & bit))
            return strict_fail(&p->json, at, bit ? "the key '%s' occurs twice" : "the key '%s' is not known",
                               text_escape(shown, sizeof shown, key));
        seen |= bit;
        status = strict_expect(&p->json, ':');
        if (status == OK)
            status = bit == DTYPE   ? read_dtype(p, &tensor)
                     : bit == SHAPE ? read_shape(p, &tensor)
                                    : read_range(p, &begin, &end);
        if (status == OK)
            status = strict_expect_next(&p->json, '}', &more);
    }
    if (status != OK)
        return status;
    size_t at = (size_t)(name - p->json.text);
    if (seen != ALL)
        return strict_fail(&p->json, at, "no %s",
                           !(seen & DTYPE)   ? "dtype"
                           : !(seen & SHAPE) ? "shape"
                                             : "data_offsets");
    status = place_tensor(p, at, &tensor, begin, end);
    p->json.tensor = NULL;
    if (status != OK || !tensor.data)
        return status;
    return weight_file_add(p->file, &tensor, p->json.err);
}

static enum status read_metadata(struct parser *p)
{
    struct weight_file *file = p->file;
    enum status status = strict_expect(&p->json, '{');
    bool more = status == OK && !strict_accept(&p->json, '}');
    while (status == OK && more) {
        struct weight_metadata entry;
        status = strict_string(&p->json, "a key in quotes", &entry.key);
        if (status == OK)
            status = strict_expect(&p->json, ':');
        if (status == OK)
            status = strict_string(&p->json, "a text in quotes (metadata holds nothing else)", &entry.value);
        if (status != OK)
            return status;
        void *list = file->metadata;
        status = memory_grow(&list, &file->metadata_capacity, file->metadata_count + 1, sizeof entry, "metadata",
                             p->json.err);
        file->metadata = list;
        if (status != OK)
            return status;
        file->metadata[file->metadata_count++] = entry;
        status = strict_expect_next(&p->json, '}', &more);
    }
    return status;
}

static enum status read_header(struct parser *p)
{
    if (p->json.text[0] != '{')
        return strict_fail_expected(&p->json, "'{' as the header's first byte");
    p->json.at = 1;
    enum status status = OK;
    bool more = !strict_accept(&p->json, '}'), metadata_seen = false;
    while (status == OK && more) {
        const char *name;
        status = strict_string(&p->json, "a name in quotes", &name);
        if (status == OK)
            status = strict_expect(&p->json, ':');
        if (status != OK)
            return status;
        bool metadata = strcmp(name, "__metadata__") == 0;
        if (metadata && metadata_seen)
            return strict_fail(&p->json, (size_t)(name - p->json.text), "__metadata__ occurs twice");
        metadata_seen = metadata_seen || metadata;
        status = metadata ? read_metadata(p) : read_tensor(p, name);
        if (status == OK)
            status = strict_expect_next(&p->json, '}', &more);
    }
    while (status == OK && p->json.at < p->json.end && p->json.text[p->json.at] == ' ')
        p->json.at++;
    if (status == OK && p->json.at < p->json.end)
        status = strict_fail_expected(&p->json, "nothing but spaces behind the header's last '}'");
    return status;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

/* By place in the file; empty tensors, which share a place with their successor, first and in the header's order. */
static int compare_places(const void *a, const void *b)
{
    const struct weight_tensor *x = a, *y = b;
    if (x->data != y->data)
        return (const uint8_t *)x->data < (const uint8_t *)y->data ? -1 : 1;
    if ((x->bytes == 0) != (y->bytes == 0))
        return x->bytes == 0 ? -1 : 1;
    return x->name < y->name ? -1 : x->name > y->name;
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(((const struct weight_metadata *)a)->key, ((const struct weight_metadata *)b)->key);
}

static int compare_key_places(const void *a, const void *b)
{
    const char *x = ((const struct weight_metadata *)a)->key, *y = ((const struct weight_metadata *)b)->key;
    return x < y ? -1 : x > y;
}

static enum status fail_twice(const struct parser *p, const char *what, const char *a, const char *b)
{
    char shown[200];
    return strict_fail(&p->json, (size_t)((a > b ? a : b) - p->json.text), "%s '%s' occurs twice", what,
                       text_escape(shown, sizeof shown, a));
}

static enum status check_names(const struct parser *p)
{
    struct weight_file *file = p->file;
    const struct weight_tensor *twice[2];
    enum status status = weight_file_sort(file, twice, p->json.err);
    if (status != OK)
        return status;
    if (twice[0])
        return fail_twice(p, "the tensor", twice[0]->name, twice[1]->name);

    if (file->metadata_count == 0)
        return OK;
    qsort(file->metadata, file->metadata_count, sizeof *file->metadata, compare_keys);
    for (size_t i = 1; i < file->metadata_count; i++)
        if (compare_keys(&file->metadata[i - 1], &file->metadata[i]) == 0)
            return fail_twice(p, "the metadata key", file->metadata[i - 1].key, file->metadata[i].key);
    qsort(file->metadata, file->metadata_count, sizeof *file->metadata, compare_key_places);
    return OK;
}

/* Ranges follow one another: no hole, no overlap, nothing behind the last. */
static enum status check_places(struct parser *p)
{
    struct weight_file *file = p->file;
    size_t expected = 0;
    if (file->count > 0)
        qsort(file->tensors, file->count, sizeof *file->tensors, compare_places);
    for (size_t i = 0; i < file->count; i++) {
        const struct weight_tensor *tensor = &file->tensors[i];
        size_t begin = (size_t)((const uint8_t *)tensor->data - p->data);
        p->json.tensor = tensor->name;
        if (begin != expected)
            return strict_fail(&p->json, (size_t)(tensor->name - p->json.text),
                               "its data begins at %zu, expected %zu: %s", begin, expected,
                               begin < expected ? "it overlaps another tensor" : "there is a hole before it");
        expected = begin + tensor->bytes;
    }
    p->json.tensor = NULL;
    if (expected != p->data_size)
        return strict_fail(&p->json, p->json.end + expected, "the tensors end here, but the file goes on for %zu bytes",
                           p->data_size - expected);
    return OK;
}

static enum status read_file(struct weight_file *file, struct error *err)
{
    const uint8_t *bytes = file->map.bytes;
    size_t size = file->map.size;
    if (size < LENGTH_BYTES)
        return weight_file_truncated(file->path, size, 0, false, "the header of a weight file", err);
    uint64_t length = get_little64(bytes);
    bool possible =
        length > 1 && length <= SAFETENSORS_MAX_HEADER && (size == LENGTH_BYTES || bytes[LENGTH_BYTES] == '{');
    if (possible && length > size - LENGTH_BYTES)
        return weight_file_truncated(file->path, size, LENGTH_BYTES + length, true, NULL, err);
    if (length > SAFETENSORS_MAX_HEADER || length > size - LENGTH_BYTES)
        return error_set(err, ERR_DATA,
                         "%.400s: byte 0: not a safetensors file, or a damaged one: a header of %llu bytes, where %llu "
                         "are possible",
                         file->path, (unsigned long long)length,
                         (unsigned long long)(size - LENGTH_BYTES < SAFETENSORS_MAX_HEADER ? size - LENGTH_BYTES
                                                                                           : SAFETENSORS_MAX_HEADER));
    void *text;
    enum status status = file_map_read(&file->map, 0, LENGTH_BYTES + (size_t)length, err);
    if (status != OK)
        return status;
    status = memory_alloc(&text, (size_t)length + 1, 1, "the header of a weight file", err);
    if (status != OK)
        return status;
    file->text = text;
    memcpy(text, bytes + LENGTH_BYTES, (size_t)length);

    struct parser p = {
        .json = {.text = text, .end = (size_t)length, .base = LENGTH_BYTES, .path = file->path, .err = err},
        .file = file,
        .data = bytes + LENGTH_BYTES + (size_t)length,
        .data_size = size - LENGTH_BYTES - (size_t)length,
    };
    status = read_header(&p);
    if (status == OK)
        status = check_end(&p);
    if (status == OK)
        status = check_places(&p);
    return status == OK ? check_names(&p) : status;
}

/* No other file has a 0 and a brace behind its first seven bytes. One that ends before them is a truncated one. */
static bool recognises(const struct weight_file *file)
{
    const uint8_t *bytes = file->map.bytes;
    bool zip = file->map.size >= 4 && memcmp(bytes, "PK\3\4", 4) == 0;
    return file->map.size < 9 ? !zip : bytes[7] == 0 && bytes[8] == '{';
}

const struct weight_format safetensors_format = {recognises, read_file};
