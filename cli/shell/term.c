#define _POSIX_C_SOURCE 200809L
#include "cli/shell/term.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#ifdef HAVE_UTF8PROC
#include <utf8proc.h>
#endif

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

static size_t code_width(uint32_t c)
{
#ifdef HAVE_UTF8PROC
    return c < ' ' || c == 0x7f ? 1 : (size_t)utf8proc_charwidth((utf8proc_int32_t)c);
#else
    (void)c;
    return 1;
#endif
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
