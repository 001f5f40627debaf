#include "core/base/hash.h"

#include <inttypes.h>
#include <stdio.h>
#include <xxhash.h>

struct hash128 hash_bytes(const void *bytes, size_t size, uint64_t seed)
{
    XXH128_hash_t hash = XXH3_128bits_withSeed(bytes, size, seed);
    return (struct hash128){.high = hash.high64, .low = hash.low64};
}

void hash_hex(char out[33], struct hash128 hash)
{
    snprintf(out, 33, "%016" PRIx64 "%016" PRIx64, hash.high, hash.low);
}
