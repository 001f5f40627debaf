#include "core/base/json_text.h"

#include <stdbool.h>

#include "core/base/text.h"

cJSON *json_text_parse(const char *text, size_t size)
{
    bool whole = text_is_utf8(text, size) && !text_json_has_nul(text);
    return whole ? cJSON_ParseWithOpts(text, NULL, true) : NULL;
}
