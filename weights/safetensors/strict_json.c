#include "weights/safetensors/strict_json.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/text.h"

/* "file: tensor 'name', byte N: what", N counted from the start of the file. */
enum status strict_fail(const struct strict_json *p, size_t at, const char *format, ...)
{
    char what[320], name[200];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    size_t byte = p->base + at;
    if (!p->tensor)
        return error_set(p->err, ERR_DATA, "%.400s: byte %zu: %s", p->path, byte, what);
    text_escape(name, sizeof name, p->tensor);
    return error_set(p->err, ERR_DATA, "%.400s: tensor '%s', byte %zu: %s", p->path, name, byte, what);
}

void strict_skip_space(struct strict_json *p)
{
    while (p->text[p->at] == ' ' || p->text[p->at] == '\t' || p->text[p->at] == '\n' || p->text[p->at] == '\r')
        p->at++;
}

enum status strict_fail_expected(const struct strict_json *p, const char *expected)
{
    unsigned char byte = (unsigned char)p->text[p->at];
    if (p->at == p->end)
        return strict_fail(p, p->at, "expected %s, found the end of the header", expected);
    if (byte > ' ' && byte < 0x7F)
        return strict_fail(p, p->at, "expected %s, found '%c'", expected, byte);
    return strict_fail(p, p->at, "expected %s, found byte 0x%02x", expected, byte);
}

bool strict_accept(struct strict_json *p, char letter)
{
    strict_skip_space(p);
    if (p->text[p->at] != letter)
        return false;
    p->at++;
    return true;
}

enum status strict_expect(struct strict_json *p, char letter)
{
    char expected[] = {'\'', letter, '\'', '\0'};
    return strict_accept(p, letter) ? OK : strict_fail_expected(p, expected);
}

/* After a member of an object or an item of a list: *more says whether a comma promises another one. */
enum status strict_expect_next(struct strict_json *p, char closing, bool *more)
{
    char expected[] = {'\'', ',', '\'', ' ', 'o', 'r', ' ', '\'', closing, '\'', '\0'};
    *more = strict_accept(p, ',');
    return *more || strict_accept(p, closing) ? OK : strict_fail_expected(p, expected);
}

/* Four hexadecimal digits at text[at]. */
static bool read_hex4(const struct strict_json *p, size_t at, unsigned *out)
{
    unsigned value = 0;
    for (size_t i = at; i < at + 4; i++) { /* stops at the NUL at the latest */
        char c = p->text[i];
        if (c >= '0' && c <= '9')
            value = value * 16 + (unsigned)(c - '0');
        else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
            value = value * 16 + (unsigned)((c | 0x20) - 'a') + 10;
        else
            return false;
    }
    *out = value;
    return true;
}

static char *put_utf8(char *to, unsigned code)
{
    if (code < 0x80) {
        *to++ = (char)code;
        return to;
    }
    if (code < 0x800) {
        *to++ = (char)(0xC0 | code >> 6);
    } else {
        if (code < 0x10000) {
            *to++ = (char)(0xE0 | code >> 12);
        } else {
            *to++ = (char)(0xF0 | code >> 18);
            *to++ = (char)(0x80 | (code >> 12 & 0x3F));
        }
        *to++ = (char)(0x80 | (code >> 6 & 0x3F));
    }
    *to++ = (char)(0x80 | (code & 0x3F));
    return to;
}

/* \uXXXX at text[p->at], surrogate pairs as one letter. */
static enum status read_unicode(struct strict_json *p, char **to)
{
    unsigned code, low;
    if (!read_hex4(p, p->at + 2, &code))
        return strict_fail(p, p->at, "\\u is not followed by four hexadecimal digits");
    if (code == 0)
        return strict_fail(p, p->at, "\\u0000 in a text");
    size_t length = 6;
    if (code >= 0xD800 && code <= 0xDFFF) {
        bool pair = code < 0xDC00 && p->text[p->at + 6] == '\\' && p->text[p->at + 7] == 'u' &&
                    read_hex4(p, p->at + 8, &low) && low >= 0xDC00 && low <= 0xDFFF;
        if (!pair)
            return strict_fail(p, p->at, "\\u%04x is half of a surrogate pair", code);
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        length = 12;
    }
    *to = put_utf8(*to, code);
    p->at += length;
    return OK;
}

static enum status read_escape(struct strict_json *p, char **to)
{
    static const char letters[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    char letter = p->text[p->at + 1];
    if (letter == 'u')
        return read_unicode(p, to);
    const char *found = letter ? strchr(letters, letter) : NULL;
    if (!found)
        return strict_fail(p, p->at, "an escape that JSON does not know");
    *(*to)++ = values[found - letters];
    p->at += 2;
    return OK;
}

/* *out = the decoded string, which lies in p->text. */
enum status strict_string(struct strict_json *p, const char *expected, const char **out)
{
    if (!strict_accept(p, '"'))
        return strict_fail_expected(p, expected);
    char *start = p->text + p->at, *to = start;
    for (;;) {
        const char *from = p->text + p->at;
        if (p->at == p->end)
            return strict_fail(p, p->at, "the header ends inside a text");
        if (*from == '"')
            break;
        if ((unsigned char)*from < 0x20)
            return strict_fail(p, p->at, "control byte 0x%02x in a text", (unsigned)(unsigned char)*from);
        if (*from == '\\') {
            enum status status = read_escape(p, &to);
            if (status != OK)
                return status;
            continue;
        }
        size_t length = text_utf8_length(from);
        if (length == 0)
            return strict_fail(p, p->at, "byte 0x%02x is not valid UTF-8", (unsigned)(unsigned char)*from);
        memmove(to, from, length);
        to += length;
        p->at += length;
    }
    *to = '\0';
    p->at++;
    *out = start;
    return OK;
}

/* Digits only, no sign, no leading zero, no fraction, no exponent, at most 2^64-1. */
enum status strict_integer(struct strict_json *p, uint64_t *out)
{
    strict_skip_space(p);
    size_t start = p->at;
    uint64_t value = 0;
    bool fits = true;
    while (p->text[p->at] >= '0' && p->text[p->at] <= '9') {
        unsigned digit = (unsigned)(p->text[p->at++] - '0');
        fits = fits && !__builtin_mul_overflow(value, (uint64_t)10, &value) &&
               !__builtin_add_overflow(value, (uint64_t)digit, &value);
    }
    if (p->at == start)
        return strict_fail_expected(p, "digits of a whole number");
    if (p->text[start] == '0' && p->at > start + 1)
        return strict_fail(p, start, "a number with a leading zero");
    if (p->text[p->at] == '.' || p->text[p->at] == 'e' || p->text[p->at] == 'E')
        return strict_fail(p, p->at, "expected a whole number, found a fraction or an exponent");
    if (!fits)
        return strict_fail(p, start, "a number beyond 2^64-1");
    *out = value;
    return OK;
}
