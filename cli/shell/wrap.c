#define _POSIX_C_SOURCE 200809L
#include "cli/shell/wrap.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/shell/term.h"
#include "core/base/text.h"

/* Bytes of the character at `text`, of whatever kind. */
static size_t step(const char *text)
{
    size_t length = text_utf8_length(text);
    return length ? length : 1;
}

/* Columns of text[0..length-1]. */
static size_t width_of(const char *text, size_t length)
{
    size_t width = 0;
    char one[8];
    for (size_t at = 0; at < length;) {
        size_t taken = step(text + at);
        memcpy(one, text + at, taken);
        one[taken] = '\0';
        width += text_width(one);
        at += taken;
    }
    return width;
}

/* ---- wrapping ---------------------------------------------------------------------------------------------------- */

enum { LABEL_MOST = 16, NARROW = 20 };

/* Where the lines after the first begin: below the text behind a label ("memory  653 MB"), else two columns in. */
static size_t label_indent(const char *line)
{
    size_t blanks = strspn(line, " "), at = blanks;
    for (; line[at] && line[at] != '\n' && at < blanks + LABEL_MOST; at++)
        if (line[at] == ' ' && line[at + 1] == ' ')
            return at + strspn(line + at, " ");
    return blanks + 2;
}

static bool is_unit(const char *word, size_t length)
{
    static const char *const units[] = {"%",  "s",  "ms", "min", "h",     "bytes", "KB",
                                        "MB", "GB", "TB", "px",  "GFLOP", "MFLOP", "TFLOP"};
    while (length && strchr(",;:.)", word[length - 1]))
        length--;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strlen(units[i]) == length && memcmp(units[i], word, length) == 0)
            return true;
    return false;
}

/* Bytes up to the next place where a line may break: a blank that is not between a number and its unit. */
static size_t word_length(const char *text)
{
    size_t length = strcspn(text, " \n");
    while (length && isdigit((unsigned char)text[length - 1]) && text[length] == ' ') {
        size_t next = strcspn(text + length + 1, " \n");
        if (!is_unit(text + length + 1, next))
            break;
        length += 1 + next;
    }
    return length;
}

/* Bytes up to two blanks or the end of the line: what is better not broken. */
static size_t phrase_length(const char *text)
{
    size_t length = 0;
    while (text[length] && text[length] != '\n' && !(text[length] == ' ' && text[length + 1] == ' '))
        length++;
    return length;
}

/* The part of a word that fits `room` columns, at least one character: up to its last slash, bar or comma there. */
static size_t part_length(const char *word, size_t length, size_t room)
{
    size_t at = 0, width = 0, good = 0;
    while (at < length) {
        size_t taken = step(word + at);
        width += width_of(word + at, taken);
        if (width > room && at > 0)
            break;
        at += taken;
        if (strchr("/|,", word[at - 1]) && at < length)
            good = at;
    }
    return good && at < length ? good : at;
}

static void next_line(FILE *out, struct wrap *wrap, size_t indent)
{
    fprintf(out, "%s\n%*s", wrap->command ? " \\" : "", (int)indent, "");
    wrap->column = indent;
}

static void put_word(FILE *out, const char *word, size_t length, struct wrap *wrap, size_t indent, size_t width)
{
    bool quoted = wrap->command && memchr(word, '\'', length); /* a break would be part of what is quoted */
    while (width && !quoted && wrap->column + width_of(word, length) > width) {
        size_t part = part_length(word, length, width > wrap->column ? width - wrap->column : 1);
        fwrite(word, 1, part, out);
        word += part;
        length -= part;
        if (length == 0)
            return;
        if (wrap->command) { /* a backslash without blanks joins the two parts again */
            fputs("\\\n", out);
            wrap->column = 0;
        } else {
            next_line(out, wrap, indent);
        }
    }
    fwrite(word, 1, length, out);
    wrap->column += width_of(word, length);
}

/* Of the lines that follow the one that begins at `line`. A narrow column behind a label would be no help. */
static size_t indent_of(const struct wrap *wrap, const char *line)
{
    if (wrap->indent != WRAP_LABEL)
        return wrap->indent;
    size_t indent = label_indent(line);
    return indent + NARROW > wrap->width ? 2 : indent;
}

/* Must the line end before the word, which `blanks` blanks part from what is there? */
static bool breaks(const struct wrap *wrap, const char *word, size_t blanks, size_t indent, size_t width)
{
    if (wrap->column + blanks + width_of(word, word_length(word)) > width)
        return true;
    size_t phrase = blanks > 1 ? width_of(word, phrase_length(word)) : 0;
    return wrap->column > indent && wrap->column + blanks + phrase > width && indent + phrase <= width;
}

void text_wrap(FILE *out, const char *text, struct wrap wrap)
{
    size_t indent = indent_of(&wrap, text), width = wrap.width > 2 && wrap.command ? wrap.width - 2 : wrap.width;
    bool fresh = true;
    while (*text) {
        size_t blanks = strspn(text, " "), word = word_length(text + blanks);
        if (word && width && !fresh && breaks(&wrap, text + blanks, blanks, indent, width)) {
            next_line(out, &wrap, indent);
        } else if (word) {
            fprintf(out, "%*s", (int)blanks, "");
            wrap.column += blanks;
        }
        put_word(out, text + blanks, word, &wrap, indent, width);
        text += blanks + word;
        fresh = false;
        if (*text == '\n') {
            putc('\n', out);
            text++;
            fresh = true;
            indent = indent_of(&wrap, text);
            wrap.column = *text && wrap.indent != WRAP_LABEL ? indent : 0;
            fprintf(out, "%*s", (int)wrap.column, "");
        }
    }
}

/* ---- lines ------------------------------------------------------------------------------------------------------- */

FILE *lines_start(struct lines *lines, FILE *out)
{
    *lines = (struct lines){.out = out};
    if (term_limit(out))
        lines->kept = open_memstream(&lines->text, &lines->size);
    return lines->kept ? lines->kept : out;
}

FILE *lines_start_command(struct lines *lines, FILE *out)
{
    FILE *stream = lines_start(lines, out);
    lines->command = true;
    return stream;
}

void lines_end(struct lines *lines)
{
    const struct wrap wrap = {.width = term_limit(lines->out), .indent = WRAP_LABEL, .command = lines->command};
    if (lines->kept && fclose(lines->kept) == 0)
        text_wrap(lines->out, lines->text, wrap);
    free(lines->text);
    *lines = (struct lines){0};
}

void say(FILE *out, const char *format, ...)
{
    struct lines lines;
    FILE *stream = lines_start(&lines, out);
    va_list args;
    va_start(args, format);
    vfprintf(stream, format, args);
    va_end(args);
    putc('\n', stream);
    lines_end(&lines);
}

/* ---- shortening -------------------------------------------------------------------------------------------------- */

static const char dots[] = "...";
enum { DOTS = sizeof dots - 1 };

static char *copy(char *out, size_t size, const char *text, size_t length)
{
    snprintf(out, size, "%.*s", (int)length, text);
    return out;
}

char *text_shorten(char *out, size_t size, const char *text, size_t width)
{
    size_t length = strlen(text), at = 0;
    if (width == 0 || text_width(text) <= width)
        return copy(out, size, text, length);
    size_t room = width > DOTS ? width - DOTS : 0;
    while (at < length && width_of(text, at + step(text + at)) <= room)
        at += step(text + at);
    snprintf(out, size, "%.*s%.*s", (int)at, text, (int)(width < DOTS ? width : DOTS), dots);
    return out;
}

char *text_shorten_left(char *out, size_t size, const char *text, size_t width)
{
    size_t all = text_width(text);
    if (width == 0 || all <= width)
        return copy(out, size, text, strlen(text));
    size_t room = width > DOTS ? width - DOTS : 0;
    while (*text && all > room) {
        size_t taken = step(text);
        all -= width_of(text, taken);
        text += taken;
    }
    const char *slash = strchr(text, '/'); /* whole names, where that costs little */
    if (slash && text_width(slash) * 2 > room)
        text = slash;
    snprintf(out, size, "%.*s%s", (int)(width < DOTS ? width : DOTS), dots, text);
    return out;
}

char *path_shown(char out[PATH_SHOWN], const char *path, FILE *stream)
{
    char safe[PATH_SHOWN - 4];
    text_printable(safe, sizeof safe, path);
    return text_shorten_left(out, PATH_SHOWN, safe, term_limit(stream) / 2);
}
