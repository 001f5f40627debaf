/* JSON written straight to a stream, without building it first.
 *
 *   json_open(&json, NULL, '{'); json_text(&json, "file", name); json_open(&json, "top", '['); ...
 *
 * Inside an object every value has a key; inside a list the key is NULL. Whether writing worked is asked of the stream.
 */
#ifndef FREEZETUNE_JSON_H
#define FREEZETUNE_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define JSON_DEPTH 16

struct json {
    FILE *out;
    bool pretty; /* indented by two blanks, else all on one line */
    unsigned depth;
    bool filled[JSON_DEPTH]; /* by depth: is there something before the next value? */
    bool listed[JSON_DEPTH]; /* by depth: is it a list? */
};

struct json json_start(FILE *out, bool pretty);
/* Ends the line; everything must be closed. */
void json_end(struct json *json);

void json_open(struct json *json, const char *key, char bracket); /* '{' or '[' */
void json_close(struct json *json);

void json_text(struct json *json, const char *key, const char *text); /* NULL gives null */
void json_bool(struct json *json, const char *key, bool value);
void json_int(struct json *json, const char *key, int64_t value);
/* The shortest decimal that reads back as the same value; null for NaN and infinities, which JSON does not have. */
void json_float(struct json *json, const char *key, float value);
void json_double(struct json *json, const char *key, double value);

/* A string with its quotes: valid JSON and valid UTF-8 for any bytes. A text that is not UTF-8 as a whole is written in
 * the form of text_escape ("caf\\xe9.jpg"), every other one exactly. */
void json_string(FILE *out, const char *text);

#endif
