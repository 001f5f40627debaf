#include "core/base/sha256.h"

#include <sha2.h>
#include <stdint.h>
#include <stdio.h>

void sha256_hex(char out[65], const void *bytes, size_t size)
{
    SHA2_CTX context;
    uint8_t digest[SHA256_DIGEST_LENGTH];
    SHA256Init(&context);
    SHA256Update(&context, bytes, size);
    SHA256Final(digest, &context);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(out + 2 * i, 3, "%02x", digest[i]);
}
