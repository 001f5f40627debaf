/* Storages: ("storage", torch.FloatStorage, key, location, number of values),
 * with None behind it in the legacy format. */
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "weights/torch/torch_state.h"

static int compare_keys(const char *a, size_t a_length, const char *b, size_t b_length)
{
    int order = memcmp(a, b, a_length < b_length ? a_length : b_length);
    return order ? order : (a_length > b_length) - (a_length < b_length);
}

static int compare_storages(const void *a, const void *b)
{
    const struct torch_storage *x = a, *y = b;
    int order = compare_keys(x->key, x->key_length, y->key, y->key_length);
    return order ? order : (x->at > y->at) - (x->at < y->at);
}

/* Bytes of a value, for the types of storages that are not read but have to be stepped over. */
static size_t opaque_size(const struct pickle *pickle, const struct pickle_value *type)
{
    static const struct {
        const char *name;
        size_t size;
    } known[] = {{"UntypedStorage", 1}, {"_UntypedStorage", 1}, {"QInt8Storage", 1},
                 {"QUInt8Storage", 1},  {"QInt32Storage", 4},   {"ComplexDoubleStorage", 16}};
    const struct pickle_class *class = &pickle->classes[type->class];
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (class->name_length == strlen(known[i].name) &&
            memcmp(pickle->bytes + class->name, known[i].name, class->name_length) == 0)
            return known[i].size;
    return 0;
}

static enum status read_storage(struct torch_storage *out, const struct pickle *pickle,
                                const struct pickle_value *value)
{
    const struct pickle_value *tuple = pickle_get(pickle, value->tuple);
    if (tuple->length < 5 || !pickle_text_is(pickle, pickle_item(pickle, tuple, 0), "storage"))
        return pickle_fail(pickle, value->at, "a persistent id that names no storage: refused");
    const struct pickle_value *type = pickle_item(pickle, tuple, 1), *key = pickle_item(pickle, tuple, 2),
                              *values = pickle_item(pickle, tuple, 4);
    bool view = tuple->length == 6 && pickle_item(pickle, tuple, 5)->kind != PICKLE_NONE;
    if (tuple->length > 6 || view)
        return pickle_fail(pickle, value->at,
                           "a view of a storage, which PyTorch wrote before 0.4: load the file in "
                           "PyTorch and save it again");
    bool opaque = type->kind == PICKLE_GLOBAL && type->name == PICKLE_UNKNOWN;
    if (type->kind != PICKLE_GLOBAL || (!opaque && type->name < PICKLE_STORAGE) || key->kind != PICKLE_TEXT ||
        key->length == 0 || values->kind != PICKLE_INT || values->integer < 0)
        return pickle_fail(pickle, value->at, "a storage of %s, key %s, %s values: refused", pickle_kind_text(type),
                           pickle_kind_text(key), pickle_kind_text(values));
    uint64_t shape[1] = {(uint64_t)values->integer};
    *out = (struct torch_storage){.key = (const char *)pickle->bytes + key->begin,
                                  .key_length = key->length,
                                  .at = value->at,
                                  .opaque = opaque,
                                  .values = (size_t)values->integer,
                                  .dtype = opaque ? WEIGHT_U8 : pickle_storages[type->name - PICKLE_STORAGE].dtype};
    if (opaque ? !size_mul(&out->bytes, out->values, opaque_size(pickle, type))
               : !weight_size(&out->values, &out->bytes, out->dtype, 1, shape))
        return pickle_fail(pickle, value->at, "a storage of %lld values, which no computer can hold",
                           (long long)values->integer);
    return OK;
}

/* Sorted by key; of the descriptions of a storage, which must be the same, the first stays. */
static enum status merge(struct torch_storages *storages, const struct pickle *pickle)
{
    size_t kept = 0;
    if (storages->count > 0)
        qsort(storages->items, storages->count, sizeof *storages->items, compare_storages);
    for (size_t i = 0; i < storages->count; i++) {
        const struct torch_storage *item = &storages->items[i], *last = kept ? &storages->items[kept - 1] : NULL;
        if (!last || compare_keys(last->key, last->key_length, item->key, item->key_length) != 0)
            storages->items[kept++] = *item;
        else if (last->dtype != item->dtype || last->opaque != item->opaque || last->values != item->values)
            return pickle_fail(pickle, item->at, "a storage described in two ways: %zu values of %s, then %zu of %s",
                               last->values, weight_dtype_name(last->dtype), item->values,
                               weight_dtype_name(item->dtype));
    }
    storages->count = kept;
    return OK;
}

enum status torch_storages_find(struct torch_storages *out, const struct pickle *pickle)
{
    enum status status = OK;
    *out = (struct torch_storages){0};
    for (size_t i = 0; i < pickle->values_count && status == OK; i++) {
        struct torch_storage storage;
        if (pickle->values[i].kind != PICKLE_PERSISTENT)
            continue;
        status = read_storage(&storage, pickle, &pickle->values[i]);
        if (status == OK && out->count == TORCH_MAX_STORAGES)
            status = pickle_fail(pickle, storage.at, "more than %d storages", TORCH_MAX_STORAGES);
        if (status != OK)
            return status;
        void *items = out->items;
        status = memory_grow(&items, &out->capacity, out->count + 1, sizeof storage, "a list of storages", pickle->err);
        out->items = items;
        if (status == OK)
            out->items[out->count++] = storage;
    }
    return status == OK ? merge(out, pickle) : status;
}

struct torch_storage *torch_storages_get(const struct torch_storages *storages, const char *key, size_t length)
{
    size_t low = 0, high = storages->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct torch_storage *item = &storages->items[middle];
        int order = compare_keys(key, length, item->key, item->key_length);
        if (order == 0)
            return item;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}
