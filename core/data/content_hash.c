#include "core/data/content_hash.h"

#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/data/image.h"

bool content_hash(struct hash128 *out, size_t *size, const char *path)
{
    uint8_t *bytes;
    size_t count;
    if (file_read(&bytes, &count, path, IMAGE_MAX_BYTES, NULL) != OK)
        return false;
    *out = hash_bytes(bytes, count, 0);
    if (size)
        *size = count;
    memory_free(bytes);
    return true;
}
