#include "weights/torch/torch_state.h"

#include <stdio.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/text.h"
#include "weights/torch/strided.h"
#include "weights/torch/torch_states.h"

/* A tensor that must be copied. */
struct copy {
    size_t tensor;
    const uint8_t *from;
    size_t span; /* bytes from the first value to the end of the last */
    uint64_t strides[WEIGHT_MAX_RANK];
};

struct reader {
    struct weight_file *file;
    const struct pickle *pickle;
    const struct torch_storages *storages;
    struct error *err;
    const struct pickle_value *key; /* the name of the tensor being read, or NULL */
    struct copy *copies;
    size_t copies_count, copies_capacity;
    uint32_t *places; /* of the tensors' names in the pickle */
    size_t places_capacity;
    size_t text_size, shown; /* bytes of all names with their terminators; of all tensors */
};

static enum status fail(const struct reader *r, size_t at, const char *what)
{
    char name[200], copy[200] = "";
    if (!r->key)
        return pickle_fail(r->pickle, at, "%s", what);
    memcpy(copy, r->pickle->bytes + r->key->begin, r->key->length < sizeof copy ? r->key->length : sizeof copy - 1);
    return error_set(r->err, ERR_DATA, "%.400s: tensor '%s', byte %zu: %s", r->file->path,
                     text_escape(name, sizeof name, copy), r->pickle->base + at, what);
}

/* ---- what is left out -------------------------------------------------------------------------------------------- */

/* Python 2's texts are bytes; those that are no UTF-8 are taken for Latin-1, as torch.load(encoding="latin1") does. */
static bool is_name(const struct pickle_value *key)
{
    return key->kind == PICKLE_TEXT || key->kind == PICKLE_BYTES;
}

/* The name is bytes of the pickle; a longer one than any tensor has is cut. */
static enum status leave(const struct reader *r, const struct pickle_value *key, const char *what,
                         enum weight_left_kind kind)
{
    char name[256] = "";
    const uint8_t *from = r->pickle->bytes + key->begin;
    size_t used = 0;
    for (uint32_t i = 0; i < key->length && used + 2 < sizeof name; i++) {
        bool latin = key->kind == PICKLE_BYTES && from[i] >= 0x80;
        if (latin)
            name[used++] = (char)(0xC0 | from[i] >> 6);
        name[used++] = (char)(latin ? 0x80 | (from[i] & 0x3F) : from[i]);
    }
    if (weight_left_is_record(name))
        kind = WEIGHT_LEFT_RECORD;
    return weight_file_leave(r->file, &(struct weight_left){.name = name, .what = what, .kind = kind}, r->err);
}

/* The entries of a dictionary that holds the state dict somewhere: all but the one on the way to it. */
static enum status leave_beside(const struct reader *r, const char *key)
{
    const struct pickle *pickle = r->pickle;
    const struct pickle_value *root = pickle_get(pickle, pickle->root);
    size_t length = strcspn(key, "."), asked = 0;
    enum status status = OK;
    for (uint32_t i = root->kind == PICKLE_DICT ? root->first : PICKLE_NOTHING; i != PICKLE_NOTHING && status == OK;
         i = pickle->links[i].next) {
        const struct pickle_value *name = pickle_get(pickle, pickle->links[i].key);
        char what[PICKLE_DESCRIPTION];
        if (!is_name(name) || torch_classes_are(pickle, &pickle->links[i], &asked))
            continue; /* a name has bytes to look at; no other value has */
        if (name->length != length || memcmp(pickle->bytes + name->begin, key, length) != 0)
            status = leave(r, name, pickle_describe(what, pickle, pickle_get(pickle, pickle->links[i].value)),
                           WEIGHT_LEFT_RECORD);
    }
    return status;
}

/* Other networks, so that nobody takes this one for the only one, and other dictionaries of tensors, such as a head's
 * of its own. */
static enum status leave_states(const struct reader *r, const struct torch_states *states, size_t chosen)
{
    enum status status = OK;
    for (size_t i = 0; i < states->count && status == OK; i++) {
        const char *key = torch_states_key(states, i);
        bool network = states->items[i].resnet == states->items[chosen].resnet;
        struct weight_left left = {.name = key, .what = "another network", .kind = WEIGHT_LEFT_NETWORK, .key = true};
        if (i == chosen || !key[0])
            continue; /* the root's own tensors are named one by one */
        if (!network)
            left = (struct weight_left){.name = key,
                                        .what = "other tensors",
                                        .kind = weight_left_is_record(key) ? WEIGHT_LEFT_RECORD : WEIGHT_LEFT_PART};
        status = weight_file_leave(r->file, &left, r->err);
    }
    return status;
}

static enum status find_state(const struct pickle_value **out, struct reader *r)
{
    struct torch_states states;
    size_t chosen = 0;
    enum status status = torch_states_find(&states, r->pickle, r->err);
    if (status == OK)
        status = torch_states_choose(&chosen, &states, r->pickle, r->file->choice.key);
    const char *key = status == OK ? torch_states_key(&states, chosen) : "";
    if (status == OK)
        *out = pickle_get(r->pickle, states.items[chosen].dict);
    if (status == OK && key[0])
        status = memory_strdup(&r->file->key, key, r->err);
    if (status == OK)
        status = leave_states(r, &states, chosen);
    if (status == OK && key[0])
        status = leave_beside(r, key);
    bytes_free(&states.text);
    return status;
}

/* ---- one tensor -------------------------------------------------------------------------------------------------- */

/* out[0..length-1] = a tuple of whole numbers from 0. */
static bool read_numbers(uint64_t out[WEIGHT_MAX_RANK], const struct reader *r, const struct pickle_value *tuple)
{
    if (tuple->kind != PICKLE_TUPLE || tuple->length > WEIGHT_MAX_RANK)
        return false;
    for (uint32_t i = 0; i < tuple->length; i++) {
        const struct pickle_value *item = pickle_item(r->pickle, tuple, i);
        if (item->kind != PICKLE_INT || item->integer < 0)
            return false;
        out[i] = (uint64_t)item->integer;
    }
    return true;
}

/* The arguments of _rebuild_tensor or _rebuild_tensor_v2 behind a Parameter, with attributes or without, or nothing;
 * NULL when they are not right. The last argument of v2 would say that the values are to be negated or conjugated. */
static const struct pickle_value *tensor_arguments(const struct reader *r, const struct pickle_value *value)
{
    const struct pickle *pickle = r->pickle;
    const struct pickle_value *arguments = pickle_get(pickle, value->tuple);
    if (value->name == PICKLE_REBUILD_PARAMETER || value->name == PICKLE_REBUILD_PARAMETER_STATE) {
        if (arguments->length != (value->name == PICKLE_REBUILD_PARAMETER ? 3 : 4) ||
            pickle_item(pickle, arguments, 0)->kind != PICKLE_CALL)
            return NULL;
        value = pickle_item(pickle, arguments, 0);
        arguments = pickle_get(pickle, value->tuple);
    }
    if (value->name == PICKLE_REBUILD_TENSOR)
        return arguments->length == 4 ? arguments : NULL;
    if (value->name != PICKLE_REBUILD_TENSOR_V2 || arguments->length < 6 || arguments->length > 7)
        return NULL;
    const struct pickle_value *hooks = pickle_item(pickle, arguments, 5);
    const struct pickle_value *marks = arguments->length == 7 ? pickle_item(pickle, arguments, 6) : hooks;
    bool none = (hooks->kind == PICKLE_DICT && hooks->first == PICKLE_NOTHING) || hooks->kind == PICKLE_NONE;
    bool plain = (marks->kind == PICKLE_DICT && marks->first == PICKLE_NOTHING) || marks->kind == PICKLE_NONE;
    return none && plain ? arguments : NULL;
}

/* Where the tensor's values lie in its storage. */
static enum status place_tensor(struct reader *r, size_t at, struct weight_tensor *tensor,
                                const struct torch_storage *storage, uint64_t offset, const uint64_t *strides)
{
    size_t values, end;
    uint64_t last = 0;
    char what[320], shape[WEIGHT_SHAPE_TEXT], steps[WEIGHT_SHAPE_TEXT];
    bool fits = weight_size(&values, &tensor->bytes, tensor->dtype, tensor->rank, tensor->shape);
    if (fits && values > 0)
        fits = strided_last(&last, tensor->rank, tensor->shape, strides) &&
               !__builtin_add_overflow(last, offset, &last) && last < storage->values && values <= storage->values;
    else
        fits = fits && offset <= storage->values;
    if (!fits) {
        snprintf(what, sizeof what, "shape %s with strides %s from value %llu does not fit its storage of %zu values",
                 weight_shape_text(shape, sizeof shape, tensor->rank, tensor->shape),
                 weight_shape_text(steps, sizeof steps, tensor->rank, strides), (unsigned long long)offset,
                 storage->values);
        return fail(r, at, what);
    }
    size_t size = weight_dtype_bits(tensor->dtype) / 8;
    tensor->data = storage->data + (size_t)offset * size;
    if (!size_add(&r->shown, r->shown, tensor->bytes) ||
        !size_mul(&end, weight_file_bytes(r->file), TORCH_MAX_SHARING) || r->shown > end)
        return fail(r, at, "tensors share the file's bytes too often: together they are many times as large as it");
    if (strided_is_plain(tensor->rank, tensor->shape, strides))
        return OK;
    void *list = r->copies;
    enum status status =
        memory_grow(&list, &r->copies_capacity, r->copies_count + 1, sizeof *r->copies, "a list of tensors", r->err);
    r->copies = list;
    if (status != OK)
        return status;
    struct copy *copy = &r->copies[r->copies_count++];
    *copy = (struct copy){.tensor = r->file->count, .from = tensor->data};
    if (values > 0)
        copy->span = (size_t)(last - offset + 1) * size;
    memcpy(copy->strides, strides, sizeof copy->strides);
    return OK;
}

static enum status read_tensor(struct reader *r, const struct pickle_value *value)
{
    struct weight_tensor tensor = {0};
    uint64_t strides[WEIGHT_MAX_RANK] = {0};
    char what[PICKLE_DESCRIPTION];
    if (value->kind != PICKLE_CALL)
        return leave(r, r->key, pickle_describe(what, r->pickle, value), WEIGHT_LEFT_RECORD);
    const struct pickle_value *arguments = tensor_arguments(r, value);
    if (!arguments)
        return leave(r, r->key, "a tensor made in a way that torch.save does not write for plain weights",
                     WEIGHT_LEFT_PART);
    const struct pickle_value *persistent = pickle_item(r->pickle, arguments, 0);
    const struct pickle_value *offset = pickle_item(r->pickle, arguments, 1);
    const struct pickle_value *shape = pickle_item(r->pickle, arguments, 2);
    const struct pickle_value *steps = pickle_item(r->pickle, arguments, 3);
    if (persistent->kind != PICKLE_PERSISTENT || offset->kind != PICKLE_INT || offset->integer < 0 ||
        !read_numbers(tensor.shape, r, shape) || !read_numbers(strides, r, steps) || shape->length != steps->length)
        return fail(r, value->at,
                    "expected a storage, an offset, a shape and as many strides (at most 8), all of them numbers from "
                    "0");
    const struct pickle_value *key = pickle_item(r->pickle, pickle_get(r->pickle, persistent->tuple), 2);
    const struct torch_storage *storage =
        torch_storages_get(r->storages, (const char *)r->pickle->bytes + key->begin, key->length);
    if (storage->opaque)
        return leave(r, r->key, "a tensor of a type that is not read", WEIGHT_LEFT_PART);
    tensor.dtype = storage->dtype;
    tensor.rank = shape->length;
    enum status status = place_tensor(r, value->at, &tensor, storage, (uint64_t)offset->integer, strides);
    if (status != OK)
        return status;
    void *places = r->places;
    status =
        memory_grow(&places, &r->places_capacity, r->file->count + 1, sizeof *r->places, "a list of tensors", r->err);
    r->places = places;
    if (status != OK)
        return status;
    r->places[r->file->count] = (uint32_t)(r->key - r->pickle->values);
    return weight_file_add(r->file, &tensor, r->err);
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static enum status read_tensors(struct reader *r, const struct pickle_value *state)
{
    enum status status = OK;
    for (uint32_t i = state->first; i != PICKLE_NOTHING && status == OK; i = r->pickle->links[i].next) {
        const struct pickle_value *key = pickle_get(r->pickle, r->pickle->links[i].key);
        r->key = NULL;
        const struct pickle_value *value = pickle_get(r->pickle, r->pickle->links[i].value);
        char what[PICKLE_DESCRIPTION];
        if (key->kind == PICKLE_BYTES)
            status = leave(r, key,
                           value->kind == PICKLE_CALL ? "a tensor whose name is not UTF-8"
                                                      : pickle_describe(what, r->pickle, value),
                           value->kind == PICKLE_CALL ? WEIGHT_LEFT_PART : WEIGHT_LEFT_RECORD);
        if (key->kind != PICKLE_TEXT)
            continue; /* the name of no tensor */
        if (pickle_text_is(r->pickle, key, "n_averaged")) {
            status = leave(r, key, "the counter of an average of models (torch.optim.swa_utils)", WEIGHT_LEFT_RECORD);
            continue;
        }
        r->key = key;
        r->text_size += key->length + 1;
        /* Different names that are longer together than the pickle cannot be: some name occurs twice. */
        if (r->file->count == TORCH_MAX_TENSORS || r->text_size > r->pickle->size + TORCH_MAX_TENSORS)
            return fail(r, key->at, "too many tensors, or names that occur twice");
        status = read_tensor(r, value);
    }
    r->key = NULL;
    if (status == OK && r->file->count == 0)
        status = pickle_fail(r->pickle, state->at, "the state dict holds no tensor that is read");
    return status;
}

static enum status copy_names(struct reader *r)
{
    void *text;
    enum status status = memory_alloc(&text, r->text_size, 1, "the names of tensors", r->err);
    if (status != OK)
        return status;
    r->file->text = text;
    char *to = text;
    for (size_t i = 0; i < r->file->count; i++) {
        const struct pickle_value *key = pickle_get(r->pickle, r->places[i]);
        memcpy(to, r->pickle->bytes + key->begin, key->length);
        r->file->tensors[i].name = to;
        to += key->length + 1;
    }
    const struct weight_tensor *twice[2];
    status = weight_file_sort(r->file, twice, r->err);
    if (status != OK || !twice[0])
        return status;
    const struct weight_tensor *later = twice[0] > twice[1] ? twice[0] : twice[1];
    r->key = pickle_get(r->pickle, r->places[later - r->file->tensors]);
    return fail(r, r->key->at, "the name occurs twice");
}

/* Strided tensors in the order of their shapes, in one piece of memory. */
static enum status copy_values(struct reader *r)
{
    size_t total = 0;
    void *memory;
    for (size_t i = 0; i < r->copies_count; i++)
        total += r->file->tensors[r->copies[i].tensor].bytes; /* at most r->shown */
    if (total > weight_file_bytes(r->file))
        return pickle_fail(r->pickle, 0, "tensors with strides of their own are larger together than the file");
    if (total == 0)
        return OK;
    enum status status = memory_alloc(&memory, total, 1, "tensors in the order of their shapes", r->err);
    if (status != OK)
        return status;
    r->file->copies = memory;
    uint8_t *to = memory;
    for (size_t i = 0; i < r->copies_count; i++) {
        struct weight_tensor *tensor = &r->file->tensors[r->copies[i].tensor];
        const struct weight_tensor source = weight_tensor_part(tensor, 0, r->copies[i].span);
        status = weight_tensor_fetch(&source, r->file, r->err);
        if (status != OK)
            return status;
        strided_copy(to, r->copies[i].from, weight_dtype_bits(tensor->dtype) / 8, tensor->rank, tensor->shape,
                     r->copies[i].strides);
        weight_tensor_drop(&source, r->file);
        tensor->data = to;
        to += tensor->bytes;
    }
    return OK;
}

enum status torch_state_read(struct weight_file *file, const struct pickle *pickle,
                             const struct torch_storages *storages, struct error *err)
{
    struct reader r = {.file = file, .pickle = pickle, .storages = storages, .err = err};
    const struct pickle_value *state = NULL;
    enum status status = find_state(&state, &r);
    if (status == OK)
        status = read_tensors(&r, state);
    if (status == OK)
        status = copy_names(&r);
    if (status == OK)
        status = copy_values(&r);
    if (status == OK && pickle->attributed != PICKLE_NOTHING && pickle_get(pickle, pickle->attributed) == state)
        status = torch_metadata_read(file, pickle, pickle_get(pickle, pickle->attributes), err);
    if (status == OK)
        status = torch_classes_read(file, pickle, err);
    memory_free(r.copies);
    memory_free(r.places);
    return status;
}

bool torch_state_is_pickle(const struct weight_file *file)
{
    const uint8_t *bytes = file->map.bytes;
    return file->map.size >= 2 && bytes[0] == 0x80 && bytes[1] >= 2 && bytes[1] <= 5;
}
