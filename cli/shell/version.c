#include "cli/shell/version.h"

#include <stdio.h>

#include <cjson/cJSON.h>
#include <xxhash.h>

#include "core/data/image.h"
#include "core/ops/blas.h"
#include "core/ops/cpu.h"

static const char *compiler(void)
{
#if defined __clang__
    return __VERSION__;
#else
    return "gcc " __VERSION__;
#endif
}

static const char *xxhash(char space[256])
{
    unsigned version = XXH_versionNumber();
    snprintf(space, 256, "%u.%u.%u", version / 10000, version / 100 % 100, version % 100);
    return space;
}

static const char *format_text(const struct image_format *format, char space[256])
{
    if (!format->missing)
        return format->library;
    snprintf(space, 256, "not read: %s", format->missing);
    return space;
}

/* The parts before the photo formats, and all that are no formats. */
enum { FIRST = 2, FIXED = 5 };

size_t version_part_count(void)
{
    return FIXED + image_format_count();
}

static const char *blas(bool load, char space[256])
{
    struct error err;
    if (!load || blas_open(0, &err) == OK)
        return blas_library();
    snprintf(space, 256, "%.255s", err.text);
    return space;
}

struct version_part version_part(size_t i, bool load, char space[256])
{
    size_t formats = image_format_count();
    if (i >= FIRST && i < FIRST + formats) {
        struct image_format format = image_format(i - FIRST);
        return (struct version_part){format.name, format_text(&format, space)};
    }
    switch (i < FIRST ? i : i - formats) {
    case 0:
        return (struct version_part){"instructions", cpu_instructions()};
    case 1:
        return (struct version_part){"BLAS", blas(load, space)};
    case 2:
        return (struct version_part){"cJSON", cJSON_Version()};
    case 3:
        return (struct version_part){"xxHash", xxhash(space)};
    default:
        return (struct version_part){"compiler", compiler()};
    }
}
