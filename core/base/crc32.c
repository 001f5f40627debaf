#include "core/base/crc32.h"

#include <libdeflate.h>

uint32_t crc32_add(uint32_t crc, const void *bytes, size_t size)
{
    return libdeflate_crc32(crc, bytes, size);
}
