#include "core/base/error.h"

#include <stdarg.h>
#include <stdio.h>

#undef error_set
#undef error_memory

enum status error_set(struct error *err, enum status status, const char *format, ...)
{
    if (err) {
        va_list args;
        va_start(args, format);
        err->status = status;
        vsnprintf(err->text, sizeof err->text, format, args);
        va_end(args);
    }
    return status;
}

enum status error_memory(struct error *err, const char *what, unsigned long long bytes)
{
    return error_set(err, ERR_SYSTEM,
                     "not enough memory for %s (%.1f MB): close other programs or use a smaller --batch-size", what,
                     (double)bytes / 1e6);
}
