#include "cli/model/label_text.h"

#include <stdbool.h>
#include <string.h>

#include "core/base/json_text.h"
#include "core/base/memory.h"
#include "core/base/text.h"
#include "weights/class_keys.h"

enum { ENTRIES_MOST = 1 << 19 }; /* of JSON: each takes memory, even an empty one */

const cJSON *label_text_member(const cJSON *root)
{
    for (size_t i = 0; class_keys[i] && cJSON_IsObject(root); i++) {
        const cJSON *item = cJSON_GetObjectItemCaseSensitive(root, class_keys[i]);
        if (cJSON_IsArray(item) || cJSON_IsObject(item))
            return item;
    }
    return root;
}

static bool is_blank(char letter)
{
    return letter == ' ' || letter == '\t' || letter == '\r' || letter == '\n';
}

/* Adds text[length] without the blanks around it. */
static bool add_name(cJSON *list, char *text, size_t length, bool skip_empty)
{
    while (length > 0 && is_blank(text[length - 1]))
        length--;
    while (length > 0 && is_blank(*text)) {
        text++;
        length--;
    }
    if (length == 0 && skip_empty)
        return true;
    char behind = text[length];
    text[length] = '\0';
    cJSON *item = cJSON_CreateString(text);
    text[length] = behind;
    return item && cJSON_AddItemToArray(list, item);
}

/* *out = the names between separators. */
static enum status split(cJSON **out, const char *text, char separator, bool skip_empty, struct error *err)
{
    char *copy;
    const char stops[] = {separator, '\0'};
    enum status status = memory_strdup(&copy, text, err);
    if (status != OK)
        return status;
    cJSON *list = cJSON_CreateArray();
    bool made = list != NULL, more = true;
    for (char *at = copy; made && more;) {
        size_t length = strcspn(at, stops);
        more = at[length] != '\0';
        made = add_name(list, at, length, skip_empty);
        at += length + 1;
    }
    memory_free(copy);
    if (!made) {
        cJSON_Delete(list);
        return error_memory(err, "the class names", strlen(text));
    }
    *out = list;
    return OK;
}

static enum status parse_json(cJSON **out, const char **why, const char *text, struct error *err)
{
    size_t entries = 0;
    if (text_json_has_nul(text)) /* a name would end there, and be another one */
        return error_set(err, ERR_DATA, "a text contains a NUL character (\\u0000)");
    /* Not by strchr, for which ASan (strict_string_checks) reads the rest of the text each time: hours. */
    for (const char *at = text; *at; at++)
        entries += *at == ',';
    *why = "too many entries";
    if (entries > ENTRIES_MOST)
        return OK;
    cJSON *root = json_text_parse(text, strlen(text));
    *why = root ? NULL : "not valid JSON";
    *out = root;
    return OK;
}

enum status label_text_parse(cJSON **out, const char **why, const char *text, size_t size, struct error *err)
{
    static const char mark[] = "\xEF\xBB\xBF"; /* of UTF-8 */
    *out = NULL;
    *why = NULL;
    if (size >= 2 && (memcmp(text, "\xFF\xFE", 2) == 0 || memcmp(text, "\xFE\xFF", 2) == 0))
        *why = "UTF-16: save it as UTF-8";
    else if (!text_is_utf8(text, size))
        *why = "not UTF-8 text";
    if (*why)
        return OK;
    if (strncmp(text, mark, 3) == 0)
        text += 3;
    const char *first = text;
    while (is_blank(*first))
        first++;
    return *first == '[' || *first == '{' ? parse_json(out, why, first, err) : split(out, text, '\n', true, err);
}

enum status label_text_split(cJSON **out, const char **why, const char *text, struct error *err)
{
    *out = NULL;
    *why = text_is_utf8(text, strlen(text)) ? NULL : "not UTF-8 text";
    return *why ? OK : split(out, text, ',', false, err);
}
