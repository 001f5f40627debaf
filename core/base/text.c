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

size_t text_safe_length(const char *text)
{
    const unsigned char *b = (const unsigned char *)text;
    size_t length = text_utf8_length(text);
    bool control = b[0] < 0x20 || b[0] == 0x7F || (length == 2 && b[0] == 0xC2 && b[1] < 0xA0);
    return control ? 0 : length;
}

static char *escape(char *out, size_t size, const char *text, bool backslashes)
{
    size_t end = 0;
    while (*text) {
        char piece[5];
        size_t taken = text_safe_length(text), length;
        unsigned char byte = (unsigned char)*text;
        if (taken > 0 && (byte != '\\' || !backslashes)) {
            memcpy(piece, text, taken);
            length = taken;
        } else {
            taken = 1;
            if (byte == '\n' || byte == '\t' || byte == '\\')
                length = (size_t)snprintf(piece, sizeof piece, "\\%c", byte == '\n' ? 'n' : byte == '\t' ? 't' : '\\');
            else
                length = (size_t)snprintf(piece, sizeof piece, "\\x%02x", byte);
        }
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
