#define _POSIX_C_SOURCE 200809L
#include "cli/shell/term.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/base/text.h"

bool term_live(void)
{
    const char *term = getenv("TERM");
    return isatty(STDERR_FILENO) && term && *term && strcmp(term, "dumb") != 0;
}

bool term_color(void)
{
    const char *no = getenv("NO_COLOR");
    return term_live() && !(no && *no);
}

int term_width(FILE *stream)
{
    struct winsize size;
    long long columns = 80;
    const char *text = getenv("COLUMNS");
    if (isatty(fileno(stream)) && ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        columns = size.ws_col;
    else if (!text || !text_to_long(&columns, text) || columns <= 0)
        columns = 80;
    return columns < 40 ? 40 : columns > 400 ? 400 : (int)columns;
}

size_t term_limit(FILE *stream)
{
    int fd = fileno(stream);
    return fd >= 0 && isatty(fd) ? (size_t)term_width(stream) : 0;
}

/* The blocks that matter in file names, not all of Unicode's tables: combining marks, East Asian wide, emoji. */
static size_t code_width(uint32_t c)
{
    static const struct {
        uint32_t first, last;
        size_t width;
    } ranges[] = {
        {0x0300, 0x036F, 0},   {0x0591, 0x05BD, 0},   {0x064B, 0x065F, 0},   {0x0E34, 0x0E3A, 0}, {0x0E47, 0x0E4E, 0},
        {0x1100, 0x115F, 2},   {0x1AB0, 0x1AFF, 0},   {0x1DC0, 0x1DFF, 0},   {0x200B, 0x200F, 0}, {0x20D0, 0x20FF, 0},
        {0x2E80, 0x303E, 2},   {0x3041, 0xA4CF, 2},   {0xAC00, 0xD7A3, 2},   {0xF900, 0xFAFF, 2}, {0xFE00, 0xFE0F, 0},
        {0xFE20, 0xFE2F, 0},   {0xFE30, 0xFE6F, 2},   {0xFF00, 0xFF60, 2},   {0xFFE0, 0xFFE6, 2}, {0x1F300, 0x1F64F, 2},
        {0x1F680, 0x1F6FF, 2}, {0x1F900, 0x1F9FF, 2}, {0x20000, 0x3FFFD, 2},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (c >= ranges[i].first && c <= ranges[i].last)
            return ranges[i].width;
    return 1;
}

size_t text_width(const char *text)
{
    size_t width = 0;
    while (*text) {
        size_t length = text_utf8_length(text);
        width += length ? code_width(text_code_point(text, length)) : 1;
        text += length ? length : 1;
    }
    return width;
}

const char *term_style(enum term_style style)
{
    static const char *const codes[] = {"\033[0m", "\033[1m", "\033[2m", "\033[32m", "\033[33m", "\033[31m"};
    return term_color() ? codes[style] : "";
}
