#include "core/data/line.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/base/memory.h"

enum { LISTED = 3 }; /* names in a list; the others are counted */

void line_add(struct line *line, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    int length = vsnprintf(line->bytes + line->used, sizeof line->bytes - line->used, format, values);
    va_end(values);
    line->used += length < 0 ? 0 : (size_t)length;
    if (line->used >= sizeof line->bytes)
        line->used = sizeof line->bytes - 1;
}

void line_list(struct line *line, size_t *listed, const char *name)
{
    if (*listed < LISTED)
        line_add(line, "%s%s/", *listed ? ", " : "", name);
    ++*listed;
}

void line_list_end(struct line *line, size_t listed)
{
    if (listed > LISTED)
        line_add(line, " and %zu more", listed - LISTED);
}

enum status line_take(char **out, const struct line *line, struct error *err)
{
    return line->used ? memory_strdup(out, line->bytes, err) : OK;
}
