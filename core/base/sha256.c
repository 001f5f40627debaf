#include "core/base/sha256.h"

#include <sha2.h>
#include <stdint.h>
#include <stdio.h>

static void finish(char out[65], SHA2_CTX *context)
{
    uint8_t digest[SHA256_DIGEST_LENGTH];
    SHA256Final(digest, context);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

void sha256_hex(char out[65], const void *bytes, size_t size)
{
    SHA2_CTX context;
    SHA256Init(&context);
    SHA256Update(&context, bytes, size);
    finish(out, &context);
}

static void take(void *context, const uint8_t *bytes, size_t size)
{
    SHA256Update(context, bytes, size);
}

enum status sha256_file(char out[65], const struct file_map *map, struct error *err)
{
    SHA2_CTX context;
    SHA256Init(&context);
    enum status status = file_map_scan(map, take, &context, err);
    if (status == OK)
        finish(out, &context);
    return status;
}
