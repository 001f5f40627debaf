#include "core/base/text.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t text_utf8_length(const char *text)
{
    const unsigned char *b = (const unsigned char *)text;
    size_t length;
    unsigned low = 0x80, high = 0xBF; /* the range of the second byte: no overlong forms, no surrogates */
    if (b[0] < 0x80)
        return b[0] ? 1 : 0;
    if (b[0] >= 0xC2 && b[0] <= 0xDF)
        length = 2;
    else if (b[0] >= 0xE0 && b[0] <= 0xEF)
        length = 3;
    else if (b[0] >= 0xF0 && b[0] <= 0xF4)
        length = 4;
    else
        return 0;
    if (b[0] == 0xE0)
        low = 0xA0;
    else if (b[0] == 0xED)
        high = 0x9F;
    else if (b[0] == 0xF0)
        low = 0x90;
    else if (b[0] == 0xF4)
        high = 0x8F;
    if (b[1] < low || b[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((b[i] & 0xC0) != 0x80)
            return 0;
    return length;
}

bool text_is_utf8(const void *bytes, size_t size)
{
    const char *at = bytes;
    while (size > 0) {
        char last[5] = {0}; /* the longest character and a NUL: near the end nothing behind it may be read */
        if (size < 4)
            memcpy(last, at, size);
        size_t length = text_utf8_length(size < 4 ? last : at);
        if (length == 0)
            return false;
        at += length;
        size -= length;
    }
    return true;
}

uint32_t text_code_point(const char *text, size_t length)
{
    const unsigned char *b = (const unsigned char *)text;
    static const unsigned char first[5] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t code = b[0] & first[length];
    for (size_t i = 1; i < length; i++)
        code = code << 6 | (b[i] & 0x3F);
    return code;
}

/* C0, DEL and C1; what orders text from right to left (Unicode's Bidi_Control); ends of lines and paragraphs; the byte
 * order mark. */
static bool is_control(uint32_t c)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = {{0, 0x1F},        {0x7F, 0x9F},     {0x061C, 0x061C}, {0x200E, 0x200F},
                  {0x2028, 0x202E}, {0x2066, 0x2069}, {0xFEFF, 0xFEFF}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (c >= ranges[i].first && c <= ranges[i].last)
            return true;
    return false;
}

size_t text_safe_length(const char *text)
{
    size_t length = text_utf8_length(text);
    return length == 0 || is_control(text_code_point(text, length)) ? 0 : length;
}

size_t text_escape_next(char out[TEXT_PIECE], size_t *taken, const char *text)
{
    size_t length = text_safe_length(text);
    unsigned char byte = (unsigned char)*text;
    *taken = length ? length : 1;
    if (byte == '\n' || byte == '\t' || byte == '\\')
        return (size_t)snprintf(out, TEXT_PIECE, "\\%c", byte == '\n' ? 'n' : byte == '\t' ? 't' : '\\');
    if (length == 0)
        return (size_t)snprintf(out, TEXT_PIECE, "\\x%02x", byte);
    memcpy(out, text, length);
    return length;
}

bool text_json_has_nul(const char *json)
{
    for (; *json; json++) {
        if (*json != '\\')
            continue;
        json++; /* what is escaped, be it a backslash */
        if (strncmp(json, "u0000", 5) == 0)
            return true;
        if (*json == '\0')
            break;
    }
    return false;
}

static char *escape(char *out, size_t size, const char *text, bool backslashes)
{
    size_t end = 0;
    while (*text) {
        char piece[TEXT_PIECE];
        size_t taken, length = text_escape_next(piece, &taken, text);
        if (*text == '\\' && !backslashes)
            length = 1;
        if (end + length + 4 > size) {
            if (size >= 4)
                memcpy(out + (end + 4 <= size ? end : size - 4), "...", 4);
            else if (size)
                out[0] = '\0';
            return out;
        }
        memcpy(out + end, piece, length);
        end += length;
        text += taken;
    }
    if (size)
        out[end] = '\0';
    return out;
}

char *text_escape(char *out, size_t size, const char *text)
{
    return escape(out, size, text, true);
}

char *text_printable(char *out, size_t size, const char *text)
{
    return escape(out, size, text, false);
}

bool text_to_double(double *out, const char *text)
{
    char *end;
    if (*text == '\0' || isspace((unsigned char)*text))
        return false;
    double value = strtod(text, &end);
    if (*end != '\0' || isnan(value) || isinf(value))
        return false;
    *out = value;
    return true;
}

bool text_to_long(long long *out, const char *text)
{
    char *end;
    if (*text == '\0' || isspace((unsigned char)*text))
        return false;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (*end != '\0' || errno == ERANGE)
        return false;
    *out = value;
    return true;
}
