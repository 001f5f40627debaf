#include "core/base/json_text.h"

#include <stdbool.h>

#include "core/base/text.h"

cJSON *json_text_parse(const char *text, size_t size)
{
    bool whole = text_is_utf8(text, size) && !text_json_has_nul(text);
    return whole ? cJSON_ParseWithOpts(text, NULL, true) : NULL;
}

bool json_text_floats(float *out, int count, const cJSON *list)
{
    if (!cJSON_IsArray(list) || cJSON_GetArraySize(list) != count)
        return false;
    for (int i = 0; i < count; i++) {
        const cJSON *item = cJSON_GetArrayItem(list, i);
        if (!cJSON_IsNumber(item))
            return false;
        out[i] = (float)item->valuedouble;
    }
    return true;
}
