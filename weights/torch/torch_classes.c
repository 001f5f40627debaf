/* Class names that a script keeps in its checkpoint, as metadata of the file: JSON texts under the script's own keys,
 * as a safetensors file would have them; "hyper_parameters.classes" for those in a dictionary of the checkpoint. What
 * they mean is for the caller. */
#include <stdio.h>
#include <string.h>

#include "core/base/bytes.h"
#include "core/base/memory.h"
#include "weights/class_keys.h"
#include "weights/torch/torch_state.h"

/* Texts may be shared, so that a small file could name many: MOST_TEXT bounds all of them. So may dictionaries:
 * MOST_ENTRIES bounds what is looked at, in all. */
enum {
    MOST_NAMES = 1 << 16,
    MOST_BYTES = 1 << 22,
    MOST_TEXT = 1 << 24,
    MOST_FOUND = 4 * CLASS_KEYS,
    MOST_ENTRIES = 1 << 20,
    NAME_TEXT = 96
};

/* Where Lightning, mmengine, timm and scripts keep what belongs to a training; at the root, or in one another. */
static const char *const containers[] = {"hyper_parameters",
                                         "datamodule_hyper_parameters",
                                         "hparams",
                                         "config",
                                         "cfg",
                                         "args",
                                         "meta",
                                         "dataset_meta",
                                         "model_args",
                                         "info",
                                         "extra",
                                         "metadata"};
enum { CONTAINERS = sizeof containers / sizeof *containers, DEPTH = 2 };

static bool is_pair(const struct pickle *pickle, const struct pickle_link *link)
{
    const struct pickle_value *key = pickle_get(pickle, link->key), *value = pickle_get(pickle, link->value);
    return (key->kind == PICKLE_TEXT && value->kind == PICKLE_INT) ||
           (key->kind == PICKLE_INT && value->kind == PICKLE_TEXT);
}

/* A list or tuple of texts, or a dictionary between texts and whole numbers;
 * not empty, and not more than is sensible. */
static bool is_names(const struct pickle *pickle, const struct pickle_value *value)
{
    size_t count = 0, bytes = 0;
    if (value->kind == PICKLE_TUPLE) {
        for (uint32_t i = 0; i < value->length; i++, count++) {
            const struct pickle_value *item = pickle_item(pickle, value, i);
            bytes += item->length;
            if (item->kind != PICKLE_TEXT || count == MOST_NAMES || bytes > MOST_BYTES)
                return false;
        }
        return count > 0;
    }
    if (value->kind != PICKLE_LIST && value->kind != PICKLE_DICT)
        return false;
    for (uint32_t i = value->first; i != PICKLE_NOTHING; i = pickle->links[i].next, count++) {
        const struct pickle_link *link = &pickle->links[i];
        const struct pickle_value *item = pickle_get(pickle, link->value);
        bool fits = value->kind == PICKLE_LIST ? item->kind == PICKLE_TEXT : is_pair(pickle, link);
        const struct pickle_value *text = fits && item->kind != PICKLE_TEXT ? pickle_get(pickle, link->key) : item;
        if (!fits || count == MOST_NAMES || (bytes += text->length) > MOST_BYTES)
            return false;
    }
    return count > 0;
}

bool torch_classes_are(const struct pickle *pickle, const struct pickle_link *entry, size_t *asked)
{
    enum { MOST_ASKED = 2 * CLASS_KEYS };
    for (size_t i = 0; i < CLASS_KEYS && *asked < MOST_ASKED; i++)
        if (pickle_text_is(pickle, pickle_get(pickle, entry->key), class_keys[i])) {
            ++*asked;
            return is_names(pickle, pickle_get(pickle, entry->value));
        }
    return false;
}

/* A text or a number as JSON; a number is quoted where it is a key. */
static void put_value(struct bytes *out, const struct pickle *pickle, const struct pickle_value *value, bool is_key)
{
    char text[32];
    if (value->kind == PICKLE_INT) {
        snprintf(text, sizeof text, is_key ? "\"%lld\"" : "%lld", (long long)value->integer);
        bytes_put_text(out, text);
        return;
    }
    bytes_put_u8(out, '"');
    for (uint32_t i = 0; i < value->length; i++) {
        uint8_t letter = pickle->bytes[value->begin + i];
        if (letter == '"' || letter == '\\')
            bytes_put_u8(out, '\\');
        if (letter >= 0x20) {
            bytes_put_u8(out, letter);
        } else {
            snprintf(text, sizeof text, "\\u%04x", letter);
            bytes_put_text(out, text);
        }
    }
    bytes_put_u8(out, '"');
}

static void put_names(struct bytes *out, const struct pickle *pickle, const struct pickle_value *names)
{
    bool dict = names->kind == PICKLE_DICT;
    bytes_put_u8(out, dict ? '{' : '[');
    if (names->kind == PICKLE_TUPLE) {
        for (uint32_t i = 0; i < names->length; i++) {
            if (i > 0)
                bytes_put_u8(out, ',');
            put_value(out, pickle, pickle_item(pickle, names, i), false);
        }
        bytes_put_u8(out, ']');
        return;
    }
    for (uint32_t i = names->first; i != PICKLE_NOTHING; i = pickle->links[i].next) {
        if (i != names->first)
            bytes_put_u8(out, ',');
        if (dict) {
            put_value(out, pickle, pickle_get(pickle, pickle->links[i].key), true);
            bytes_put_u8(out, ':');
        }
        put_value(out, pickle, pickle_get(pickle, pickle->links[i].value), false);
    }
    bytes_put_u8(out, dict ? '}' : ']');
}

/* What was found: places in the text of a key and of its value. */
struct found {
    const struct pickle *pickle;
    size_t looked_at; /* entries of dictionaries, so far */
    struct bytes text;
    size_t keys[MOST_FOUND], values[MOST_FOUND], count;
};

/* values[i] = the last value under keys[i], as Python has it, or NULL. */
static void look_up(const struct pickle_value **values, struct found *out, const struct pickle_value *dict,
                    const char *const *keys, size_t count)
{
    const struct pickle *pickle = out->pickle;
    for (size_t k = 0; k < count; k++)
        values[k] = NULL;
    for (uint32_t i = dict->first; i != PICKLE_NOTHING && out->looked_at < MOST_ENTRIES; i = pickle->links[i].next) {
        const struct pickle_value *key = pickle_get(pickle, pickle->links[i].key);
        out->looked_at++;
        for (size_t k = 0; k < count && key->kind == PICKLE_TEXT; k++)
            if (pickle_text_is(pickle, key, keys[k]))
                values[k] = pickle_get(pickle, pickle->links[i].value);
    }
}

static void collect(struct found *out, const struct pickle_value *dict, const char *prefix, int depth)
{
    const struct pickle_value *values[CLASS_KEYS], *inside[CONTAINERS];
    look_up(values, out, dict, class_keys, CLASS_KEYS);
    for (size_t i = 0; i < CLASS_KEYS; i++) {
        const struct pickle_value *names = values[i];
        if (!names || !is_names(out->pickle, names) || out->count == MOST_FOUND || out->text.length > MOST_TEXT)
            continue;
        out->keys[out->count] = out->text.length;
        bytes_put_text(&out->text, prefix);
        bytes_put_text(&out->text, class_keys[i]);
        bytes_put_u8(&out->text, 0);
        out->values[out->count++] = out->text.length;
        put_names(&out->text, out->pickle, names);
        bytes_put_u8(&out->text, 0);
    }
    if (depth < DEPTH)
        look_up(inside, out, dict, containers, CONTAINERS);
    for (size_t i = 0; i < CONTAINERS && depth < DEPTH; i++) {
        char name[NAME_TEXT];
        snprintf(name, sizeof name, "%s%s.", prefix, containers[i]);
        if (inside[i] && inside[i]->kind == PICKLE_DICT)
            collect(out, inside[i], name, depth + 1);
    }
}

enum status torch_classes_read(struct weight_file *file, const struct pickle *pickle, struct error *err)
{
    const struct pickle_value *root = pickle_get(pickle, pickle->root);
    struct found found = {.pickle = pickle, .text = bytes_start("the class names", err)};
    void *list = NULL;
    if (root->kind != PICKLE_DICT || file->metadata)
        return OK;
    collect(&found, root, "", 0);
    enum status status = found.count > 0 ? found.text.status : OK;
    if (status == OK && found.count > 0)
        status = memory_alloc(&list, found.count, sizeof *file->metadata, "the metadata", err);
    if (status != OK || found.count == 0) {
        bytes_free(&found.text);
        return status;
    }
    file->metadata_text = (char *)found.text.data;
    file->metadata = list;
    file->metadata_capacity = found.count;
    for (size_t i = 0; i < found.count; i++)
        file->metadata[file->metadata_count++] =
            (struct weight_metadata){file->metadata_text + found.keys[i], file->metadata_text + found.values[i]};
    return OK;
}
