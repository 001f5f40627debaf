#include "cli/report/html/html_text.h"

#include <stdint.h>
#include <string.h>

#include "core/base/text.h"

static void put_piece(FILE *out, const char *piece, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        switch (piece[i]) {
        case '&':
            fputs("&amp;", out);
            break;
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        case '\'':
            fputs("&#39;", out);
            break;
        default:
            putc(piece[i], out);
        }
    }
}

void html_short(FILE *out, const char *text, size_t most)
{
    size_t taken;
    for (size_t i = 0; *text; text += taken, i++) {
        char piece[TEXT_PIECE];
        size_t length = text_escape_next(piece, &taken, text);
        if (i == most) {
            fputs("...", out);
            return;
        }
        put_piece(out, piece, length);
    }
}

void html_text(FILE *out, const char *text)
{
    html_short(out, text, SIZE_MAX);
}

void html_name(FILE *out, const char *text)
{
    fputs("<bdi>", out);
    html_text(out, text);
    fputs("</bdi>", out);
}

void html_json(FILE *out, const char *json, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        char c = json[i];
        if (c == '<' || c == '>' || c == '&')
            fprintf(out, "\\u%04x", (unsigned)c);
        else if (i + 2 < size &&
                 (memcmp(json + i, "\xE2\x80\xA8", 3) == 0 || memcmp(json + i, "\xE2\x80\xA9", 3) == 0)) {
            fputs(json[i + 2] == '\xA8' ? "\\u2028" : "\\u2029", out);
            i += 2;
        } else
            putc(c, out);
    }
}

void html_base64(FILE *out, const void *bytes, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *from = bytes;
    for (size_t i = 0; i < size; i += 3) {
        size_t have = size - i < 3 ? size - i : 3;
        uint32_t group = (uint32_t)from[i] << 16;
        if (have > 1)
            group |= (uint32_t)from[i + 1] << 8;
        if (have > 2)
            group |= from[i + 2];
        putc(digits[group >> 18], out);
        putc(digits[group >> 12 & 63], out);
        putc(have > 1 ? digits[group >> 6 & 63] : '=', out);
        putc(have > 2 ? digits[group & 63] : '=', out);
    }
}

size_t html_base64_size(size_t size)
{
    return (size + 2) / 3 * 4;
}
