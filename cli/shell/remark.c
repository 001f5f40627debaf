#include "cli/shell/remark.h"

#include <stdarg.h>
#include <stdio.h>

#include "cli/shell/progress.h"
#include "cli/shell/wrap.h"
#include "core/base/text.h"

static bool silent;

static void put_line(const char *before, const char *format, va_list args)
{
    char text[2048], safe[4096];
    if (silent)
        return;
    vsnprintf(text, sizeof text, format, args);
    progress_clear();
    text_printable(safe, sizeof safe, text);
    say(stderr, "%s%s", before, safe);
}

void warn(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    put_line("freezetune: warning: ", format, args);
    va_end(args);
}

void remark(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    put_line("", format, args);
    va_end(args);
}

void remarks_silence(void)
{
    silent = true;
}

bool remarks_shown(void)
{
    return !silent;
}
