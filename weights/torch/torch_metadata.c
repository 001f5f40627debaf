/* The metadata of a .pth that freezetune wrote: a dictionary of texts among the attributes of its state dict. */
#include <string.h>

#include "core/base/memory.h"
#include "weights/torch/pth_write.h"
#include "weights/torch/torch_state.h"

/* The value under our name, or NULL. */
static const struct pickle_value *find(const struct pickle *pickle, const struct pickle_value *attributes)
{
    for (uint32_t i = attributes->first; i != PICKLE_NOTHING; i = pickle->links[i].next)
        if (pickle_text_is(pickle, pickle_get(pickle, pickle->links[i].key), PTH_METADATA_ATTRIBUTE))
            return pickle_get(pickle, pickle->links[i].value);
    return NULL;
}

/* *count texts by text, *size bytes with their terminators. Shared texts could be longer together than the pickle,
 * which a file of ours never has. */
static enum status measure(size_t *count, size_t *size, const struct pickle *pickle, const struct pickle_value *dict)
{
    *count = *size = 0;
    if (dict->kind != PICKLE_DICT)
        return pickle_fail(pickle, dict->at, "%s is %s, expected a dictionary", PTH_METADATA_ATTRIBUTE,
                           pickle_kind_text(dict));
    for (uint32_t i = dict->first; i != PICKLE_NOTHING; i = pickle->links[i].next) {
        const struct pickle_value *key = pickle_get(pickle, pickle->links[i].key);
        const struct pickle_value *value = pickle_get(pickle, pickle->links[i].value);
        if (key->kind != PICKLE_TEXT || value->kind != PICKLE_TEXT)
            return pickle_fail(pickle, key->at, "%s holds something else than texts", PTH_METADATA_ATTRIBUTE);
        *size += (size_t)key->length + value->length + 2;
        *count += 1;
        if (*size > pickle->size || *count > TORCH_MAX_METADATA)
            return pickle_fail(pickle, key->at, "%s is larger than the pickle that holds it, or has more than %d texts",
                               PTH_METADATA_ATTRIBUTE, TORCH_MAX_METADATA);
    }
    return OK;
}

static const char *copy(char **to, const struct pickle *pickle, const struct pickle_value *text)
{
    char *begin = *to;
    memcpy(begin, pickle->bytes + text->begin, text->length);
    begin[text->length] = '\0';
    *to += text->length + 1;
    return begin;
}

enum status torch_metadata_read(struct weight_file *file, const struct pickle *pickle,
                                const struct pickle_value *attributes, struct error *err)
{
    const struct pickle_value *dict = find(pickle, attributes);
    size_t count, size;
    void *text, *list;
    if (!dict)
        return OK;
    enum status status = measure(&count, &size, pickle, dict);
    if (status == OK)
        status = memory_alloc(&text, size, 1, "the metadata", err);
    if (status != OK)
        return status;
    file->metadata_text = text;
    status = memory_alloc(&list, count, sizeof *file->metadata, "the metadata", err);
    if (status != OK)
        return status;
    file->metadata = list;
    file->metadata_capacity = count;
    char *to = text;
    for (uint32_t i = dict->first; i != PICKLE_NOTHING; i = pickle->links[i].next) {
        const char *key = copy(&to, pickle, pickle_get(pickle, pickle->links[i].key));
        if (weight_file_metadata_find(file, key))
            return pickle_fail(pickle, pickle_get(pickle, pickle->links[i].key)->at, "a key of %s occurs twice",
                               PTH_METADATA_ATTRIBUTE);
        file->metadata[file->metadata_count].key = key;
        file->metadata[file->metadata_count++].value = copy(&to, pickle, pickle_get(pickle, pickle->links[i].value));
    }
    return OK;
}
