#include "cli/version.h"

#include <stdio.h>

#include <cjson/cJSON.h>
#include <xxhash.h>
#ifdef HAVE_LIBJPEG
#include <jpeglib.h>
#endif

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

static const char *compiler(void)
{
#if defined __clang__
    return __VERSION__;
#else
    return "gcc " __VERSION__;
#endif
}

static const char *jpeg(void)
{
#if defined HAVE_LIBJPEG && defined LIBJPEG_TURBO_VERSION
    return "libjpeg-turbo " TEXT(LIBJPEG_TURBO_VERSION);
#elif defined HAVE_LIBJPEG
    return "libjpeg " TEXT(JPEG_LIB_VERSION);
#else
    return "stb_image";
#endif
}

static const char *xxhash(char space[256])
{
    unsigned version = XXH_versionNumber();
    snprintf(space, 256, "%u.%u.%u", version / 10000, version / 100 % 100, version % 100);
    return space;
}

size_t version_part_count(void)
{
    return 4;
}

struct version_part version_part(size_t i, char space[256])
{
    switch (i) {
    case 0:
        return (struct version_part){"JPEG", jpeg()};
    case 1:
        return (struct version_part){"cJSON", cJSON_Version()};
    case 2:
        return (struct version_part){"xxHash", xxhash(space)};
    default:
        return (struct version_part){"compiler", compiler()};
    }
}
