/* Content hashes: XXH3, 128 bits, from libxxhash. For telling files apart, not against an adversary. */
#ifndef FREEZETUNE_HASH_H
#define FREEZETUNE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash128 {
    uint64_t high, low;
};

struct hash128 hash_bytes(const void *bytes, size_t size, uint64_t seed);

/* 32 hexadecimal digits as `xxhsum -H2` prints them, and a terminator. */
void hash_hex(char out[33], struct hash128 hash);

#endif
