/* Content hashes: XXH3, 128 bits, from libxxhash. For telling files apart, not against an adversary. */
#ifndef FREEZETUNE_HASH_H
#define FREEZETUNE_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/file_map.h"

struct hash128 {
    uint64_t high, low;
};

/* -1, 0 or 1, as the 128-bit numbers. */
int hash_compare(struct hash128 x, struct hash128 y);

struct hash128 hash_bytes(const void *bytes, size_t size, uint64_t seed);

/* hash_bytes of all bytes of a file, seed 0. Errors of file_map_scan. */
MUST_CHECK enum status hash_file(struct hash128 *out, const struct file_map *map, struct error *err);

/* 32 hexadecimal digits as `xxhsum -H2` prints them, and a terminator. */
void hash_hex(char out[33], struct hash128 hash);

#endif
