/* JSON that is read as a whole: the text of a file that must be one value from its first byte to its last. */
#ifndef FREEZETUNE_JSON_TEXT_H
#define FREEZETUNE_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

/* The value in text[size], which must have a NUL behind it (file_read puts one there). NULL when it is not JSON, when
 * more than blanks follows it, when it is not UTF-8, and when a text in it holds a zero byte, at which a C string would
 * end early. Also NULL without memory. Owned by the caller (cJSON_Delete). */
cJSON *json_text_parse(const char *text, size_t size);

/* out[0..count-1] = the numbers of a list of exactly `count`. False for anything else; out is then unspecified. */
bool json_text_floats(float *out, int count, const cJSON *list);

#endif
