#include "core/base/crc32.h"

#include <zlib.h>

uint32_t crc32_add(uint32_t crc, const void *bytes, size_t size)
{
    return (uint32_t)crc32_z(crc, bytes, size);
}
