/* Class names that a script keeps in its checkpoint, as metadata of the file: JSON texts under the script's own keys,
 * as a safetensors file would have them. What they mean is for the caller. */
#include <stdio.h>
#include <string.h>

#include "core/base/bytes.h"
#include "core/base/memory.h"
#include "weights/torch_state.h"

enum { MOST_NAMES = 1 << 16, MOST_BYTES = 1 << 22 /* texts may be shared */ };

static const char *const keys[] = {"classes", "class_to_idx", "names", "id2label", "label_names"};
enum { KEYS = sizeof keys / sizeof *keys };

static bool is_pair(const struct pickle *pickle, const struct pickle_link *link)
{
    const struct pickle_value *key = pickle_get(pickle, link->key), *value = pickle_get(pickle, link->value);
    return (key->kind == PICKLE_TEXT && value->kind == PICKLE_INT) ||
           (key->kind == PICKLE_INT && value->kind == PICKLE_TEXT);
}

/* A list or tuple of texts, or a dictionary between texts and whole numbers; not empty, and not more than is sensible.
 */
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
    enum { MOST_ASKED = 2 * KEYS };
    for (size_t i = 0; i < KEYS && *asked < MOST_ASKED; i++)
        if (pickle_text_is(pickle, pickle_get(pickle, entry->key), keys[i])) {
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

/* The last value under that key, as Python has it, or NULL. */
static const struct pickle_value *find(const struct pickle *pickle, const struct pickle_value *root, const char *key)
{
    const struct pickle_value *found = NULL;
    for (uint32_t i = root->first; i != PICKLE_NOTHING; i = pickle->links[i].next)
        if (pickle_text_is(pickle, pickle_get(pickle, pickle->links[i].key), key))
            found = pickle_get(pickle, pickle->links[i].value);
    return found && is_names(pickle, found) ? found : NULL;
}

enum status torch_classes_read(struct weight_file *file, const struct pickle *pickle, struct error *err)
{
    const struct pickle_value *root = pickle_get(pickle, pickle->root);
    struct bytes text = bytes_start("the class names", err);
    size_t places[KEYS], found[KEYS], count = 0;
    void *list;
    if (root->kind != PICKLE_DICT || file->metadata)
        return OK;
    for (size_t i = 0; i < KEYS; i++) {
        const struct pickle_value *names = find(pickle, root, keys[i]);
        if (!names)
            continue;
        found[count] = i;
        places[count++] = text.length;
        put_names(&text, pickle, names);
        bytes_put_u8(&text, 0);
    }
    enum status status = count > 0 ? text.status : OK;
    if (status == OK && count > 0)
        status = memory_alloc(&list, count, sizeof *file->metadata, "the metadata", err);
    if (status != OK || count == 0) {
        bytes_free(&text);
        return status;
    }
    file->metadata_text = (char *)text.data;
    file->metadata = list;
    file->metadata_capacity = count;
    for (size_t i = 0; i < count; i++)
        file->metadata[file->metadata_count++] =
            (struct weight_metadata){keys[found[i]], file->metadata_text + places[i]};
    return OK;
}
