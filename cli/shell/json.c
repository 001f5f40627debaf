#include "cli/shell/json.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "cli/shell/numbers.h"
#include "core/base/text.h"

struct json json_start(FILE *out, bool pretty)
{
    return (struct json){.out = out, .pretty = pretty};
}

void json_end(struct json *json)
{
    assert(json->depth == 0);
    putc('\n', json->out);
    json->filled[0] = false;
}

static void new_line(struct json *json)
{
    if (json->pretty)
        fprintf(json->out, "\n%*s", 2 * (int)json->depth, "");
}

/* The comma, the place and the key of the next value. */
static void begin(struct json *json, const char *key)
{
    if (json->filled[json->depth])
        fputs(json->pretty ? "," : ", ", json->out);
    if (json->depth)
        new_line(json);
    json->filled[json->depth] = true;
    if (key) {
        json_string(json->out, key);
        fputs(": ", json->out);
    }
}

void json_open(struct json *json, const char *key, char bracket)
{
    assert(json->depth + 1 < JSON_DEPTH);
    begin(json, key);
    putc(bracket, json->out);
    json->depth++;
    json->filled[json->depth] = false;
    json->listed[json->depth] = bracket == '[';
}

void json_close(struct json *json)
{
    assert(json->depth > 0);
    char bracket = json->listed[json->depth] ? ']' : '}';
    bool filled = json->filled[json->depth];
    json->depth--;
    if (filled)
        new_line(json);
    putc(bracket, json->out);
}

void json_text(struct json *json, const char *key, const char *text)
{
    begin(json, key);
    if (text)
        json_string(json->out, text);
    else
        fputs("null", json->out);
}

void json_bool(struct json *json, const char *key, bool value)
{
    begin(json, key);
    fputs(value ? "true" : "false", json->out);
}

void json_int(struct json *json, const char *key, int64_t value)
{
    begin(json, key);
    fprintf(json->out, "%" PRId64, value);
}

void json_float(struct json *json, const char *key, float value)
{
    char text[NUMBER_TEXT];
    begin(json, key);
    fputs(isfinite(value) ? number_float(text, value) : "null", json->out);
}

void json_double(struct json *json, const char *key, double value)
{
    char text[NUMBER_TEXT];
    begin(json, key);
    fputs(isfinite(value) ? number_double(text, value) : "null", json->out);
}

/* A character that a terminal must not be shown: as a number where the text is read back exactly, else byte by byte. */
static void put_control(FILE *out, const char *text, size_t length, bool plain)
{
    if (plain)
        fprintf(out, "\\u%04x", (unsigned)text_code_point(text, length));
    for (size_t i = 0; i < length && !plain; i++)
        fprintf(out, "\\\\x%02x", (unsigned char)text[i]);
}

void json_string(FILE *out, const char *text)
{
    bool plain = text_is_utf8(text, strlen(text));
    putc('"', out);
    while (*text) {
        size_t length = text_utf8_length(text);
        unsigned char byte = (unsigned char)*text;
        if (length > 1 && text_safe_length(text) == 0) /* all of these have at most 16 bits */
            put_control(out, text, length, plain);
        else if (length > 1)
            fwrite(text, 1, length, out);
        else if (length == 0)
            fprintf(out, "\\\\x%02x", byte);
        else if (byte == '\\' && !plain)
            fputs("\\\\\\\\", out);
        else if (byte == '"' || byte == '\\')
            fprintf(out, "\\%c", byte);
        else if (byte == '\n')
            fputs(plain ? "\\n" : "\\\\n", out);
        else if (byte < 0x20 || byte == 0x7F)
            fprintf(out, plain ? "\\u%04x" : "\\\\x%02x", byte);
        else
            putc(byte, out);
        text += length ? length : 1;
    }
    putc('"', out);
}
