#include "core/base/hash.h"

#include <inttypes.h>
#include <stdio.h>
#include <xxhash.h>

int hash_compare(struct hash128 x, struct hash128 y)
{
    if (x.high != y.high)
        return x.high < y.high ? -1 : 1;
    return (x.low > y.low) - (x.low < y.low);
}

struct hash128 hash_bytes(const void *bytes, size_t size, uint64_t seed)
{
    XXH128_hash_t hash = XXH3_128bits_withSeed(bytes, size, seed);
    return (struct hash128){.high = hash.high64, .low = hash.low64};
}

static void take(void *state, const uint8_t *bytes, size_t size)
{
    XXH3_128bits_update(state, bytes, size);
}

enum status hash_file(struct hash128 *out, const struct file_map *map, struct error *err)
{
    XXH3_state_t *state = XXH3_createState();
    if (!state)
        return error_memory(err, "a hash", sizeof *out);
    XXH3_128bits_reset(state);
    enum status status = file_map_scan(map, take, state, err);
    if (status == OK) {
        XXH128_hash_t hash = XXH3_128bits_digest(state);
        *out = (struct hash128){.high = hash.high64, .low = hash.low64};
    }
    XXH3_freeState(state);
    return status;
}

void hash_hex(char out[33], struct hash128 hash)
{
    snprintf(out, 33, "%016" PRIx64 "%016" PRIx64, hash.high, hash.low);
}
