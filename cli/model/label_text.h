/* Texts that name the classes of a network, as people and tools write them:
 *
 *   ants\nbees\n                     a name a line; blank lines, CRLF and a byte order mark do not matter
 *   ["ants", "bees"], {"0": "ants"}, {"ants": 0}, {"0": ["n02206856", "bees"]}   JSON, see class_labels.h
 *   {"id2label": {"0": "ants"}, ...} an object with one of class_keys (weights/class_keys.h)
 */
#ifndef FREEZETUNE_LABEL_TEXT_H
#define FREEZETUNE_LABEL_TEXT_H

#include <stddef.h>

#include <cjson/cJSON.h>

#include "core/base/error.h"

enum { LABEL_TEXT_MOST = 1 << 22 }; /* bytes of a file of names */

/* The value of the first of class_keys in an object, or `root` itself. Borrowed. */
const cJSON *label_text_member(const cJSON *root);

/* *out = text[size], which ends in a NUL, as a list or an object of JSON; owned by the caller (cJSON_Delete). *why =
 * NULL, or what is wrong with the text, and *out is then NULL. ERR_DATA: a text of the JSON holds a zero byte, so that
 * it would be another name; ERR_SYSTEM without memory. */
MUST_CHECK enum status label_text_parse(cJSON **out, const char **why, const char *text, size_t size,
                                        struct error *err);

/* The same of names with a comma between them; blanks around a name are no part of it. */
MUST_CHECK enum status label_text_split(cJSON **out, const char **why, const char *text, struct error *err);

#endif
